"""What the ``perdure key`` commands do."""

import json
import os
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.config import EncryptionSettings, load_settings, resolve_secret
from perdure.config.settings_text import by_hand, with_active_key
from perdure.engine.key_files import fingerprint, keep_in_keyring, write_key
from perdure.engine.key_ring import read_key
from perdure.errors import PerdureError, UsageError

_SETTINGS_FILE = "perdure.toml"
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def new(key_id: str | None, *, out: Path | None, keyring: str | None) -> int:
    """Make a key, and print what settings have to say.

    Raises:
        UsageError: There is such a key already, or it cannot be written.
        SecretError: There is no keyring.
    """
    known = load_settings().encryption
    key_id = _free(key_id or _today(known), known)
    reference = _make(key_id, Path.cwd(), out=out, keyring=keyring)
    typer.echo(f"[encryption.keys]\n{json.dumps(key_id)} = {json.dumps(reference)}")
    _errors.say()
    _errors.say(
        f"made {reference}, for its owner alone: never commit it, and keep a copy as of other secrets"
    )
    _errors.say("put the lines above into the perdure.toml of every machine that has the key; then make it")
    _errors.say(f"active: perdure key rotate {key_id}")
    return 0


def rotate(key_id: str | None, *, out: Path | None, keyring: str | None) -> int:
    """Make a key active in the settings file.

    Raises:
        UsageError: Settings come from variables, the file cannot be changed, or a key cannot be written.
        SecretError: There is no keyring.
    """
    settings = load_settings()
    known = settings.encryption
    key_id = key_id or _today(known)
    if key_id == known.active_key_id:
        raise UsageError(f"the key {key_id!r} is active already", hint="see: perdure key list")
    _require_no_variables(key_id)
    file = Path(_SETTINGS_FILE if settings.source == "defaults" else settings.source)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    # Tried before a key is made: one that no settings name would be forgotten.
    with_active_key(text, key_id, None if key_id in known.keys else "file:tried")
    reference = None
    if key_id not in known.keys:
        made = _make(_free(key_id, known), file.parent, out=out, keyring=keyring)
        # Settings take a relative path as relative to their file.
        reference = made.replace(f"file:{file.parent.absolute()}{os.sep}", "file:")
        _errors.say(
            f"made {reference}, for its owner alone: never commit it, and keep a copy as of other secrets"
        )
    _replace(file, with_active_key(text, key_id, reference))
    _errors.say(f"{file}: {by_hand(key_id, reference)}")
    if known.active_key_id is not None:
        _errors.say(f"{known.active_key_id!r} still reads what it has written")
    _errors.say("give the key to every machine that reads, and start workers, clients and codec server again")
    typer.echo(key_id)
    return 0


def list_keys(*, as_json: bool) -> int:
    """Print the keys that settings name.

    Raises:
        SettingsError: The settings cannot be used.
    """
    known = load_settings().encryption
    rows = [_row(known, key_id, reference) for key_id, reference in known.keys.items()]
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return 0
    if not rows:
        _errors.say("settings name no key: nothing is encrypted. Make one with: perdure key rotate")
        return 0
    typer.echo("id\tactive\tfingerprint\twhere\torganizations")
    for row in rows:
        active = "active" if row["active"] else ""
        where = f"{row['reference']}" + (f" ({row['problem']})" if row["problem"] else "")
        organizations = ", ".join(known_of(known, str(row["id"])))
        typer.echo(f"{row['id']}\t{active}\t{row['fingerprint'] or '-'}\t{where}\t{organizations}".rstrip())
    return 0


def known_of(known: EncryptionSettings, key_id: str) -> list[str]:
    """Return the organisations whose workflows have this key."""
    return [name for name, wanted in known.organizations.items() if wanted == key_id]


def _row(known: EncryptionSettings, key_id: str, reference: str) -> dict[str, object]:
    shown, problem = None, None
    try:
        shown = fingerprint(read_key(resolve_secret(reference), key_id=key_id))
    except PerdureError as error:
        problem = str(error)
    return {
        "id": key_id,
        "active": key_id == known.active_key_id,
        "fingerprint": shown,
        "reference": reference,
        "organizations": known_of(known, key_id),
        "problem": problem,
    }


def _make(key_id: str, folder: Path, *, out: Path | None, keyring: str | None) -> str:
    if out is not None and keyring is not None:
        raise UsageError("a key is kept in one place", hint="give either --out or --keyring")
    if keyring is not None:
        return keep_in_keyring(keyring, key_id)
    return write_key((out or folder / f"{key_id}.key").absolute())


def _free(key_id: str, known: EncryptionSettings) -> str:
    if not _KEY_ID.fullmatch(key_id):
        msg = f"{key_id!r} cannot be a key's id"
        raise UsageError(msg, hint="use letters, digits, dots, dashes and underscores, 63 at most")
    if key_id in known.keys:
        msg = f"settings name a key {key_id!r} already"
        raise UsageError(msg, hint="give another id; see: perdure key list")
    return key_id


def _today(known: EncryptionSettings) -> str:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    choices = (today, *(f"{today}.{number}" for number in range(2, 100)))
    return next(choice for choice in choices if choice not in known.keys)


def _require_no_variables(key_id: str) -> None:
    names = [
        name for name in ("PERDURE_ENCRYPTION_KEYS", "PERDURE_ENCRYPTION_ACTIVE") if os.environ.get(name)
    ]
    if names:
        msg = f"{' and '.join(names)} would beat what is written into the settings file"
        raise UsageError(
            msg, hint=f"make a key with `perdure key new {key_id}`, and change the variables yourself"
        )


def _replace(file: Path, text: str) -> None:
    """Write the whole file or nothing of it, with the mode that it had."""
    try:
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
        with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as beside:
            beside.write(text)
        Path(beside.name).chmod(mode)
        Path(beside.name).replace(file)
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        raise UsageError(msg, hint="change it yourself: the key is made") from None
