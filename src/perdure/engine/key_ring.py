"""The keys that payloads are encrypted with, by their ids.

A key's value is read when it is first needed and never shown: settings name it, histories name its id.
"""

import base64
import secrets
from collections.abc import Mapping
from typing import Final

from perdure.config import EncryptionSettings, Secret, resolve_secret
from perdure.errors import EncryptionKeyError

KEY_BYTES: Final = 32
PREFIX: Final = "pdk1_"
"""Before a key's text, so that a key which was put into the wrong place is known for what it is."""


def new_key() -> str:
    """Return the text of a new key."""
    return PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_key(secret: Secret, *, key_id: str) -> bytes:
    """Return the key that a text stands for: as :func:`new_key` makes it, or 32 bytes in base 64.

    Raises:
        EncryptionKeyError: It stands for none. The message never holds it.
    """
    text = secret.reveal().removeprefix(PREFIX)
    try:
        key = base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        msg = f"{secret.reference} holds no key for {key_id!r}: a key is {KEY_BYTES} bytes in base 64"
        raise EncryptionKeyError(msg, key_id=key_id, hint="make one with: perdure key new")
    return key


class KeyRing:
    """Keys by id: one is active, organisations may have their own, and old ones still read."""

    def __init__(
        self,
        references: Mapping[str, str],
        *,
        active: str | None = None,
        organizations: Mapping[str, str] | None = None,
    ) -> None:
        """Use these.

        Args:
            references: Secret references by key id.
            active: The id of the key that writes.
            organizations: Key ids by organisation.
        """
        self._references = references
        self._organizations = {name.casefold(): key_id for name, key_id in (organizations or {}).items()}
        self._keys: dict[str, bytes] = {}
        self.active = active

    @classmethod
    def of(cls, settings: EncryptionSettings) -> "KeyRing":
        """Return the settings' keys, of which the one that writes has been read.

        Raises:
            SecretError: Its reference leads nowhere.
            EncryptionKeyError: What it leads to is no key.
        """
        ring = cls(settings.keys, active=settings.active_key_id, organizations=settings.organizations)
        if ring.active is not None:
            ring.key(ring.active)
        return ring

    def key(self, key_id: str) -> bytes:
        """Return a key.

        Raises:
            SecretError: Its reference leads nowhere.
            EncryptionKeyError: There is none with this id, or what there is is no key.
        """
        known = self._keys.get(key_id)
        if known is not None:
            return known
        reference = self._references.get(key_id)
        if reference is None:
            msg = f"this was encrypted with the key {key_id!r}, which is not in [encryption] keys"
            raise EncryptionKeyError(msg, key_id=key_id, hint=_supply(key_id))
        key = self._keys[key_id] = read_key(resolve_secret(reference), key_id=key_id)
        return key

    def reference(self, key_id: str) -> str:
        """Return where a key comes from, for people."""
        return self._references.get(key_id, "nowhere")

    def writing_key_id(self, workflow_id: str | None) -> str | None:
        """Return the id of the key that a workflow's payloads are encrypted with, ``None`` for no key.

        An organisation is known by the ids of its workflows, such as ``action/OWNER/...``, which name it as
        one of their parts.
        """
        if self._organizations and workflow_id:
            for part in workflow_id.casefold().split("/"):
                if part in self._organizations:
                    return self._organizations[part]
        return self.active


def _supply(key_id: str) -> str:
    return (
        f"get it from whoever has it, and name it in [encryption.keys] of perdure.toml:"
        f' "{key_id}" = "file:PATH" (env:NAME and keyring:SERVICE/NAME do too)'
    )
