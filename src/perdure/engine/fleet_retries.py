"""Starts a fleet again that has ended, for what did not succeed in it."""

import re
from collections.abc import Sequence

from temporalio.client import Client

from perdure.engine.fleet_store import read_results
from perdure.engine.fleets import INPUTS, PREFIX, FleetHandle, find_fleet, start_fleet
from perdure.errors import EngineError, UsageError
from perdure.model.fleet import FleetItem, ItemResult, Outcome, UnfinishedItems, json_size
from perdure.model.fleet_progress import Counts, FleetInput, FleetState, OrganizationInput

_LARGEST_REST = 512 * 1024


async def retry_fleet(client: Client, id: str, *, requester: str = "") -> FleetHandle:
    """Start a new fleet of those items that did not succeed in one that has ended.

    After one that was cancelled it goes on with those that were never begun, too. Its id follows from the old
    one's, so that two people who do this at once start one.

    Raises:
        UsageError: The fleet still runs, or everything in it succeeded.
        FleetNotKnownError: There is none.
        NoWorkerError: Nobody polls one of its queues.
        EngineError: Temporal refused, or no worker answered.
    """
    handle = await find_fleet(client, id)
    if await handle.is_running():
        msg = f"{handle.id} still runs"
        raise UsageError(msg, hint=f"wait for its end, or cancel it: perdure fleet cancel {handle.id}")
    progress, state = await handle.progress(), await handle.state()
    old, task_queue = await _input_of(client, handle.id)
    changes: dict[str, object] = {"state": None, "requester": requester or old.requester}
    left = progress.counts.failed + progress.counts.cancelled
    if state.cursor is not None or state.waiting:
        results = await read_results(client, progress, task_queue=task_queue)
        changes["state"] = _rest(state, results)
    elif left and progress.results is not None:
        where = "items" if isinstance(old, FleetInput) else "repositories"
        changes[where] = UnfinishedItems(results=progress.results, total=left)
    else:
        raise UsageError(f"nothing failed in {handle.id}", hint="run its file again for everything")
    new = old.model_copy(update=changes)
    key = _next_key(handle.id.removeprefix(PREFIX).partition("/")[2])
    return await start_fleet(client, new, key=key, task_queue=task_queue)


def _rest(state: FleetState, results: Sequence[ItemResult]) -> FleetState:
    """Return where a fleet begins that does what another one was cancelled before."""
    again = [
        FleetItem(index=one.index, key=one.key, value=one.item)
        for one in results
        if one.outcome is not Outcome.SUCCEEDED
    ]
    waiting = (*again, *state.waiting)
    if json_size([one.model_dump(mode="json") for one in waiting]) > _LARGEST_REST:
        raise UsageError(
            f"{len(again):,} items did not succeed: too much to go on with at once",
            hint="run the fleet's file again under another --id",
        )
    counts, earlier = state.counts, state.counts.earlier + state.counts.succeeded
    total = counts.total - counts.succeeded if counts.total is not None else None
    return FleetState(
        cursor=state.cursor,
        waiting=waiting,
        counts=Counts(total=total, read=counts.read, earlier=earlier),
    )


async def _input_of(client: Client, id: str) -> tuple[FleetInput | OrganizationInput, str]:
    async for event in client.get_workflow_handle(id).fetch_history_events(page_size=1):
        started = event.workflow_execution_started_event_attributes
        type_ = INPUTS[started.workflow_type.name]
        [input] = await client.data_converter.decode(started.input.payloads, [type_])
        return input, started.task_queue.name
    msg = f"{id} has no history"
    raise EngineError(msg)


def _next_key(key: str) -> str:
    found = re.fullmatch(r"(.*)-retry-(\d+)", key)
    return f"{found[1]}-retry-{int(found[2]) + 1}" if found else f"{key}-retry-1"
