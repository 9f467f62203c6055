"""Fetches histories for what they say of activities: several at a time, and none is kept."""

import asyncio

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from perdure.checks.timeouts import ActivityTimes, add_times
from perdure.errors import EngineError, UsageError

_AT_ONCE = 8


async def fetch_times(client: Client, query: str, *, limit: int) -> tuple[dict[str, ActivityTimes], int]:
    """Return what the newest histories say of each activity type, and how many were read.

    Raises:
        UsageError: Temporal does not understand the query.
        EngineError: It refused otherwise.
    """
    times: dict[str, ActivityTimes] = {}
    read = 0

    async def add(execution: WorkflowExecution) -> None:
        nonlocal read
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        try:
            add_times(times, (await handle.fetch_history()).events)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:  # forgotten meanwhile
                raise
            return
        read += 1

    try:
        batch: list[WorkflowExecution] = []
        async for execution in client.list_workflows(query, limit=limit):
            batch.append(execution)
            if len(batch) == _AT_ONCE:
                await asyncio.gather(*map(add, batch))
                batch.clear()
        await asyncio.gather(*map(add, batch))
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise UsageError(
                f"Temporal does not understand the query: {error.message}",
                hint="it is a list filter: https://docs.temporal.io/list-filter",
            ) from error
        raise EngineError(f"Temporal refused: {error.message}") from error
    return times, read
