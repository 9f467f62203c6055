"""Watches a workflow by asking it again whenever its code has run, and never on a timer."""

from collections.abc import AsyncIterator, Awaitable, Callable
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
            async for _ in _turns(temporal):
                progress = await ask()
                outage.is_over()
                if progress != shown:
                    yield progress
                shown = progress
        except RPCError as error:
            await outage.sit_out(error)
        else:
            return


async def _turns(temporal: WorkflowHandle[Any, Any]) -> AsyncIterator[None]:
    """Yield at once, and whenever workflow code has run since."""
    past = (await temporal.describe()).history_length
    yield
    async for event in temporal.fetch_history_events(
        wait_new_event=True, event_filter_type=WorkflowHistoryEventFilterType.ALL_EVENT
    ):
        if event.event_id > past and event.HasField("workflow_task_completed_event_attributes"):
            yield
