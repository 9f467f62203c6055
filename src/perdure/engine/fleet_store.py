"""Lists and results of fleets, kept and read where the workers' store is."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from pydantic import JsonValue
from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from perdure.activities.failures import original_error
from perdure.activities.fleet import KeepItemsInput
from perdure.engine.outages import engine_error
from perdure.errors import EngineError
from perdure.model import queues
from perdure.model.actions import StoredObject
from perdure.model.fleet import (
    LARGEST_INLINE,
    IndexedPage,
    ItemResult,
    Items,
    ListedItems,
    StoredIndex,
    StoredItems,
    pages_of,
)
from perdure.model.fleet_progress import FleetProgress
from perdure.workflows.fleet_store import FleetStoreInput, FleetStoreResult, FleetStoreWorkflow

_TIMEOUT = timedelta(minutes=5)


async def keep_list(
    client: Client, values: Sequence[JsonValue], *, task_queue: str = queues.WORKFLOWS
) -> Items:
    """Return the items that a list is: itself where it is short, else a reference to it.

    Raises:
        EngineError: Temporal refused, or the workers could not keep it within five minutes.
    """
    pages = list(pages_of(values))
    if len(values) <= LARGEST_INLINE and len(pages) <= 1:
        return ListedItems(items=tuple(values))
    kept = []
    for page in pages:
        done = await _do(client, FleetStoreInput(items=KeepItemsInput(items=page)), task_queue)
        kept.append(IndexedPage(stored=_stored(done), count=len(page)))
    done = await _do(client, FleetStoreInput(index=StoredIndex(pages=tuple(kept))), task_queue)
    return StoredItems(index=_stored(done), total=len(values))


async def read_results(
    client: Client, progress: FleetProgress, *, task_queue: str = queues.WORKFLOWS
) -> list[ItemResult]:
    """Return every result that a fleet has, in the order of its items.

    Raises:
        EngineError: Temporal refused, or the workers do not have them.
    """
    found = list(progress.unkept)
    async for results in _kept_results(client, progress.results, task_queue):
        found += results
    return sorted(found, key=lambda result: result.index)


async def _kept_results(
    client: Client, at: StoredObject | None, task_queue: str
) -> AsyncIterator[tuple[ItemResult, ...]]:
    while at is not None:
        batch = (await _do(client, FleetStoreInput(results=at), task_queue)).batch
        if batch is None:
            return
        for page in batch.pages:
            yield page.results
        at = batch.previous


async def _do(client: Client, input: FleetStoreInput, task_queue: str) -> FleetStoreResult:
    workflow_id = f"fleet-store/{uuid.uuid4().hex[:16]}"
    try:
        return await client.execute_workflow(
            FleetStoreWorkflow.run,
            input,
            id=workflow_id,
            task_queue=task_queue,
            execution_timeout=_TIMEOUT,
            static_summary="reads or keeps a part of a fleet's list or results",
        )
    except WorkflowFailureError as failure:
        known = original_error(failure)
        raise EngineError(str(known or failure.cause), hint=known.hint if known else None) from failure
    except RPCError as error:
        raise engine_error(error, workflow_id) from error


def _stored(result: FleetStoreResult) -> StoredObject:
    if result.stored is None:
        raise EngineError("the workers have kept nothing", hint="are they of the same version?")
    return result.stored
