"""The trivial work of the fleet benchmark, counted where it is done, and the bare way of doing it."""

import asyncio
import mmap
import os
import struct
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from perdure.model.base import Model

_SECONDS = 0.1
"""How long an item is under way at least: so that as many are at the same time as may be."""

_COUNTS = struct.Struct("<QQQ")


class Counted:
    """How many items are under way, were at most, and are done: shared by processes through a file."""

    def __init__(self, path: Path) -> None:
        """Use a file, which is made where it is not there."""
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.ftruncate(self._file, _COUNTS.size)
        self._map = mmap.mmap(self._file, _COUNTS.size)

    @activity.defn
    async def count(self, item: str) -> str:
        """Be under way for a moment, and count that."""
        now, most, done = _COUNTS.unpack_from(self._map)
        _COUNTS.pack_into(self._map, 0, now + 1, max(most, now + 1), done)
        await asyncio.sleep(_SECONDS)
        now, most, done = _COUNTS.unpack_from(self._map)
        _COUNTS.pack_into(self._map, 0, now - 1, most, done + 1)
        return item

    def forget(self) -> None:
        """Begin to count anew."""
        _COUNTS.pack_into(self._map, 0, 0, 0, 0)

    def most_at_once(self) -> int:
        """Return how many items were under way at most."""
        return int(_COUNTS.unpack_from(self._map)[1])

    def done(self) -> int:
        """Return how many were done, those that were done twice counted twice."""
        return int(_COUNTS.unpack_from(self._map)[2])


@workflow.defn
class CountedChild:
    """Has its item counted."""

    @workflow.run
    async def run(self, item: str) -> str:
        """Do one item's work."""
        return await workflow.execute_activity_method(
            Counted.count, item, start_to_close_timeout=timedelta(minutes=1)
        )


class BareInput(Model):
    """How many children, and how many at once."""

    count: int
    max_parallel: int


@workflow.defn
class BareFleet:
    """Starts children as anybody would write it first: one history, no results kept, no cancellation."""

    @workflow.run
    async def run(self, input: BareInput) -> int:
        """Start all of them, so many at once."""
        slots = asyncio.Semaphore(input.max_parallel)

        async def one(number: int) -> None:
            async with slots:
                await workflow.execute_child_workflow(
                    CountedChild.run, f"item-{number:05}", id=f"{workflow.info().workflow_id}/{number}"
                )

        await asyncio.gather(*(one(number) for number in range(input.count)))
        return input.count
