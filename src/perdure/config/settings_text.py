"""A settings file changed in place, with everything that a person wrote around it left as it is."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

from perdure.errors import SettingsError


def with_active_key(text: str, key_id: str, reference: str | None) -> str:
    """Return a settings file in which a key is active, and named if it has not been.

    Args:
        text: The file.
        key_id: The key's id.
        reference: Where it is; ``None`` where the file names it already.

    Raises:
        SettingsError: The file is written in a way that cannot be changed safely. Nothing is changed then.
    """
    wanted: dict[str, Any] = tomllib.loads(text)
    section = wanted.setdefault("encryption", {})
    section["active"] = key_id
    changed = _with_active(text, key_id)
    if reference is not None:
        section.setdefault("keys", {})[key_id] = reference
        changed = _with_key(changed, f"{json.dumps(key_id)} = {json.dumps(reference)}")
    try:
        is_right = tomllib.loads(changed) == wanted
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        msg = "the settings file is written in a way that is not safe to change from here"
        raise SettingsError(msg, hint=f"write it yourself: {by_hand(key_id, reference)}")
    return changed


def by_hand(key_id: str, reference: str | None) -> str:
    """Return what a person would write for :func:`with_active_key`, in a sentence."""
    active = f"active = {json.dumps(key_id)} in [encryption]"
    if reference is None:
        return active
    return f"{json.dumps(key_id)} = {json.dumps(reference)} in [encryption.keys], and {active}"


def _with_active(text: str, key_id: str) -> str:
    line = f"active = {json.dumps(key_id)}"
    found = re.search(r"^[ \t]*\[encryption\][^\n]*\n?", text, re.MULTILINE)
    if found is None:
        below = re.search(r"^[ \t]*\[encryption\.", text, re.MULTILINE)
        # A table has to come before those that are named below it, for people.
        place = below.start() if below else len(text)
        gap = "\n" if place == len(text) and text.strip() else ""
        return f"{_ended(text[:place])}{gap}[encryption]\n{line}\n{_apart(text[place:])}"
    start, end = found.end(), _end_of_table(text, found.end())
    inside = text[start:end]
    replaced, count = re.subn(
        r"^([ \t]*)active[ \t]*=[ \t]*(?:\"[^\"\n]*\"|'[^'\n]*')", rf"\g<1>{line}", inside, flags=re.MULTILINE
    )
    if not count:
        replaced = f"{line}\n{inside}"
    return f"{_ended(text[:start])}{replaced}{text[end:]}"


def _with_key(text: str, line: str) -> str:
    if found := re.search(r"^[ \t]*\[encryption\.keys\][^\n]*\n?", text, re.MULTILINE):
        end = _end_of_table(text, found.end())
        inside = text[found.end() : end]
        kept = inside.rstrip()
        head = _ended(text[: found.end()]) + (f"{kept}\n" if kept else "")
        return f"{head}{line}\n{inside[len(kept) :].removeprefix(chr(10))}{text[end:]}"
    if found := re.search(r"^[ \t]*keys[ \t]*=[ \t]*\{([^\n}]*)\}", text, re.MULTILINE):
        pairs = found[1].strip().rstrip(",")
        joined = f"{pairs}, {line}" if pairs else line
        return f"{text[: found.start(1)]} {joined} {text[found.end(1) :]}"
    return f"{_ended(text)}\n[encryption.keys]\n{line}\n"


def _end_of_table(text: str, start: int) -> int:
    following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, start)
    return following.start() if following else len(text)


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _apart(text: str) -> str:
    return f"\n{text}" if text else text
