"""What a workflow's history must not hold."""

from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import ActivityTaskStartedEventAttributes
from temporalio.client import Client


async def assert_no_failed_task(client: Client, workflow_id: str) -> None:
    """Check that no workflow task has failed. One that timed out belonged to a worker that was lost."""
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failed = event.workflow_task_failed_event_attributes
            # News that arrives as the workflow ends: the server has it look once more.
            late = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            assert failed.cause == late, f"a workflow task failed: {failed}"


async def activities_started(
    client: Client, workflow_id: str
) -> AsyncIterator[ActivityTaskStartedEventAttributes]:
    """Yield the start of each activity that has ended: its last attempt."""
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
            yield event.activity_task_started_event_attributes
