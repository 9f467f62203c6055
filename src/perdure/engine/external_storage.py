"""Payloads that are too large for the engine, kept in the store by content.

The engine takes no payload over 2 MB, and keeps each one once for every history that holds it. Temporal's own
mechanism puts a reference in its place: https://docs.temporal.io/external-storage. What is kept here has
passed the codec already, so that it is encrypted wherever payloads are.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1.external_storage_pb2 import ExternalStorageReference
from temporalio.converter import (
    ExternalStorage,
    JSONProtoPayloadConverter,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
)

from perdure.activities.store import ContentStore
from perdure.config import StoreSettings
from perdure.model.actions import StoredObject

DRIVER_NAME: Final = "perdure.folder"
"""Stands in histories: never changed."""

_NEVER: Final = 2**62
_REFERENCES: Final = JSONProtoPayloadConverter()
_REFERENCE_TYPE: Final = ExternalStorageReference.DESCRIPTOR.full_name.encode()


class FolderDriver(StorageDriver):
    """Keeps payloads in a content store, under the SHA-256 of their bytes."""

    def __init__(self, store: ContentStore) -> None:
        """Use a store, which holds nothing else."""
        self._store = store

    def name(self) -> str:
        """Return the name that references carry."""
        return DRIVER_NAME

    async def store(
        self,
        context: StorageDriverStoreContext,
        payloads: Sequence[Payload],
    ) -> list[StorageDriverClaim]:
        """Keep the payloads. Keeping one twice leaves one."""
        contents = [payload.SerializeToString() for payload in payloads]
        kept = [await asyncio.to_thread(self._store.put, content) for content in contents]
        return [StorageDriverClaim({"sha256": each.sha256, "size": str(each.size)}) for each in kept]

    async def retrieve(
        self,
        context: StorageDriverRetrieveContext,
        claims: Sequence[StorageDriverClaim],
    ) -> list[Payload]:
        """Return the payloads.

        Raises:
            PerdureError: One is not here, or not what it was.
        """
        wanted = [
            StoredObject(sha256=claim.claim_data["sha256"], size=int(claim.claim_data["size"]))
            for claim in claims
        ]
        contents = [await asyncio.to_thread(self._store.get, each) for each in wanted]
        return [Payload.FromString(content) for content in contents]


def payload_folder(settings: StoreSettings, namespace: str) -> Path:
    """Return where a namespace's payloads are kept: apart, so that its reaper knows what is its own."""
    return settings.path / "payloads" / quote(namespace, safe="")


def external_storage(settings: StoreSettings, namespace: str) -> ExternalStorage:
    """Return Temporal's external storage over the settings' store.

    What is in the store already is read even where nothing more is put there.
    """
    driver = FolderDriver(ContentStore(payload_folder(settings, namespace)))
    return ExternalStorage(drivers=[driver], payload_size_threshold=settings.payload_threshold or _NEVER)


def reference_of(payload: Payload) -> StorageDriverClaim | None:
    """Return the claim that a payload in a history is, if it is one of this driver's.

    It is readable: only what it stands for is encrypted.
    """
    if payload.metadata.get("messageType") != _REFERENCE_TYPE:
        return None
    found = _REFERENCES.from_payload(payload, ExternalStorageReference)
    if not isinstance(found, ExternalStorageReference) or found.driver_name != DRIVER_NAME:
        return None
    return StorageDriverClaim(dict(found.claim_data))
