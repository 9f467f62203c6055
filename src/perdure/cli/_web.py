"""What ``perdure web`` does once its options are read."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from temporalio.client import Client

from perdure.cli import _errors
from perdure.cli._local_github import with_local_github
from perdure.cli._signals import Stop
from perdure.config import Settings, load_settings, resolve_secret
from perdure.engine.connection import connect
from perdure.engine.logs import log_as
from perdure.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from perdure.web import SigningKey, WebhookReceiver

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


async def web(host: str, port: int | None, *, address: str | None, namespace: str | None) -> int:
    """Serve the gateway, the receiver of webhooks, or both until a signal asks to stop.

    Raises:
        SettingsError: There is neither a private key to sign with nor a secret of webhooks.
        EngineError: Temporal is out of reach, or refuses.
    """
    try:
        from perdure.web import open_receiver
    except ImportError as error:
        raise UsageError("the gateway is not installed", hint="pip install 'perdure[web]'") from error
    settings = with_local_github(load_settings())
    if settings.approvals.private_key is None and not settings.webhooks.secrets:
        raise SettingsError(
            "the gateway has no key to sign with",
            hint="make one with `perdure web key new`, and set private_key in [approvals]; or set secrets in"
            " [webhooks], to receive webhooks alone",
        )
    log_as(settings.logs)
    key = _signing_key(settings)
    secrets = [resolve_secret(each) for each in settings.webhooks.secrets]
    async with AsyncExitStack() as stack:
        client = await connect(address=address, namespace=namespace, settings=settings)
        gateway = None if key is None else _gateway(client, settings, key, host)
        receiver = None
        if secrets:
            receiver = await stack.enter_async_context(open_receiver(client, settings, secrets))
        stop = stack.enter_context(Stop(at_once_status=130))
        await _serve(stack, settings, (host, port), gateway, receiver)
        await stop.event.wait()
    return 0


def _signing_key(settings: Settings) -> "SigningKey | None":
    from perdure.web import read_signing_key

    reference = settings.approvals.private_key
    return None if reference is None else read_signing_key(resolve_secret(reference))


def _gateway(client: Client, settings: Settings, key: "SigningKey", host: str) -> "tuple[FastAPI, str]":
    """Return the gateway and its public key."""
    from perdure.web import People, create_app

    if host not in _LOOPBACK:
        _errors.show_warning(
            "people's tokens come over plain HTTP: let a proxy in front take HTTPS, and reach this address"
            " only from there"
        )
    hosts = (*settings.approvals.hosts, host)
    return create_app(
        client, People(settings.github.url), key, hosts=hosts, settings=settings
    ), key.public_key


async def _serve(
    stack: AsyncExitStack,
    settings: Settings,
    listen: tuple[str, int | None],
    gateway: "tuple[FastAPI, str] | None",
    receiver: "WebhookReceiver | None",
) -> None:
    from perdure.web import WEBHOOKS_PATH, serve

    host, port = listen
    port = settings.approvals.port if port is None else port
    webhooks_url = None
    if receiver is not None and (gateway is None or settings.webhooks.port is not None):
        own = port if settings.webhooks.port is None else settings.webhooks.port
        webhooks_url = await stack.enter_async_context(serve(receiver, host=host, port=own))
    if gateway is not None:
        app, public_key = gateway
        both = app if receiver is None or webhooks_url is not None else receiver.before(app)
        url = await stack.enter_async_context(serve(both, host=host, port=port))
        _errors.say(f"gateway ready: {url}, signs as {public_key}")
        webhooks_url = webhooks_url or url
    if receiver is not None:
        _errors.say(f"webhooks ready: {webhooks_url}{WEBHOOKS_PATH}")
        if not settings.github.has_app:
            _errors.say("failed deliveries are not asked for again: GitHub tells them to Apps alone")


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
