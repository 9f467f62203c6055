"""Values that travel through the engine compressed where they are large.

The engine takes 2 MB for one value and writes each one into a history. A pipeline of a thousand steps is
600 kB of JSON, as each step says again what most others say too; without defaults and compressed it is
17 kB. What is small stays as it is, so that people can read it in Temporal's UI.
"""

import base64
import binascii
import json
import zlib
from typing import Any, Final, Self

from pydantic import (
    ModelWrapValidatorHandler,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from perdure.model.base import Model

MAX_BYTES: Final = 1_900_000
"""What a value may take on its way: the engine refuses 2 MB, and a codec that encrypts adds a little."""

_KEY: Final = "packed"
_PACKED_FROM: Final = 16_000
_UNPACKED_AT_MOST: Final = 100_000_000
"""Nothing of ours is larger; a hostile text of 2 MB could become 2 GB."""


class TravellingModel(Model):
    """A model that may be compressed when it is written as JSON. It is read either way."""

    _travels: bool = PrivateAttr(default=False)

    def travelling(self) -> Self:
        """Return what a workflow hands to the engine: the same value, compressed where it is large."""
        copy = self.model_copy()
        copy._travels = True
        return copy

    @model_serializer(mode="wrap")
    def _pack(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        is_inside = info.context is not None and _KEY in info.context
        if self._travels and info.mode_is_json() and not is_inside:
            text = self.model_dump_json(exclude_defaults=True, context={_KEY: True}).encode()
            if len(text) >= _PACKED_FROM:
                return {_KEY: base64.b64encode(zlib.compress(text)).decode()}
        written: dict[str, Any] = handler(self)
        return written

    @model_validator(mode="wrap")
    @classmethod
    def _unpack(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        match value:
            case {"packed": str(packed)}:
                return handler(json.loads(_unpacked(packed)))
        return handler(value)


class PackedModel(TravellingModel):
    """A model that does nothing but travel: it is always compressed when it is large."""

    _travels: bool = PrivateAttr(default=True)

    @property
    def packed_size(self) -> int:
        """How many bytes this takes on its way through the engine."""
        return len(self.model_dump_json().encode())


def _unpacked(packed: str) -> bytes:
    try:
        decompressor = zlib.decompressobj()
        text = decompressor.decompress(base64.b64decode(packed, validate=True), _UNPACKED_AT_MOST)
    except (binascii.Error, zlib.error) as error:
        msg = f"it was packed by something else: {error}"
        raise ValueError(msg) from error
    if not decompressor.eof:
        msg = f"it is cut off, or larger than {_UNPACKED_AT_MOST:,} bytes"
        raise ValueError(msg)
    return text
