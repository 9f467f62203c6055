"""Ends an action that was cancelled, whatever GitHub does.

GitHub may refuse to cancel a run, may cancel it and let it go on, or be away. An action that waited for that
would keep its pipeline, and the pipeline's concurrency group, for ever. So a cancellation has a time limit,
after which the action ends and says what it leaves behind.
"""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows._account import Account

with workflow.unsafe.imports_passed_through():
    from perdure.model.actions import ActionResult
    from perdure.model.left_runs import LEFT_SIGNAL, left_run, may_be_left
    from perdure.model.progress import ActionProgress, NoteKind, Stage


async def end_within(limit: timedelta, body: asyncio.Task[ActionResult], account: Account) -> None:
    """Wait for the end of an action that knows of its cancellation, but not longer than this."""
    if not body.done():
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(body.done, timeout=limit, timeout_summary="ends all the same")
    if body.done():
        return
    reason = f"the cancellation did not come to its end within {limit}"
    left = may_be_left(account.progress)
    account.note(NoteKind.WARNING, f"{reason}; {'the run may go on at GitHub' if left else 'nothing runs'}")
    account.stage(Stage.DONE, left_running=reason if left else "")


async def report(progress: ActionProgress) -> None:
    """Tell the pipeline that started this action of the run that it leaves behind, if there is one."""
    info = workflow.info()
    left = left_run(info.workflow_id, progress)
    if left is not None and info.parent is not None:
        # The pipeline may be gone.
        with contextlib.suppress(FailureError):
            parent = workflow.get_external_workflow_handle(info.parent.workflow_id)
            await parent.signal(LEFT_SIGNAL, left)
