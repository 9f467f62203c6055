"""The activities of fleets as their workflows see them: see :mod:`perdure.workflows._calls`."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from pydantic import JsonValue

    from perdure.activities.alerting import AlertActivities, AlertInput
    from perdure.activities.fleet import (
        AwaitWorkflowsInput,
        FleetActivities,
        ItemsPage,
        KeepItemsInput,
        ReadItemsInput,
        ReadResultsInput,
        ResultsBatch,
        WorkflowEnd,
    )
    from perdure.activities.notifying import PostWebhookInput, WebhookActivities
    from perdure.model import queues
    from perdure.model.actions import StoredObject
    from perdure.model.fleet import ItemEnd, PagedItems, ResultsPage, StoredIndex

_READ = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_ALERT = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=5)
_TIMEOUT = timedelta(minutes=2)
_LOST_WORKER_TIMEOUT = timedelta(seconds=10)


async def read_items(input: ReadItemsInput) -> ItemsPage:
    """Read the items at a cursor. GitHub's outage is a wait."""
    return await workflow.execute_activity_method(
        FleetActivities.read_items,
        input,
        start_to_close_timeout=_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=f"from {input.start}",
    )


async def read_items_by(source: PagedItems, cursor: str, size: int) -> dict[str, JsonValue]:
    """Read the items at a cursor by somebody's own activity. Its retries are without limit."""
    page: dict[str, JsonValue] = await workflow.execute_activity(
        source.activity,
        {**source.arguments, "cursor": cursor, "size": size},
        task_queue=source.task_queue or None,
        result_type=dict,
        start_to_close_timeout=timedelta(minutes=10),
        retry_policy=_READ,
        summary=f"from {cursor[:100]}",
    )
    return page


async def keep_items(input: KeepItemsInput, task_queue: str | None = None) -> StoredObject:
    """Keep a page of a long list."""
    return await workflow.execute_activity_method(
        FleetActivities.keep_items,
        input,
        task_queue=task_queue,
        start_to_close_timeout=_TIMEOUT,
        retry_policy=_READ,
        summary=f"{len(input.items)} items",
    )


async def keep_index(input: StoredIndex, task_queue: str | None = None) -> StoredObject:
    """Keep where a long list's pages are."""
    return await workflow.execute_activity_method(
        FleetActivities.keep_index,
        input,
        task_queue=task_queue,
        start_to_close_timeout=_TIMEOUT,
        retry_policy=_READ,
        summary=f"{len(input.pages)} pages",
    )


async def keep_results(input: ResultsPage) -> StoredObject:
    """Keep what has ended."""
    return await workflow.execute_activity_method(
        FleetActivities.keep_results,
        input,
        start_to_close_timeout=_TIMEOUT,
        retry_policy=_READ,
        summary=f"{len(input.results)} results",
    )


async def keep_value(input: ItemEnd) -> ItemEnd:
    """Keep a result that is too large to travel on. On Perdure's own queue: its workers have the store."""
    return await workflow.execute_activity_method(
        FleetActivities.keep_value, input, start_to_close_timeout=_TIMEOUT, retry_policy=_READ
    )


async def read_results(input: ReadResultsInput) -> ResultsBatch:
    """Read some of a fleet's results."""
    return await workflow.execute_activity_method(
        FleetActivities.read_results, input, start_to_close_timeout=_TIMEOUT, retry_policy=_ALERT
    )


async def await_workflows(input: AwaitWorkflowsInput) -> list[WorkflowEnd]:
    """Wait for workflows that are no children of this history."""
    return await workflow.execute_activity_method(
        FleetActivities.await_workflows,
        input,
        start_to_close_timeout=input.within + _TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=f"{len(input.workflow_ids)} workflows",
    )


async def post_webhook(input: PostWebhookInput) -> None:
    """Tell a webhook of a fleet's failures."""
    await workflow.execute_activity_method(
        WebhookActivities.post_webhook,
        input,
        start_to_close_timeout=timedelta(minutes=1),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_ALERT,
        summary=input.message.about[:100],
    )


async def open_issue(input: AlertInput) -> str:
    """Open an issue about a fleet's failures, or find the one that is there."""
    return await workflow.execute_activity_method(
        AlertActivities.open_issue,
        input,
        task_queue=queues.beside(workflow.info().task_queue, queues.DISPATCH),
        start_to_close_timeout=_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_ALERT,
        summary=input.title[:100],
    )
