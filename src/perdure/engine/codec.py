"""Payloads encrypted before they leave the process.

Whoever can read the engine's database, its backups or its web UI could otherwise read every input, result
and error message. Names, ids and search attributes stay readable: the engine works with them.

Each payload has a subkey of its own, which HKDF derives from the key and 24 random bytes, so that no number
of payloads wears a key out. What a payload was written for (format, key id, namespace) is authenticated
with it: one that was copied into another namespace, or given another key's id, does not open. The workflow's
id travels inside, for the codec server's log. Compression comes first, for ciphertext does not shrink.

https://www.rfc-editor.org/rfc/rfc5869
"""

import asyncio
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from perdure.engine.key_ring import KeyRing
from perdure.errors import EncryptionKeyError

ENCODING: Final = b"binary/encrypted"
KEY_ID: Final = "encryption-key-id"
FORMAT: Final = "perdure-format"

_Result = TypeVar("_Result")

_FORMAT = b"1"
_SALT_BYTES = 24
_KEY_BYTES = 32
_NONCE_BYTES = 12
_COMPRESS_FROM = 512
_COMPRESSION_LEVEL = 3
_SAMPLE_BYTES = 4096
_WORTH = 0.9
_PLAIN, _ZLIB = b"\0", b"\1"
_IN_THREAD_FROM = 256 * 1024
"""Bytes from which the work is done beside the event loop: at 20 MB it takes most of a second."""


@dataclass(frozen=True)
class Opened:
    """A payload that was opened.

    Attributes:
        payload: As it was before it was encrypted; unchanged where it was not.
        key_id: Of the key that it was encrypted with; ``None`` where it was not.
        workflow_id: Of the workflow that it was written for, where that was known.
    """

    payload: Payload
    key_id: str | None = None
    workflow_id: str = ""


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """Encrypts payloads with the active key, and opens them with whichever key they name.

    Payloads that are not encrypted are read as they are. With no key at all nothing is encrypted, and an
    encrypted payload is an error that names its key.
    """

    def __init__(self, ring: KeyRing, *, namespace: str, workflow_id: str | None = None) -> None:
        """Use the ring's keys for payloads of a namespace, and perhaps of one workflow."""
        self._ring = ring
        self._namespace = namespace
        self._workflow_id = workflow_id

    def with_context(self, context: SerializationContext) -> "EncryptionCodec":
        """Return the codec for a workflow's payloads."""
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        return EncryptionCodec(self._ring, namespace=self._namespace, workflow_id=context.workflow_id)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt the payloads.

        Raises:
            SecretError: The key's reference leads nowhere.
            EncryptionKeyError: It leads to no key.
        """
        key_id = self._ring.writing_key_id(self._workflow_id)
        if key_id is None:
            return list(payloads)
        return [await _beside(payload, lambda each: self.sealed(each, key_id)) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open the payloads.

        Raises:
            SecretError: A key's reference leads nowhere.
            EncryptionKeyError: A key is missing, or does not fit. Nothing is returned half read.
        """
        return [opened.payload for opened in await self.opened(payloads)]

    async def opened(self, payloads: Sequence[Payload]) -> list[Opened]:
        """Open the payloads, and say which key each needed. Raises as :meth:`decode` does."""
        return [await _beside(payload, self.opened_one) for payload in payloads]

    def sealed(self, payload: Payload, key_id: str) -> Payload:
        """Encrypt a payload with one key. Raises as :meth:`encode` does."""
        body, how = _packed(payload.SerializeToString())
        workflow_id = (self._workflow_id or "").encode()
        content = b"".join((how, len(workflow_id).to_bytes(2), workflow_id, body))
        salt = os.urandom(_SALT_BYTES)
        cipher, nonce = _cipher(self._ring.key(key_id), salt)
        data = salt + cipher.encrypt(nonce, content, self._context(key_id))
        return Payload(metadata={"encoding": ENCODING, KEY_ID: key_id.encode(), FORMAT: _FORMAT}, data=data)

    def opened_one(self, payload: Payload) -> Opened:
        """Open a payload. Raises as :meth:`decode` does."""
        if payload.metadata.get("encoding") != ENCODING or FORMAT not in payload.metadata:
            return Opened(payload)
        key_id = payload.metadata.get(KEY_ID, b"").decode(errors="replace")
        if payload.metadata[FORMAT] != _FORMAT:
            msg = f"this was encrypted with the key {key_id!r} by a later release of Perdure"
            raise EncryptionKeyError(msg, key_id=key_id, hint="update Perdure here")
        cipher, nonce = _cipher(self._ring.key(key_id), payload.data[:_SALT_BYTES])
        try:
            content = cipher.decrypt(nonce, payload.data[_SALT_BYTES:], self._context(key_id))
            return _unpacked(content, key_id)
        except (InvalidTag, DecodeError, zlib.error):
            raise self._does_not_fit(key_id) from None

    def _does_not_fit(self, key_id: str) -> EncryptionKeyError:
        reference = self._ring.reference(key_id)
        return EncryptionKeyError(
            f"what was encrypted with the key {key_id!r} cannot be opened with the one from {reference}: that"
            f" is another key, or this was written in another namespace than {self._namespace!r}, or changed",
            key_id=key_id,
            hint=f"put the right key behind {reference}, or name its own place in [encryption.keys]",
        )

    def _context(self, key_id: str) -> bytes:
        # With their lengths, so that no two contexts are the same bytes.
        parts = (b"perdure-payload", _FORMAT, key_id.encode(), self._namespace.encode())
        return b"".join(len(part).to_bytes(2) + part for part in parts)


def _cipher(key: bytes, salt: bytes) -> tuple[AESGCM, bytes]:
    derived = HKDF(SHA256(), _KEY_BYTES + _NONCE_BYTES, salt, b"perdure-payload").derive(key)
    return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]


def _packed(body: bytes) -> tuple[bytes, bytes]:
    """Return the body, compressed where that pays, and which of the two it is."""
    if len(body) < _COMPRESS_FROM:
        return body, _PLAIN
    # What does not shrink is known by its beginning: the rest would take 17 ms for each megabyte.
    for part in (body[:_SAMPLE_BYTES], body) if len(body) > _SAMPLE_BYTES else (body,):
        smaller = zlib.compress(part, _COMPRESSION_LEVEL)
        if len(smaller) > len(part) * _WORTH:
            return body, _PLAIN
    return smaller, _ZLIB


def _unpacked(content: bytes, key_id: str) -> Opened:
    start = 3 + int.from_bytes(content[1:3])
    body = content[start:]
    if content[:1] == _ZLIB:
        body = zlib.decompress(body)
    return Opened(Payload.FromString(body), key_id, content[3:start].decode(errors="replace"))


async def _beside(payload: Payload, work: Callable[[Payload], _Result]) -> _Result:
    if len(payload.data) < _IN_THREAD_FROM:
        return work(payload)
    return await asyncio.to_thread(work, payload)
