"""Who polls a task queue: without anybody, what is started there would wait for ever and say nothing."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from perdure.errors import NoWorkerError
from perdure.model import queues

# A poll lasts for a minute at most. The server lists who polled within five, the dead included.
POLL_LASTS = timedelta(seconds=70)
_LOOK_INTERVAL = 0.25


WORKFLOW_TASKS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,)
ACTIVITY_TASKS = (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,)

Kinds = Collection[TaskQueueType.ValueType]


async def pollers(
    client: Client, task_queue: str, kinds: Kinds = (*WORKFLOW_TASKS, *ACTIVITY_TASKS)
) -> list[str]:
    """Return the identities of the workers that poll a queue for workflow or activity tasks.

    A worker that was killed is still among them for up to 70 s.
    """
    found: dict[str, None] = {}
    for kind in kinds:
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
            )
        )
        for poller in answer.pollers:
            polled_at = poller.last_access_time.ToDatetime(tzinfo=UTC)
            if datetime.now(UTC) - polled_at < POLL_LASTS:
                found[poller.identity] = None
    return list(found)


async def require_pollers(
    client: Client,
    task_queue: str,
    *,
    within: timedelta = timedelta(seconds=5),
    kinds: Kinds = (*WORKFLOW_TASKS, *ACTIVITY_TASKS),
    hint: str | None = None,
) -> None:
    """Return when somebody polls the queue.

    Args:
        client: The connection.
        task_queue: The queue's name.
        within: How long a worker that is just starting is waited for.
        kinds: Of tasks, any of which has to be polled for.
        hint: What to do where nobody does; otherwise the command that starts a worker of Perdure's.

    Raises:
        NoWorkerError: Nobody does. The message names the queue and the command that starts a worker.
    """
    try:
        async with asyncio.timeout(within.total_seconds()):
            while not await pollers(client, task_queue, kinds):  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(_LOOK_INTERVAL)
    except TimeoutError:
        raise _nobody_polls(client, task_queue, hint) from None


def _nobody_polls(client: Client, task_queue: str, hint: str | None) -> NoWorkerError:
    address = client.service_client.config.target_host
    is_review = any(task_queue.startswith(name) for name in queues.REVIEWING)
    wanted = f" --queues {','.join(queues.REVIEWING)}" if is_review else ""
    return NoWorkerError(
        f"no worker polls the task queue {task_queue!r} of namespace {client.namespace!r} at {address}",
        hint=hint or f"start one: perdure worker{wanted} --address {address} --namespace {client.namespace}",
    )
