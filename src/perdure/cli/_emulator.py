"""What ``perdure emulator`` does."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import typer
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from perdure.cli import _errors
from perdure.config import load_settings, resolve_secret
from perdure.emulator import App, EmulatorSettings, RunningEmulator, StateInUseError, Webhook, run_emulator
from perdure.engine.ports import require_free
from perdure.errors import LocalEngineError, UsageError


def serve(
    root: Path,
    options: Mapping[str, Any],
    *,
    port: int | None,
    apps: Iterable[str],
    webhook: Webhook | None,
) -> int:
    """Serve the folder until a signal asks to stop.

    Raises:
        UsageError: The folder is none, or an option cannot be used.
        LocalEngineError: The port or the state folder is in use.
    """
    if not root.is_dir():
        msg = f"{root} is no folder"
        raise UsageError(msg, hint=f"make one with a repository in it: git init --bare {root}/OWNER/REPO.git")
    settings = EmulatorSettings(apps=tuple(_read_app(text) for text in apps), webhook=webhook, **options)
    wanted = load_settings().local.emulator_port if port is None else port
    if wanted:
        require_free(wanted, wanted_for="the emulated GitHub", option="--port")
    try:
        run_emulator(root, settings, port=wanted, on_ready=lambda emulator: _say_ready(emulator, root))
    except StateInUseError as error:
        raise LocalEngineError(
            str(error), hint="stop the other emulator, or choose another folder with --state"
        ) from error
    return 0


def read_webhook(url: str | None, secret: str | None) -> Webhook | None:
    """Return where webhooks are sent.

    Raises:
        UsageError: Only one of address and secret is given.
    """
    if url is None and secret is None:
        return None
    if url is None or secret is None:
        msg = "--webhook-url and --webhook-secret belong together"
        raise UsageError(msg, hint="GitHub signs webhooks: give both, the secret as env:NAME or file:PATH")
    return Webhook(url=url, secret=resolve_secret(secret).reveal())


def _read_app(text: str) -> App:
    number, _, file = text.partition("=")
    if not number.isdecimal() or not file:
        msg = f"--app takes ID=FILE, not {text!r}"
        raise UsageError(msg, hint="for example --app 12345=app.pem")
    try:
        pem = Path(file).expanduser().read_bytes()
        key = (
            load_pem_private_key(pem, None).public_key()
            if b"PRIVATE KEY" in pem
            else load_pem_public_key(pem)
        )
    except (OSError, ValueError, TypeError) as error:
        msg = f"{file} holds no key: {error}"
        raise UsageError(msg, hint="openssl genrsa -out app.pem 2048 makes one") from error
    public = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return App(id=int(number), slug=f"app-{number}", public_key=public)


def _say_ready(emulator: RunningEmulator, root: Path) -> None:
    typer.echo(emulator.api_url)
    _errors.say(f"serving {root} as GitHub at {emulator.api_url}; Ctrl-C stops it")
