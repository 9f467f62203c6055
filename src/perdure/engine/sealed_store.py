"""The store of results, diffs and reports, encrypted with the keys that payloads are encrypted with."""

from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload

from perdure.activities.store import ContentStore
from perdure.config import Settings
from perdure.engine.codec import EncryptionCodec
from perdure.engine.key_ring import KeyRing

_MARK: Final = b"\x00perdure-sealed-1\x00"
"""Before what is encrypted: no text, JSON or diff begins so."""

_CONTEXT: Final = "\0store"
"""Stands where a namespace would, and can be none: the store serves all of them."""


class PayloadCipher:
    """Encrypts what is kept as a payload would be."""

    def __init__(self, ring: KeyRing) -> None:
        """Use the ring's keys."""
        self._ring = ring
        self._codec = EncryptionCodec(ring, namespace=_CONTEXT)

    def seal(self, content: bytes) -> bytes:
        """Return what is written: the content itself where there is no key."""
        if self._ring.active is None:
            return content
        return _MARK + self._codec.sealed(Payload(data=content), self._ring.active).SerializeToString()

    def open(self, kept: bytes) -> bytes:
        """Return the content.

        Raises:
            SecretError: A key's reference leads nowhere.
            EncryptionKeyError: A key is missing, or does not fit.
        """
        if not kept.startswith(_MARK):
            return kept
        try:
            return self._codec.opened_one(Payload.FromString(kept[len(_MARK) :])).payload.data
        except DecodeError:
            # The store compares what comes back with the name, and says that it was changed.
            return b""


def content_store(settings: Settings) -> ContentStore:
    """Return the settings' store, encrypted where the settings name a key.

    Raises:
        SecretError: The reference of the key that writes leads nowhere.
        EncryptionKeyError: What it leads to is no key.
    """
    return ContentStore(settings.store.path, PayloadCipher(KeyRing.of(settings.encryption)))
