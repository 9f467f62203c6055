"""Embedding chunks: long, costly work that is resumed where it stopped.

A job that is killed has paid for what it did until then. So every chunk's id is a digest of its content, what
the index has is looked up before anything is computed, and results are written a few at a time: whoever takes
over computes only what is missing. Heartbeats are a hint for people; the index is the truth.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.store import ContentStore
from perdure.model.indexing import (
    Chunk,
    ChunkShard,
    EmbedChunksInput,
    EmbeddedChunks,
    SettledIndex,
    SettleIndexInput,
    batch_id,
)

if TYPE_CHECKING:
    # They need the extra, and workflows import this module.
    from perdure.ai.embedding import Embedder
    from perdure.ai.index import ChunkIndex

BEAT_INTERVAL = timedelta(seconds=20)
STALLED_AFTER = timedelta(seconds=90)
"""After how long without progress a job stops beating, so that the engine gives it to somebody else."""


class IndexActivities:
    """Computes embeddings and keeps them in the index."""

    def __init__(
        self,
        index: ChunkIndex,
        embedder: Embedder,
        store: ContentStore,
        *,
        beat_interval: timedelta = BEAT_INTERVAL,
        stalled_after: timedelta = STALLED_AFTER,
    ) -> None:
        self._index = index
        self._embedder = embedder
        self._store = store
        self._beat_interval = beat_interval
        self._stalled_after = stalled_after.total_seconds()

    @activity.defn
    async def embed_chunks(self, input: EmbedChunksInput) -> EmbeddedChunks:
        """Embed what the index does not have yet. Safe to repeat: nothing is computed twice.

        An embedder that refuses key, name or texts is permanent; for one out of reach it is worth waiting.
        """
        info = activity.info()
        # An activity that was started by itself has no workflow.
        content = (input.shard.sha256, input.repository, self._embedder.model)
        batch = batch_id(info.workflow_id or "", info.activity_id, *content)
        with as_application_errors():
            if (finished := await self._index.finished_batch(batch)) is not None:
                return finished
            chunks = ChunkShard.model_validate_json(self._store.get(input.shard)).chunks
            progress = _Progress(len(chunks))
            # The SDK passes a beat on after 0.8 of the time-out at the latest.
            interval = min(self._beat_interval, (info.heartbeat_timeout or BEAT_INTERVAL) / 3)
            async with self._beating(progress, interval):
                computed = await self._embed(input.repository, chunks, progress)
            result = EmbeddedChunks(
                batch_id=batch, chunks=len(chunks), computed=computed, model=self._embedder.model
            )
            await self._index.finish_batch(result)
        return result

    @activity.defn
    async def settle_index(self, input: SettleIndexInput) -> SettledIndex:
        """Compact the index after many have written to it. Safe to repeat, and to leave out."""
        async with heartbeats():
            with as_application_errors():
                return SettledIndex(rows=await self._index.settle(self._embedder.model))

    @property
    def model(self) -> str:
        """What the index calls the embedder's model."""
        return self._embedder.model

    async def missing(self, repository: str, chunks: Sequence[Chunk]) -> list[Chunk]:
        """Return those of the chunks that have to be computed; take over what other repositories have."""
        ids = [chunk.chunk_id for chunk in chunks]
        there = await self._index.existing_ids(self.model, repository, ids)
        left = [chunk for chunk in chunks if chunk.chunk_id not in there]
        copied = await self._index.copy_from_others(self.model, repository, left)
        return [chunk for chunk in left if chunk.chunk_id not in copied]

    async def _embed(self, repository: str, chunks: Sequence[Chunk], progress: _Progress) -> int:
        missing = await self.missing(repository, chunks)
        progress.add(len(chunks) - len(missing))
        size = self._embedder.batch_size
        for first in range(0, len(missing), size):
            part = missing[first : first + size]
            vectors = await self._embedder.embed([f"{chunk.symbol}\n{chunk.text}" for chunk in part])
            await self._index.upsert(self.model, repository, part, vectors)
            progress.add(len(part))
        return len(missing)

    @asynccontextmanager
    async def _beating(self, progress: _Progress, interval: timedelta) -> AsyncIterator[None]:
        beating = asyncio.create_task(self._beat(progress, interval))
        try:
            yield
        finally:
            beating.cancel()

    async def _beat(self, progress: _Progress, interval: timedelta) -> None:
        while progress.seconds_since < self._stalled_after:
            activity.heartbeat(
                {
                    "processed": progress.processed,
                    "of": progress.total,
                    "embedder": {"model": self._embedder.model, "health": await self._embedder.health()},
                }
            )
            await asyncio.sleep(interval.total_seconds())
        activity.logger.warning("no progress for %.0f s: another attempt takes over", progress.seconds_since)


class _Progress:
    """How far a job is, and since when it is no farther."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.processed = 0
        self._at = time.monotonic()

    def add(self, count: int) -> None:
        self.processed += count
        self._at = time.monotonic()

    @property
    def seconds_since(self) -> float:
        return time.monotonic() - self._at
