from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.config import load_settings, parse_duration
from perdure.errors import SettingsError


def load(folder: Path, text: str | None = None, **variables: str):
    if text is not None:
        (folder / "perdure.toml").write_text(text)
    return load_settings(environ={"HOME": str(folder / "home"), **variables}, folder=folder)


def test_without_file_and_variables_the_defaults_hold(tmp_path):
    """Nothing has to be configured."""
    settings = load(tmp_path)

    assert settings.source == "defaults"
    assert settings.github.url == "https://api.github.com"
    assert settings.github.grace_time == timedelta(seconds=120)
    assert settings.github.token is None
    assert settings.local.port == 7233


def test_a_file_is_read_and_named(tmp_path):
    """Values come from perdure.toml in the current folder, and the settings say so."""
    settings = load(tmp_path, '[watch]\nlongest_interval = "1m"\n[worker]\ndispatches_per_second = 0\n')

    assert settings.watch.longest_interval == timedelta(minutes=1)
    assert settings.worker.dispatches_per_second is None
    assert settings.source == str(tmp_path / "perdure.toml")


def test_a_variable_beats_the_file(tmp_path):
    """The environment is the nearer will."""
    settings = load(tmp_path, "[local]\nport = 1\nui_port = 2\n", PERDURE_LOCAL_PORT="3")

    assert (settings.local.port, settings.local.ui_port) == (3, 2)


def test_the_users_own_file_is_found_where_the_folder_has_none(tmp_path):
    """$XDG_CONFIG_HOME, else ~/.config, holds a person's settings."""
    for home in ("home/.config", "xdg"):
        (tmp_path / home / "perdure").mkdir(parents=True)
        (tmp_path / home / "perdure" / "perdure.toml").write_text(f'[local]\nfolder = "{home}"\n')

    assert load(tmp_path).local.folder == Path("home/.config")
    assert load(tmp_path, XDG_CONFIG_HOME=str(tmp_path / "xdg")).local.folder == Path("xdg")


def test_perdure_config_names_another_file(tmp_path):
    """PERDURE_CONFIG wins over every place, and must exist."""
    other = tmp_path / "other.toml"
    other.write_text("[local]\nport = 9\n")

    assert load(tmp_path, "[local]\nport = 1\n", PERDURE_CONFIG=str(other)).local.port == 9
    with pytest.raises(SettingsError, match=r"missing\.toml, which is no file"):
        load(tmp_path, PERDURE_CONFIG=str(tmp_path / "missing.toml"))


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("[local]\nport = 1\nuiport = 2\n", r"perdure\.toml:3: uiport is not known", "did you mean ui_port?"),
        ("\n[githb]\nurl = ''\n", r"perdure\.toml:2: \[githb\] is not known", "did you mean github?"),
        ("port = 1\n", r"perdure\.toml:1: \[port\] is not known", "known are approvals, encryption, github"),
        (
            "[zzz]\n",
            r"perdure\.toml:1: \[zzz\] is not known",
            "known are approvals, encryption, github, index, local, logs, metrics, notify, review, store,"
            " tracing, watch, webhooks, worker",
        ),
        ("local.port = 99999\n", r"perdure\.toml:1: port is wrong: .*65535", None),
        (
            "[watch]\nshortest_interval = 'soon'\n",
            r"perdure\.toml:2: shortest_interval is no duration",
            None,
        ),
        ("[watch\n", "is not TOML", "toml.io"),
        ("[github]\nurl='http://github.example'\n", r":2: url must use https", None),
        ("[github]\nurl='https://github.com'\n", r":2: url is GitHub's website", None),
        ("[github]\nurl='https://u:p@ghe.example'\n", r":2: url must be an address alone", None),
        ("[github]\napp_id = 1\n", r"\[github\] names an App without private_key", "file:PATH"),
        ("[github]\nprivate_key = 'env:K'\n", r"without app_id or client_id", "set one of them"),
        ("[worker]\nqueue_suffix = 'a b'\n", r"perdure\.toml:2: queue_suffix is wrong", None),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path, text, said, hint):
    """The message says the line, what is wrong and what is valid."""
    with pytest.raises(SettingsError, match=said) as caught:
        load(tmp_path, text)

    assert (hint is None) or hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("name", "value", "said", "hint"),
    [
        (
            "PERDURE_GITHUB_ULR",
            "x",
            "PERDURE_GITHUB_ULR is not known",
            "did you mean PERDURE_GITHUB_URL?",
        ),
        ("PERDURE_LOCAL_PORT", "many", "PERDURE_LOCAL_PORT is wrong", None),
        ("PERDURE_GITHUB_PRIVATE_KEY", "-----BEGIN RSA", "PERDURE_GITHUB_PRIVATE_KEY holds", "env:NAME"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(tmp_path, name, value, said, hint):
    """A misspelled variable is a limit that nobody set: it is an error."""
    with pytest.raises(SettingsError, match=said) as caught:
        load(tmp_path, **{name: value})

    assert (hint is None) or hint in (caught.value.hint or "")


def test_a_variable_that_holds_a_referred_secret_is_no_setting(tmp_path):
    """A secret may live in a variable whose name starts with PERDURE_."""
    settings = load(tmp_path, "[github]\ntoken = 'env:PERDURE_MY_TOKEN'\n", PERDURE_MY_TOKEN="x")

    assert settings.github.token == "env:PERDURE_MY_TOKEN"


@pytest.mark.parametrize(("value", "expected"), [("x", "env:GITHUB_TOKEN"), ("", None)])
def test_github_token_is_the_default_token_where_it_is_set(tmp_path, value, expected):
    """An empty GITHUB_TOKEN, as CI passes for a missing secret, counts as unset."""
    assert load(tmp_path, GITHUB_TOKEN=value).github.token == expected


def test_a_key_files_relative_path_starts_at_the_settings_file(tmp_path):
    """A worker that is started elsewhere finds the key that lies beside its settings."""
    file = tmp_path / "etc" / "perdure.toml"
    file.parent.mkdir()
    file.write_text("[github]\napp_id = 1\nprivate_key = 'file:app.pem'\n")

    settings = load(tmp_path, PERDURE_CONFIG=str(file))

    assert settings.github.private_key == f"file:{tmp_path / 'etc' / 'app.pem'}"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8300", "http://localhost:1", "http://github.localhost/api/v3/"]
)
def test_this_machine_may_be_asked_over_http(tmp_path, url):
    """The emulator needs no certificate."""
    assert load(tmp_path, PERDURE_GITHUB_URL=url).github.url == url.rstrip("/")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        ("90", 90),
        ("1.5", 1.5),
        ("250ms", 0.25),
    ],
)
def test_durations_are_written_as_people_do(text, seconds):
    """A unit may follow; a bare number is seconds."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.text(max_size=12))
def test_no_text_breaks_the_reading_of_durations(text):
    """Every text is a duration of at least zero or a ValueError."""
    try:
        found = parse_duration(text)
    except ValueError:
        return
    assert isinstance(found, timedelta)
    assert found >= timedelta(0)


def test_models_are_read_from_words_tables_and_variables(tmp_path):
    """A list of models is as easily tried out as written down, and a key's file lies beside the settings."""
    text = '[review]\nover_budget = "ask"\n[[review.models]]\nmodel = "openai:a"\nkey = "file:key"\n'
    written = load(tmp_path, text).review
    tried = load(tmp_path, text, PERDURE_REVIEW_MODELS="openai:b@http://127.0.0.1:9/v1/, anthropic:c").review
    usual = load(tmp_path, text, PERDURE_MODEL="openai:d", OPENAI_API_KEY="k").review

    assert (written.models[0].model, written.models[0].key) == ("openai:a", f"file:{tmp_path / 'key'}")
    assert [(each.model, each.base_url, each.key_reference) for each in tried.models] == [
        ("openai:b", "http://127.0.0.1:9/v1", None),
        ("anthropic:c", None, "env:ANTHROPIC_API_KEY"),
    ]
    assert [(each.model, each.key_reference) for each in usual.models] == [("openai:d", "env:OPENAI_API_KEY")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('models = ["gpt-5"]', r"perdure\.toml:2: models names 'gpt-5'"),
        ('models = ["openai:a@ftp://b"]', r"perdure\.toml:2: models"),
        ('[[review.models]]\nmodel = "openai:a"\ninput_price = 1', r"perdure\.toml:2: models .*one price"),
        ('[[review.analysers]]\nname = "ruff"\ncommand = ["x"]', "Perdure's own"),
    ],
)
def test_a_model_or_analyser_that_cannot_be_used_is_refused(tmp_path, text, message):
    """Mistakes in what costs money are found when settings are read."""
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, f"[review]\n{text}\n")
