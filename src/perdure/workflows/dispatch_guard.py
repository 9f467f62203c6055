"""Goes on looking for a second run of a dispatch whose answer was lost, after its action has its result."""

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from perdure.workflows import _calls
from perdure.workflows._dispatching import Dispatching
from perdure.workflows.counting import count

with workflow.unsafe.imports_passed_through():
    from perdure.activities.actions import FindActionsRunsInput
    from perdure.activities.dispatching import CancelInput
    from perdure.model.actions import ActionInput, ActionsRun
    from perdure.model.base import Model
    from perdure.model.dispatch import Correlation, DispatchPlan, choose_actions_run, created_since
    from perdure.model.metrics import DUPLICATES

EARLIER_RUN_SIGNAL = "earlier_run_found"

_INTERVALS = tuple(timedelta(seconds=seconds) for seconds in (2, 3, 5, 10, 15, 30, 60, 120, 300))


# deterministic: only a dispatch whose answer was lost has a guard, so few sandboxes build it again
class DispatchGuardInput(Model):
    """What :class:`DispatchGuardWorkflow` is started with.

    Attributes:
        since: When the dispatch was first sent.
        grace_time: How long to go on after the kept run has ended.
        looks: How often it has looked already.
        ended_at: When the kept run was first seen ended.
        cancelled: Duplicates so far.
    """

    repository: str
    workflow_file: str
    ref: str
    dispatch_id: str
    correlation: Correlation
    action_workflow_id: str
    kept_actions_run_id: int
    since: datetime
    grace_time: timedelta
    looks: int = 0
    ended_at: datetime | None = None
    cancelled: tuple[int, ...] = ()


# deterministic: as above
class DispatchGuardResult(Model):
    """Duplicates that were found and cancelled."""

    cancelled: tuple[int, ...] = ()


@workflow.defn
class DispatchGuardWorkflow:
    """Looks for runs that carry the dispatch id of another one, cancels them, and records that it did.

    Ends a grace time after the kept run has ended: results are not delayed by it. Survives anything: each
    look starts from what GitHub says.
    """

    @workflow.init
    def __init__(self, input: DispatchGuardInput) -> None:
        """Go on from what is known."""
        self._known = input

    @workflow.run
    async def run(self, input: DispatchGuardInput) -> DispatchGuardResult:
        """Look until the kept run and the grace time after it are over."""
        while not self._is_over():
            await self._look()
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._known)
            await workflow.sleep(_INTERVALS[min(self._known.looks - 1, len(_INTERVALS) - 1)])
        return DispatchGuardResult(cancelled=self._known.cancelled)

    def _is_over(self) -> bool:
        ended_at = self._known.ended_at
        return ended_at is not None and workflow.now() - ended_at > self._known.grace_time

    async def _look(self) -> None:
        known = self._known
        found = await _calls.find_actions_runs(
            FindActionsRunsInput(
                repository=known.repository,
                workflow_file=known.workflow_file,
                ref=known.ref,
                dispatch_id=known.dispatch_id,
                correlation=known.correlation,
                since=created_since(known.since),
            )
        )
        kept = self._choose(found)
        if kept is not None and kept.actions_run_id != known.kept_actions_run_id:
            await self._tell_the_action(kept)
        for duplicate in found:
            if duplicate is not kept and not duplicate.is_completed:
                await self._end(duplicate)
        # Lists lag: a kept run that is not on the list is gone only if it has had the time to get there.
        is_gone = kept is None and workflow.now() - known.since > 2 * known.grace_time
        gone_or_ended = is_gone or (kept is not None and kept.is_completed)
        self._known = self._known.model_copy(
            update={
                "looks": known.looks + 1,
                "kept_actions_run_id": kept.actions_run_id if kept else known.kept_actions_run_id,
                "ended_at": known.ended_at or (workflow.now() if gone_or_ended else None),
            }
        )

    def _choose(self, found: list[ActionsRun]) -> ActionsRun | None:
        """Return the run to keep: the first, unless the one that was followed has ended already."""
        kept = next((run for run in found if run.actions_run_id == self._known.kept_actions_run_id), None)
        alive = [run for run in found if not run.is_completed]
        if not alive or (kept is not None and kept.is_completed):
            return kept
        return choose_actions_run(alive)[0]

    async def _tell_the_action(self, earlier: ActionsRun) -> None:
        with contextlib.suppress(ApplicationError):
            # It may have ended: then nobody waits for the run that is kept.
            await workflow.get_external_workflow_handle(self._known.action_workflow_id).signal(
                EARLIER_RUN_SIGNAL, earlier
            )

    async def _end(self, duplicate: ActionsRun) -> None:
        refused = await _calls.cancel_actions_run(CancelInput(ref=duplicate.ref))
        count(DUPLICATES)
        workflow.logger.warning("cancelled the duplicate %s %s", duplicate.html_url, refused)
        cancelled = dict.fromkeys((*self._known.cancelled, duplicate.actions_run_id))
        self._known = self._known.model_copy(update={"cancelled": tuple(cancelled)})


async def guard_dispatch(
    input: ActionInput, plan: DispatchPlan, dispatch_id: str, dispatching: Dispatching, kept: ActionsRun
) -> None:
    """Start the guard of a dispatch whose answer was lost. It outlives the workflow that starts it."""
    if plan.correlation is Correlation.NONE:
        return
    try:
        await workflow.start_child_workflow(
            DispatchGuardWorkflow.run,
            DispatchGuardInput(
                repository=input.repository,
                workflow_file=input.workflow_file,
                ref=plan.ref,
                dispatch_id=dispatch_id,
                correlation=plan.correlation,
                action_workflow_id=workflow.info().workflow_id,
                kept_actions_run_id=kept.actions_run_id,
                since=dispatching.dispatched_at,
                grace_time=plan.grace_time,
            ),
            id=f"guard/{dispatch_id}",
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"Looks for a second run of {dispatch_id} in {input.repository}",
        )
    except WorkflowAlreadyStartedError:
        workflow.logger.info("dispatch %s is guarded already", dispatch_id)
