"""Which versions of Temporal's SDK poll a task queue, from what workers tell the server of themselves.

Two at once are fine while a new release of a worker is rolled out. For longer they are a trap: a workflow may
be replayed by an SDK that is older than the one which wrote its history.
"""

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.workflowservice.v1 import ListWorkersRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.pollers import pollers

_GONE = {WorkerStatus.WORKER_STATUS_SHUTTING_DOWN, WorkerStatus.WORKER_STATUS_SHUTDOWN}
_NOT_TOLD = {
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.INVALID_ARGUMENT,
}


async def sdk_versions(client: Client, task_queue: str) -> dict[str, list[str]]:
    """Return the SDKs with their versions, and who polls with each. A worker tells within its first minute.

    Empty where the server does not know: it may be too old, or not allow the question.
    """
    try:
        answer = await client.workflow_service.list_workers(
            ListWorkersRequest(
                namespace=client.namespace, page_size=1000, query=f"TaskQueue = '{task_queue}'"
            )
        )
    except RPCError as error:
        if error.status in _NOT_TOLD:
            return {}
        raise
    # The server remembers workers for a while after they were killed.
    polling = set(await pollers(client, task_queue))
    found: dict[str, list[str]] = {}
    for worker in answer.workers:
        if worker.status not in _GONE and worker.worker_identity in polling:
            identities = found.setdefault(f"{worker.sdk_name} {worker.sdk_version}", [])
            if worker.worker_identity not in identities:
                identities.append(worker.worker_identity)
    return found
