import pickle
import sys

import keyring
import pytest
from keyring.backend import KeyringBackend

from perdure.config import resolve_secret
from perdure.errors import SecretError

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


class MemoryKeyring(KeyringBackend):
    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password


@pytest.fixture
def memory_keyring():
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    keyring.set_password("perdure", "app/key", TOKEN)
    yield
    keyring.set_keyring(before)


def test_a_secret_never_shows_itself(tmp_path):
    """Neither printing, formatting nor pickling gives the value away."""
    secret = resolve_secret("env:T", environ={"T": TOKEN})

    assert secret.reveal() == TOKEN
    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError, match="send its reference"):
        pickle.dumps(secret)


def test_each_kind_of_reference_leads_to_its_value(tmp_path, memory_keyring):
    """A variable, a file and a keyring's entry are read; the ends are trimmed."""
    (tmp_path / "token").write_text(TOKEN + "\n")

    assert resolve_secret(f"file:{tmp_path / 'token'}").reveal() == TOKEN
    assert resolve_secret("keyring:perdure/app/key").reveal() == TOKEN


def test_a_private_key_that_others_may_read_is_refused(tmp_path):
    """As ssh does: the message says what to type."""
    file = tmp_path / "app.pem"
    file.write_text(KEY)
    file.chmod(0o640)

    with pytest.raises(SecretError, match="others on this machine may read") as caught:
        resolve_secret(f"file:{file}")
    assert caught.value.hint == f"chmod 600 {file}"

    file.chmod(0o600)
    assert resolve_secret(f"file:{file}").reveal() == KEY.strip()


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NOT_SET", "env:NOT_SET is empty or not set"),
        ("env:EMPTY", "env:EMPTY is empty or not set"),
        ("file:/nowhere/key.pem", "No such file"),
        ("keyring:perdure/nothing", "is empty or not set"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(reference, said, memory_keyring):
    """The error names the reference, and its hint says how to fill it."""
    with pytest.raises(SecretError, match=said):
        resolve_secret(reference, environ={"EMPTY": ""})


@pytest.mark.parametrize("pasted", [TOKEN, KEY, f"env:{TOKEN}", f"file:{KEY}", "s3cr3t-of-unknown-shape"])
def test_a_pasted_secret_is_refused_without_repeating_it(pasted):
    """Errors end up in logs: they never carry what may be the secret."""
    with pytest.raises(SecretError, match=r"holds the secret itself|no secret reference") as caught:
        resolve_secret(pasted)

    assert pasted not in str(caught.value)
    assert "env:NAME" in (caught.value.hint or "")


def test_without_the_keyring_package_the_error_says_what_to_install(monkeypatch):
    """The extra is optional."""
    monkeypatch.setitem(sys.modules, "keyring", None)

    with pytest.raises(SecretError, match="needs the package keyring") as caught:
        resolve_secret("keyring:a/b")
    assert "perdure[keyring]" in (caught.value.hint or "")
