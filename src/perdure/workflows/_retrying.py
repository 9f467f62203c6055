"""Another attempt at a run that did not pass: never beside one that is alive.

A person may re-run a failed run in GitHub at any moment, also while Perdure waits to do so: that attempt is
taken for the next one.
"""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from perdure.workflows import _calls
from perdure.workflows._account import Account

with workflow.unsafe.imports_passed_through():
    from perdure.activities.dispatching import RerunInput
    from perdure.activities.failures import original_error
    from perdure.errors import ActionsRunNotFoundError
    from perdure.model.actions import ActionsRun, RetryBy
    from perdure.model.progress import NoteKind


async def another_attempt(before: ActionsRun, by: RetryBy, account: Account) -> ActionsRun | None:
    """Return the next attempt of the same run, or ``None`` where it takes another dispatch."""
    if by is RetryBy.DISPATCH:
        return await _adopted(before, account)
    answer = await _calls.rerun_failed_jobs(
        RerunInput(ref=before.ref, actions_run_attempt=before.actions_run_attempt)
    )
    if answer.refused:
        account.note(NoteKind.RETRY, f"GitHub would not re-run it: {answer.refused}")
        return None
    if answer.actions_run.actions_run_attempt > before.actions_run_attempt:
        return answer.actions_run
    # The run may still be shown as it was: what comes is at least one attempt further.
    return answer.actions_run.model_copy(
        update={
            "actions_run_attempt": before.actions_run_attempt + 1,
            "status": "queued",
            "conclusion": None,
            "updated_at": None,
        }
    )


async def _adopted(before: ActionsRun, account: Account) -> ActionsRun | None:
    try:
        now = await _calls.get_actions_run(before.ref)
    except ActivityError as failure:
        if isinstance(original_error(failure), ActionsRunNotFoundError):
            return None
        raise
    if now.actions_run_attempt == before.actions_run_attempt:
        return None
    account.note(NoteKind.RETRY, f"attempt {now.actions_run_attempt} was started at GitHub: it is adopted")
    return now
