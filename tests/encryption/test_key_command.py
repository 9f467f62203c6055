"""Keys are made for their owner alone, become active one after the other, and are never shown."""

import json
import re
import tomllib

import pytest
from typer.testing import CliRunner

from perdure.cli import app
from perdure.config import load_settings
from perdure.engine.key_ring import KeyRing


@pytest.fixture
def type_in(tmp_path, monkeypatch):
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def typed(*words, **variables):
        return CliRunner().invoke(app, ["key", *words], env=variables)

    return typed


def keys_in(folder):
    return {file.stem: file.read_text().strip() for file in folder.glob("*.key")}


def test_a_new_key_is_for_its_owner_alone_and_settings_take_what_is_printed(type_in, tmp_path):
    """Nothing of its value is printed."""
    answer = type_in("new", "first")
    assert answer.exit_code == 0
    assert (tmp_path / "first.key").stat().st_mode & 0o777 == 0o600
    (tmp_path / "perdure.toml").write_text(answer.stdout)
    assert KeyRing.of(load_settings().encryption).active == "first"
    assert keys_in(tmp_path)["first"] not in answer.output
    again = type_in("new", "second", "--out", "first.key")
    assert (again.exit_code, "there already" in again.stderr) == (2, True)


def test_rotating_makes_a_key_active_and_keeps_the_old_ones(type_in, tmp_path):
    """The first time it switches encryption on; each time the file says so."""
    (tmp_path / "perdure.toml").write_text("# mine\n[watch]\nshortest_interval = '1s'\n")
    first = type_in("rotate")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", first.stdout.strip()), first.output
    second = type_in("rotate")
    assert second.stdout.strip() == f"{first.stdout.strip()}.2"
    assert type_in("new", "third").exit_code == 0
    settings = load_settings().encryption
    assert (list(settings.keys), settings.active) == (
        [first.stdout.strip(), second.stdout.strip()],
        second.stdout.strip(),
    )
    assert (tmp_path / "perdure.toml").read_text().startswith("# mine\n")
    back = type_in("rotate", first.stdout.strip())
    assert (back.exit_code, load_settings().encryption.active) == (0, first.stdout.strip())
    active = type_in("rotate", first.stdout.strip())
    assert (active.exit_code, "active already" in active.stderr) == (2, True)


def test_a_list_tells_keys_apart_and_shows_none(type_in, tmp_path):
    """A key that cannot be read is listed with why."""
    type_in("rotate", "good")
    with (tmp_path / "perdure.toml").open("a") as file:
        file.write('gone = "env:NOT_SET_ANYWHERE"\n[encryption.organizations]\nacme = "gone"\n')
    table = type_in("list")
    rows = [json.loads(line) for line in type_in("list", "--json").stdout.splitlines()]
    assert [(row["id"], row["active"]) for row in rows] == [("good", True), ("gone", False)]
    assert re.fullmatch(r"[0-9a-f]{8}", rows[0]["fingerprint"])
    assert (rows[1]["fingerprint"], rows[1]["organizations"]) == (None, ["acme"])
    assert "NOT_SET_ANYWHERE" in rows[1]["problem"]
    assert "\nacme" not in table.stdout
    for value in keys_in(tmp_path).values():
        assert value not in table.output
    assert "env:NOT_SET_ANYWHERE" in table.stdout


def test_without_keys_the_list_says_what_that_means(type_in):
    """And how to change it."""
    answer = type_in("list")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "perdure key rotate" in answer.stderr


@pytest.mark.parametrize(
    ("words", "variables", "says"),
    [
        (["new", "bad/id"], {}, "cannot be a key's id"),
        (["new", "a", "--out", "x.key", "--keyring", "s"], {}, "one place"),
        (["new", "a", "--out", "no/such/folder.key"], {}, "cannot be written"),
        (["rotate"], {"PERDURE_ENCRYPTION_KEYS": "a=env:A"}, "would beat"),
    ],
)
def test_bad_input_makes_no_key(type_in, tmp_path, words, variables, says):
    """A key that nobody knows of would be lost."""
    answer = type_in(*words, **variables)
    assert (answer.exit_code, says in answer.stderr) == (2, True)
    assert keys_in(tmp_path) == {}


def test_a_keyring_holds_a_key(type_in, monkeypatch):
    """Where the operating system has one, no file does."""
    import keyring

    kept = {}
    monkeypatch.setattr(keyring, "get_password", lambda *place: kept.get(place))
    monkeypatch.setattr(keyring, "set_password", lambda *words: kept.update({words[:2]: words[2]}))
    answer = type_in("new", "main", "--keyring", "perdure")
    assert tomllib.loads(answer.stdout) == {"encryption": {"keys": {"main": "keyring:perdure/main"}}}
    [(place, key)] = kept.items()
    assert (place, key.startswith("pdk1_")) == (("perdure", "main"), True)
    assert key not in answer.output
    twice = type_in("new", "main", "--keyring", "perdure")
    assert (twice.exit_code, "there already" in twice.stderr) == (2, True)
