"""Heartbeats beside an activity's work.

Without them the loss of a worker is noticed when the activity's whole time is over: half a minute for a read
that takes a tenth of a second. What waits for an answer of GitHub cannot beat by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from temporalio import activity

_SECONDS = 2


@asynccontextmanager
async def heartbeats(details: Callable[[], object] | None = None) -> AsyncIterator[None]:
    """Beat while the block runs. The SDK passes on what the server needs, and nothing of a short block.

    Args:
        details: What each beat says.
    """
    beating = asyncio.create_task(_beat(details))
    try:
        yield
    finally:
        beating.cancel()


async def _beat(details: Callable[[], object] | None) -> None:
    while True:
        await asyncio.sleep(_SECONDS)
        activity.heartbeat(*([details()] if details else []))
