"""The activities as workflows see them: one typed function each.

Workflows call these and nothing else, so an operator reviews every time-out and retry policy on one screen.
Reads are tried without limit: an outage of GitHub is a wait. What changes GitHub is tried once where a
repetition would do it twice, and without limit where it is safe to repeat.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from perdure.activities.actions import (
        ActionActivities,
        ExplainedRun,
        FindActionsRunsInput,
        PlanDispatchInput,
        PollActionsRunInput,
        ReadOutputs,
    )
    from perdure.activities.approvals import ApprovalActivities
    from perdure.activities.dispatching import (
        CancelInput,
        DispatchActivities,
        RerunAnswer,
        RerunInput,
    )
    from perdure.activities.locking import AskForLockInput, FindGoneInput, LockActivities
    from perdure.activities.notifying import (
        MarkActivities,
        PostWebhookInput,
        PutMarkInput,
        WebhookActivities,
    )
    from perdure.activities.store_reading import ReadStoredInput, StoreActivities, StoredPart
    from perdure.activities.watching import AskForNewsInput, WatchActivities
    from perdure.model import queues
    from perdure.model.actions import ActionsRun, ActionsRunRef
    from perdure.model.approvals import ApprovalTrust
    from perdure.model.dispatch import DispatchAnswer, DispatchPlan, DispatchRequest
    from perdure.model.marks import PlacedMark
    from perdure.model.watching import WatchRunsInput, WatchRunsResult

_ONCE = RetryPolicy(maximum_attempts=1)
_READ = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=1))
_WRITE = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1))
_CANCEL = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=5)

_NOTIFY = RetryPolicy(
    initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=1), maximum_attempts=6
)
"""A notification that is not taken within some minutes is old: it is given up, and that is recorded."""

_READ_TIMEOUT = timedelta(seconds=30)
_LOST_WORKER_TIMEOUT = timedelta(seconds=10)
"""How soon a worker that was killed in the middle of an activity is noticed: each of them beats."""


async def plan_dispatch(input: PlanDispatchInput) -> DispatchPlan:
    """Check what can be known before a dispatch."""
    return await workflow.execute_activity_method(
        ActionActivities.plan_dispatch,
        input,
        start_to_close_timeout=_READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=f"{input.repository} {input.workflow_file}",
    )


async def dispatch_actions_workflow(request: DispatchRequest) -> DispatchAnswer:
    """Send the dispatch, once."""
    return await workflow.execute_activity_method(
        DispatchActivities.dispatch_actions_workflow,
        request,
        task_queue=_queue(queues.DISPATCH),
        start_to_close_timeout=timedelta(seconds=60),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_ONCE,
        summary=f"{request.repository} {request.workflow_file} @ {request.ref}",
    )


async def find_actions_runs(input: FindActionsRunsInput) -> list[ActionsRun]:
    """Look for the runs that carry a dispatch id."""
    return await workflow.execute_activity_method(
        ActionActivities.find_actions_runs,
        input,
        start_to_close_timeout=2 * input.within + timedelta(minutes=5),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=f"for {input.dispatch_id}",
    )


async def get_actions_run(ref: ActionsRunRef) -> ActionsRun:
    """Read one Actions run."""
    return await workflow.execute_activity_method(
        ActionActivities.get_actions_run,
        ref,
        start_to_close_timeout=_READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=str(ref),
    )


async def poll_actions_run(input: PollActionsRunInput) -> ActionsRun:
    """Read one Actions run until there is news, or for as long as asked. It may take days."""
    return await workflow.execute_activity_method(
        ActionActivities.poll_actions_run,
        input,
        start_to_close_timeout=timedelta(days=365)
        if input.within is None
        else 2 * input.within + _READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=str(input.known.ref),
    )


async def explain_actions_run(ref: ActionsRunRef) -> ExplainedRun:
    """Read why a run did not pass."""
    return await workflow.execute_activity_method(
        ActionActivities.explain_actions_run,
        ref,
        start_to_close_timeout=_READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=str(ref),
    )


async def read_outputs(actions_run: ActionsRun) -> ReadOutputs:
    """Read what a run gave back."""
    return await workflow.execute_activity_method(
        ActionActivities.read_outputs,
        actions_run,
        start_to_close_timeout=_READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
        summary=str(actions_run.ref),
    )


async def rerun_failed_jobs(input: RerunInput) -> RerunAnswer:
    """Re-run what failed in a run."""
    return await workflow.execute_activity_method(
        DispatchActivities.rerun_failed_jobs,
        input,
        task_queue=_queue(queues.DISPATCH),
        start_to_close_timeout=_READ_TIMEOUT,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_WRITE,
        summary=str(input.ref),
    )


async def cancel_actions_run(input: CancelInput) -> str:
    """Ask GitHub to cancel a run."""
    return await workflow.execute_activity_method(
        DispatchActivities.cancel_actions_run,
        input,
        task_queue=_queue(queues.DISPATCH),
        start_to_close_timeout=timedelta(seconds=30),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_CANCEL,
        summary=f"{'force ' if input.force else ''}{input.ref}",
    )


async def ask_for_news(input: AskForNewsInput) -> None:
    """Have the repository's watcher tell this workflow of its run.

    Local, as it is one short request to Temporal itself: it needs no place in a queue of its own.
    """
    await workflow.execute_local_activity_method(
        WatchActivities.ask_for_news,
        input,
        start_to_close_timeout=timedelta(seconds=20),
        retry_policy=_READ,
        summary=input.repository,
    )


async def read_approval_trust() -> ApprovalTrust:
    """Learn from the worker's settings whose decisions count.

    Local, so that the worker that runs the workflow is the one that is asked.
    """
    return await workflow.execute_local_activity_method(
        ApprovalActivities.read_approval_trust,
        start_to_close_timeout=timedelta(seconds=10),
        retry_policy=_READ,
    )


async def watch_actions_runs(input: WatchRunsInput) -> WatchRunsResult:
    """Watch a repository's runs until nobody waits for one."""
    return await workflow.execute_activity_method(
        WatchActivities.watch_actions_runs,
        input,
        task_queue=_queue(queues.WATCH),
        start_to_close_timeout=timedelta(minutes=30),
        heartbeat_timeout=timedelta(seconds=15),
        retry_policy=_READ,
        summary=input.repository,
    )


async def ask_for_lock(input: AskForLockInput) -> None:
    """Ask for a concurrency group. On Perdure's own queue, so that it works from anybody's worker."""
    await workflow.execute_activity_method(
        LockActivities.ask_for_lock,
        input,
        task_queue=input.task_queue,
        start_to_close_timeout=timedelta(seconds=20),
        retry_policy=_READ,
        summary=input.group[:100],
    )


async def find_gone(input: FindGoneInput) -> list[str]:
    """Find out which of those who have or want a concurrency group have ended."""
    return await workflow.execute_activity_method(
        LockActivities.find_gone,
        input,
        start_to_close_timeout=timedelta(minutes=5),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ,
    )


async def post_webhook(input: PostWebhookInput) -> None:
    """Tell people through a webhook."""
    await workflow.execute_activity_method(
        WebhookActivities.post_webhook,
        input,
        schedule_to_close_timeout=timedelta(minutes=10),
        start_to_close_timeout=timedelta(minutes=1),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_NOTIFY,
        summary=input.webhook[:100],
    )


async def put_mark(input: PutMarkInput) -> PlacedMark:
    """Make a check run or a commit status, or change it."""
    return await workflow.execute_activity_method(
        MarkActivities.put_mark,
        input,
        task_queue=_queue(queues.DISPATCH),
        schedule_to_close_timeout=timedelta(minutes=10),
        start_to_close_timeout=timedelta(minutes=2),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_NOTIFY,
        summary=f"{input.kind} {input.name} at {input.repository}"[:200],
    )


async def read_stored(input: ReadStoredInput) -> StoredPart:
    """Read a part of an object from the workers' store."""
    return await workflow.execute_activity_method(
        StoreActivities.read_stored,
        input,
        start_to_close_timeout=_READ_TIMEOUT,
        retry_policy=RetryPolicy(maximum_attempts=3),
        summary=input.stored.sha256,
    )


def _queue(queue: str) -> str:
    return queues.beside(workflow.info().task_queue, queue)
