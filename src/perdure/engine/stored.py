"""Reads what workers keep in their store, from wherever one is."""

import hashlib
import secrets
from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError
from temporalio.service import RPCError

from perdure.activities.failures import original_error
from perdure.activities.store import ContentStore
from perdure.activities.store_reading import PART_SIZE, ReadStoredInput
from perdure.engine.outages import engine_error
from perdure.errors import EngineError, PerdureError
from perdure.model import queues
from perdure.model.actions import StoredObject
from perdure.workflows.store_reading import ReadStoredWorkflow

_TIMEOUT = timedelta(seconds=30)


async def read_stored(
    client: Client,
    stored: StoredObject,
    *,
    store: ContentStore | None = None,
    task_queue: str = queues.WORKFLOWS,
) -> bytes:
    """Return an object that a worker has kept: from this machine's store, else through a worker.

    Args:
        client: Connected with Perdure's data converter.
        stored: What is wanted.
        store: Where to look first.
        task_queue: The queue of a worker that has it.

    Raises:
        PerdureError: The worker does not have it, or it is not what it was.
        EngineError: Temporal refused, or no worker answered within 30 s.
    """
    if store is not None and store.has(stored):
        return store.get(stored)
    parts = [
        await _part(client, ReadStoredInput(stored=stored, offset=offset), task_queue)
        for offset in range(0, max(stored.size, 1), PART_SIZE)
    ]
    content = b"".join(parts)
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        msg = f"what a worker has sent is not the object {stored.sha256}"
        raise EngineError(msg, hint="is another worker's store behind the same task queue?")
    return content


async def _part(client: Client, input: ReadStoredInput, task_queue: str) -> bytes:
    workflow_id = f"read/{input.stored.sha256}/{input.offset}/{secrets.token_hex(4)}"
    try:
        part = await client.execute_workflow(
            ReadStoredWorkflow.run,
            input,
            id=workflow_id,
            task_queue=task_queue,
            execution_timeout=_TIMEOUT,
            static_summary="read from the store",
        )
    except WorkflowFailureError as failure:
        raise _error(failure) from failure
    except RPCError as error:
        raise engine_error(error, workflow_id) from error
    return part.unpacked()


def _error(failure: WorkflowFailureError) -> PerdureError:
    return original_error(failure) or EngineError(
        f"no worker has read it from the store within {_TIMEOUT.total_seconds():.0f} s",
        hint="is a worker running? Start one with: perdure worker",
    )
