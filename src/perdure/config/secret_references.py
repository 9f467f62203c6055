"""Secret references, and the values that they lead to."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from perdure.errors import SecretError

_LOOKS_SECRET = re.compile(r"-----BEGIN|\bgh[pousr]_|\bgithub_pat_|\beyJ[A-Za-z0-9_-]{10}|\bpdk1_")
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+|keyring:[^/]+/.+")
_REFERENCE_HINT = "use a reference: env:NAME, file:PATH or keyring:SERVICE/NAME"


def check_reference(reference: str) -> str:
    """Return the reference, or raise a ``ValueError`` that never repeats what it was given."""
    # A value that is no reference may be the secret itself, so that it is never repeated.
    if _LOOKS_SECRET.search(reference):
        msg = f"holds the secret itself; {_REFERENCE_HINT}"
        raise ValueError(msg)
    if not _REFERENCE.fullmatch(reference):
        msg = f"is no secret reference; {_REFERENCE_HINT}"
        raise ValueError(msg)
    return reference


def looks_secret(text: str) -> bool:
    """Say whether the text holds something of a private key's or a token's shape."""
    return _LOOKS_SECRET.search(text) is not None


_SHORTEST_KNOWN = 12
_known: set[str] = set()


def known_values() -> frozenset[str]:
    """Return every secret that this process has resolved, for logs to leave out. Shorter ones are words."""
    return frozenset(_known)


class Secret:
    """A secret value that shows itself only to :meth:`reveal`."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, *, reference: str) -> None:
        self._value = value
        self.reference = reference
        if len(value) >= _SHORTEST_KNOWN:
            _known.add(value)

    def reveal(self) -> str:
        """Return the value. Never log it, never put it in an error, a history or a URL."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"

    def __reduce__(self) -> str:
        msg = "a Secret cannot be pickled: send its reference"
        raise TypeError(msg)


def resolve_secret(reference: str, *, environ: Mapping[str, str] | None = None) -> Secret:
    """Read what a secret reference names.

    Raises:
        SecretError: The reference leads nowhere, or the file of a private key is open to others.
    """
    try:
        kind, _, name = check_reference(reference).partition(":")
    except ValueError as error:
        message, _, hint = str(error).partition("; ")
        raise SecretError(f"the value given {message}", hint=hint) from None
    match kind:
        case "env":
            value = (os.environ if environ is None else environ).get(name, "")
        case "file":
            value = _read_secret_file(Path(name).expanduser())
        case _:
            value = _read_keyring(*name.split("/", 1))
    if not value.strip():
        raise SecretError(f"{reference} is empty or not set", hint=_HINTS[kind].format(name=name))
    return Secret(value.strip(), reference=reference)


_HINTS = {
    "env": "set the variable {name} where Perdure runs",
    "file": "write the secret into {name}",
    "keyring": "store it with: keyring set SERVICE NAME",
}


def _read_secret_file(file: Path) -> str:
    try:
        value = file.read_text(encoding="utf-8")
        mode = stat.S_IMODE(file.stat().st_mode)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SecretError(f"file:{file} cannot be read: {reason}") from None
    if os.name == "posix" and mode & 0o077 and ("PRIVATE KEY-----" in value or value.startswith("pdk1_")):
        msg = f"file:{file} holds a private key that others on this machine may read (mode {mode:04o})"
        raise SecretError(msg, hint=f"chmod 600 {file}")
    return value


def _read_keyring(service: str, name: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        msg = f"keyring:{service}/{name} needs the package keyring"
        raise SecretError(msg, hint="pip install 'perdure[keyring]'") from None
    try:
        return keyring.get_password(service, name) or ""
    except KeyringError as error:
        msg = f"keyring:{service}/{name} cannot be read: {type(error).__name__}"
        raise SecretError(msg, hint="use env:NAME or file:PATH where no keyring runs") from None
