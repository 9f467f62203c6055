"""Reading the workers' store for somebody who is elsewhere."""

import base64
import zlib

from pydantic import Field
from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.store import ContentStore
from perdure.model.actions import StoredObject
from perdure.model.base import Model

PART_SIZE = 1_000_000
"""Bytes of an object that are read at once: no payload of the engine's may take more than 2 MB."""


class ReadStoredInput(Model):
    """A part of an object.

    Attributes:
        offset: Its first byte.
    """

    stored: StoredObject
    offset: int = Field(default=0, ge=0)


class StoredPart(Model):
    """A part of an object: at most :data:`PART_SIZE` bytes, compressed, in base 64."""

    content: str

    @classmethod
    def of(cls, content: bytes) -> "StoredPart":
        """Pack a part."""
        return cls(content=base64.b64encode(zlib.compress(content)).decode())

    def unpacked(self) -> bytes:
        """Return the part's bytes."""
        return zlib.decompress(base64.b64decode(self.content))


class StoreActivities:
    """Reads the store that this worker uses."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store

    @activity.defn
    async def read_stored(self, input: ReadStoredInput) -> StoredPart:
        """Read a part of an object. Safe to repeat: it only reads. One that is not there is an error."""
        with as_application_errors():
            content = self._store.get(input.stored)
        return StoredPart.of(content[input.offset : input.offset + PART_SIZE])
