"""New keys, put where only their owner can read them."""

import hashlib
import os
from pathlib import Path

from perdure.engine.key_ring import new_key
from perdure.errors import SecretError, UsageError


def write_key(path: Path) -> str:
    """Make a key, write it into a file of mode 0600, and return its secret reference.

    Raises:
        UsageError: There is a file already, or none can be written.
    """
    try:
        # Made with its mode: between a write and a chmod others could read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        msg = f"{path} is there already"
        raise UsageError(
            msg, hint="name another file with --out: a key that something was encrypted with must not be lost"
        ) from None
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise UsageError(msg, hint="name another file with --out") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{new_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    return f"file:{path}"


def keep_in_keyring(service: str, key_id: str) -> str:
    """Make a key, put it into the operating system's keyring, and return its secret reference.

    Raises:
        UsageError: There is one already.
        SecretError: There is no keyring.
    """
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        msg = "the package keyring is not installed"
        raise SecretError(msg, hint="pip install 'perdure[keyring]'") from None
    try:
        if keyring.get_password(service, key_id):
            msg = f"keyring:{service}/{key_id} is there already"
            raise UsageError(
                msg, hint="give the key another id: one that something was encrypted with must not be lost"
            )
        keyring.set_password(service, key_id, new_key())
    except KeyringError as error:
        msg = f"the keyring cannot be used: {type(error).__name__}"
        raise SecretError(msg, hint="write the key into a file with --out where no keyring runs") from None
    return f"keyring:{service}/{key_id}"


def fingerprint(key: bytes) -> str:
    """Return what tells a key from others without telling anything of it."""
    return hashlib.blake2b(key, digest_size=4, person=b"perdure-key").hexdigest()
