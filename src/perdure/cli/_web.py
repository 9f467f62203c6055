"""What ``perdure web`` does once its options are read."""

from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._local_github import with_local_github
from perdure.cli._signals import Stop
from perdure.config import load_settings, log_without_secrets, resolve_secret
from perdure.engine.connection import connect
from perdure.errors import SettingsError, UsageError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


async def web(host: str, port: int | None, *, address: str | None, namespace: str | None) -> int:
    """Serve the gateway until a signal asks to stop.

    Raises:
        SettingsError: There is no private key to sign with.
        EngineError: Temporal is out of reach, or refuses.
    """
    try:
        from perdure.web import People, create_app, read_signing_key, serve
    except ImportError as error:
        raise UsageError("the gateway is not installed", hint="pip install 'perdure[web]'") from error
    settings = with_local_github(load_settings())
    if settings.approvals.private_key is None:
        raise SettingsError(
            "the gateway has no key to sign with",
            hint="make one with `perdure web key new`, and set private_key in [approvals]",
        )
    log_without_secrets()
    key = read_signing_key(resolve_secret(settings.approvals.private_key))
    client = await connect(address=address, namespace=namespace, settings=settings)
    app = create_app(client, People(settings.github.url), key, hosts=(*settings.approvals.hosts, host))
    if host not in _LOOPBACK:
        _errors.show_warning(
            "people's tokens come over plain HTTP: let a proxy in front take HTTPS, and reach this address"
            " only from there"
        )
    with Stop(at_once_status=130) as stop:
        async with serve(app, host=host, port=settings.approvals.port if port is None else port) as url:
            _errors.say(f"gateway ready: {url}, signs as {key.public_key}")
            await stop.event.wait()
    return 0


def new_key(path: Path) -> int:
    """Make a key, and print what workers need to know."""
    try:
        from perdure.web import new_private_key
    except ImportError as error:
        raise UsageError("the gateway is not installed", hint="pip install 'perdure[web]'") from error
    key = new_private_key(path)
    _errors.say(f"private key written to {path}: for the gateway alone")
    _errors.say()
    _errors.say(f'in the gateway\'s perdure.toml:   [approvals] private_key = "file:{path}"')
    _errors.say("in the workers' perdure.toml:    [approvals] public_key = the line below")
    typer.echo(key.public_key)
    return 0
