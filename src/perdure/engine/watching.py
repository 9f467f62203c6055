"""Watches a workflow by asking it again whenever its code has run, and never because time has passed."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from temporalio.client import WorkflowHandle, WorkflowHistoryEventFilterType
from temporalio.service import RPCError

from perdure.engine.outages import Outage

T = TypeVar("T")


async def watch_progress(
    temporal: WorkflowHandle[Any, Any], ask: Callable[[], Awaitable[T]], outage: Outage
) -> AsyncIterator[T]:
    """Yield what the workflow says, at once and after every change, until it has ended.

    An engine that is away for less than :data:`perdure.engine.outages.PATIENCE` is waited for.
    """
    shown: T | None = None
    while True:
        try:
            async with aclosing(_turns(temporal)) as turns:
                async for _ in turns:
                    progress = await ask()
                    outage.is_over()
                    if progress != shown:
                        yield progress
                    shown = progress
        except RPCError as error:
            await outage.sit_out(error)
        else:
            return


async def _turns(temporal: WorkflowHandle[Any, Any]) -> AsyncGenerator[None, None]:
    """Yield at once, and whenever workflow code has run since: once for all that ran in the meantime.

    A large pipeline runs its code hundreds of times a minute, and tells of a thousand jobs when it is asked.
    So it is left alone for as long as it and its listener were busy with the last time.
    """
    past = (await temporal.describe()).history_length
    ran = asyncio.Event()
    listening = asyncio.create_task(_listen(temporal, past, ran))
    try:
        yield
        while await _next_run(ran, listening):
            ran.clear()
            begun = time.monotonic()
            yield
            await asyncio.wait({listening}, timeout=time.monotonic() - begun)
        await listening
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _next_run(ran: asyncio.Event, listening: asyncio.Task[None]) -> bool:
    """Wait until workflow code has run; return false where it never will again."""
    waiting = asyncio.create_task(ran.wait())
    try:
        await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return ran.is_set()


async def _listen(temporal: WorkflowHandle[Any, Any], past: int, ran: asyncio.Event) -> None:
    async for event in temporal.fetch_history_events(
        wait_new_event=True, event_filter_type=WorkflowHistoryEventFilterType.ALL_EVENT
    ):
        if event.event_id > past and event.HasField("workflow_task_completed_event_attributes"):
            ran.set()
