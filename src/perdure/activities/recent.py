"""Facts that many actions ask for at the same moment, read once.

Two hundred actions of one workflow file that start together would otherwise read the same branch and the
same file two hundred times, out of an hourly quota that they need for dispatching.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Keeps what was read for a few seconds, and joins those who ask while it is being read."""

    def __init__(self, keep: timedelta) -> None:
        """Keep each value for ``keep`` after it was read. Errors are kept for nobody."""
        self._keep = keep.total_seconds()
        self._reads: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return the value, reading it if nobody has just now."""
        task = self._reads.get(key)
        if task is None:
            task = asyncio.ensure_future(_run(read))
            self._reads[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        # Shielded: a caller that is cancelled leaves the read to the others.
        return await asyncio.shield(task)

    def _done(self, key: Hashable, task: asyncio.Task[T]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._reads.pop(key, None)
        else:
            task.get_loop().call_later(self._keep, self._reads.pop, key, None)


async def _run(read: Callable[[], Awaitable[T]]) -> T:
    return await read()
