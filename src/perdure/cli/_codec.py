"""What ``perdure codec serve`` does."""

import logging
from functools import partial

from perdure.activities.store import ContentStore
from perdure.cli import _errors
from perdure.cli._local_github import with_local_github
from perdure.cli._signals import Stop
from perdure.config import (
    EncryptionSettings,
    Settings,
    load_settings,
    resolve_secret,
)
from perdure.engine.codec import EncryptionCodec
from perdure.engine.connection import connection_options
from perdure.engine.external_storage import FolderDriver, payload_folder
from perdure.engine.key_ring import KeyRing
from perdure.engine.logs import log_as
from perdure.errors import SettingsError, UsageError

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


async def serve_codec(host: str, port: int | None) -> int:
    """Serve until a signal asks to stop.

    Raises:
        SettingsError: There is no key, or nobody may ask.
        UsageError: The address cannot be used, or the package is not installed.
    """
    try:
        from perdure.web.codec import CodecDesk, create_codec_app
        from perdure.web.codec_access import CodecAccess
        from perdure.web.people import People
        from perdure.web.server import serve
    except ImportError as error:
        raise UsageError("the codec server is not installed", hint="pip install 'perdure[web]'") from error
    settings = with_local_github(load_settings())
    encryption = _checked(settings)
    log_as(settings.logs)
    logging.getLogger("perdure.codec").setLevel(logging.INFO)
    ring = KeyRing.of(encryption)
    access = CodecAccess(
        token=resolve_secret(encryption.codec_token) if encryption.codec_token else None,
        people=People(settings.github.url),
        logins=encryption.codec_people,
    )
    desk = CodecDesk(
        codec_of=lambda namespace: EncryptionCodec(ring, namespace=namespace),
        driver_of=partial(_driver, settings),
        access=access,
        namespace=connection_options()["namespace"],
        origins=frozenset(encryption.codec_origins),
    )
    if host not in _LOOPBACK:
        _errors.show_warning(
            "what is opened leaves over plain HTTP: let a proxy in front take HTTPS, and reach this address"
            " only from there"
        )
    with Stop(at_once_status=130) as stop:
        app = create_codec_app(desk)
        async with serve(app, host=host, port=encryption.codec_port if port is None else port) as url:
            _errors.say(f"codec server ready: {url}, keys {', '.join(encryption.keys)}")
            if not encryption.codec_origins:
                _errors.say("no page may ask it: name Temporal's web UI in codec_origins of [encryption]")
            await stop.event.wait()
    return 0


def _checked(settings: Settings) -> EncryptionSettings:
    encryption = settings.encryption
    if not encryption.keys:
        raise SettingsError("there is no key to open payloads with", hint="make one with: perdure key rotate")
    if encryption.codec_token is None and not encryption.codec_people:
        raise SettingsError(
            "nobody may ask the codec server",
            hint="set codec_token in [encryption] to a reference to a token, or codec_people to logins",
        )
    return encryption


def _driver(settings: Settings, namespace: str) -> FolderDriver:
    return FolderDriver(ContentStore(payload_folder(settings.store, namespace)))
