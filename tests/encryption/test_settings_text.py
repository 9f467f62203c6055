"""A settings file is changed where it has to be, and stays as its author wrote it elsewhere."""

import tomllib

import pytest

from perdure.config.settings_text import with_active_key
from perdure.errors import SettingsError

NEW = ("2026-11-22", "file:2026-11-22.key")
FILES = {
    "empty": "",
    "something else": "# mine\n[github]\napp_id = 1 # the App\nprivate_key = 'file:app.pem'",
    "one key": '[encryption]\nactive = "a"\n\n[encryption.keys]\na = "env:A"  # the first\n',
    "no active": '[encryption.keys]\na = "env:A"\n\n[store]\npath = "kept"\n',
    "inline": '[encryption]\nkeys = { a = "env:A" }\n',
    "inline and empty": "[encryption]\nkeys = {}\ncodec_port = 1\n",
    "keys first": "[encryption.keys]\na = \"env:A\"\n[encryption]\nactive = 'a'\n[watch]\n",
    "no line end": '[encryption]\nactive = "a" # now\n[encryption.keys]\na = "env:A"',
    "section alone": "[encryption]\n\n[github]\n",
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_new_key_is_named_and_made_active(text):
    """Everything else means what it meant, and every comment is still there."""
    wanted = tomllib.loads(text)
    section = wanted.setdefault("encryption", {})
    section.setdefault("keys", {})[NEW[0]] = NEW[1]
    section["active"] = NEW[0]
    changed = with_active_key(text, *NEW)
    assert tomllib.loads(changed) == wanted
    for line in text.splitlines():
        if not line.startswith(("active", "keys")):
            assert line in changed.splitlines()
    assert changed.count("#") == text.count("#")


def test_a_key_that_is_named_already_is_only_made_active():
    """Its reference may be anything, and stays."""
    text = '[encryption]\nactive = "a"\nkeys = {a = "env:A", b = "env:B"}\n'
    assert with_active_key(text, "b", None) == text.replace('active = "a"', 'active = "b"')


@pytest.mark.parametrize(
    "text", ['encryption = {active = "a", keys = {a = "env:A"}}\n', 'encryption.active = "a"\n']
)
def test_a_file_that_cannot_be_changed_safely_is_left_alone(text):
    """A person is told what to write instead."""
    with pytest.raises(SettingsError, match="not safe") as refused:
        with_active_key(text, *NEW)
    assert '"2026-11-22" = "file:2026-11-22.key" in [encryption.keys]' in str(refused.value.hint)
