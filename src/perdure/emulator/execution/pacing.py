"""Lets one process be started per turn of the event loop.

Starting a process holds the loop up for milliseconds. Hundreds of runs that begin together would hold it up
for seconds, and with it the server that they share it with; one after another they take as long, and requests
are answered in between.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """Wait for a turn, and leave the loop one for everything else afterwards."""
    lock = _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock:
        yield
        await asyncio.sleep(0)
