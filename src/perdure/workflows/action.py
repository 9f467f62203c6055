"""Runs one GitHub Actions workflow durably: dispatch once, find, follow, finish, retry, cancel."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from perdure.workflows import _calls
from perdure.workflows._account import Account
from perdure.workflows._control import CancelledBeforeDispatch, Control
from perdure.workflows._dispatching import Dispatching
from perdure.workflows._following import Following
from perdure.workflows._leaving import end_within, report
from perdure.workflows._retrying import another_attempt
from perdure.workflows.dispatch_guard import guard_dispatch

with workflow.unsafe.imports_passed_through():
    from perdure.activities.actions import ExplainedRun, PlanDispatchInput
    from perdure.activities.failures import application_error, original_error
    from perdure.errors import (
        ActionError,
        ActionTimedOutError,
        PerdureError,
        UnexpectedCommitError,
        UsageError,
    )
    from perdure.model.action_state import ActionState, ActionWorkflowInput, HeldDecision
    from perdure.model.actions import ActionInput, ActionResult, ActionsRun
    from perdure.model.conclusions import Outcome, may_retry, outcome_of, passes
    from perdure.model.dispatch import DispatchPlan, check_caller_inputs, dispatch_id
    from perdure.model.failed_actions import conclusion_error, in_full
    from perdure.model.following import Followed, FollowMove
    from perdure.model.progress import ActionProgress, NoteKind, Stage


class _TryAgain(Exception):
    def __init__(self, outcome: Outcome, error: ActionError) -> None:
        super().__init__(str(error))
        self.outcome = outcome
        self.error = error


@workflow.defn
class ActionWorkflow:
    """Dispatches an Actions workflow once and follows its run to the end, however long that takes.

    Ends when the run has passed, or with the error that says why not. Messages: the signal
    ``actions_run_changed`` brings news, the update ``decide_held_dispatch`` a person's decision, the query
    ``progress`` tells where it stands. Cancelling it cancels the run at GitHub, and ends it within a time
    limit even where GitHub refuses. Survives the loss of worker,
    engine and GitHub at any moment; never sends a dispatch again that may have been taken.
    """

    @workflow.init
    def __init__(self, input: ActionWorkflowInput) -> None:
        """Start with nothing known, or go on where an earlier run of this workflow stopped."""
        self._input = input
        state = input.state
        self._control = Control()
        self._generation = state.generation if state else 0
        self._account = Account(state.progress if state else self._first_progress())
        self._following: Following | None = None

    @workflow.run
    async def run(self, input: ActionWorkflowInput) -> ActionResult:
        """Run the action to its end."""
        body = asyncio.create_task(self._body(input, input.state))
        try:
            return await asyncio.shield(body)
        except asyncio.CancelledError:
            # Shielded, so that a cancellation never tears a dispatch: the body stops where that is safe.
            self._control.cancel_requested = True
            await end_within(input.cancel_timeout, body, self._account)
            if input.reports_left_runs:
                await report(self._account.progress)
            if body.done():
                return await body
            raise

    @workflow.signal
    def actions_run_changed(self, seen: ActionsRun | None = None) -> None:
        """Take news of the run: idempotent, and harmless early, late, twice or never."""
        if self._following is not None:
            self._following.hear(seen)

    @workflow.signal
    def earlier_run_found(self, earlier: ActionsRun | None = None) -> None:
        """Follow the first of two runs that one dispatch has started; its guard cancels the second."""
        if self._following is not None and earlier is not None:
            self._following.switch_to(earlier)

    @workflow.update
    def decide_held_dispatch(self, decision: HeldDecision) -> None:
        """Decide about a dispatch whose fate nobody knows: dispatch again, adopt a run, or fail."""
        self._control.decide(decision)

    @decide_held_dispatch.validator
    def _check_decision(self, decision: HeldDecision) -> None:
        if not self._control.waits_for_decision:
            raise application_error(
                UsageError("the action's dispatch is not held: there is nothing to decide")
            )
        if decision.decision not in {"redispatch", "adopt", "fail"}:
            raise application_error(UsageError("decide one of: redispatch, adopt, fail"))
        if decision.decision == "adopt" and not decision.actions_run_id:
            raise application_error(UsageError("name the run to adopt"))

    @workflow.query
    def progress(self) -> ActionProgress:
        """Tell where the action stands."""
        return self._account.progress

    async def _body(self, input: ActionInput, state: ActionState | None) -> ActionResult:
        try:
            check_caller_inputs(input.inputs)
            plan = state.plan if state else await self._plan()
            if plan.search_attributes:
                self._account.show_search_attributes()
            following = (
                self._follow(plan, state.followed) if state else await self._dispatch(plan, keyed=True)
            )
            while True:
                try:
                    return await self._attempt(plan, following)
                except _TryAgain as failed:
                    following = await self._next_attempt(plan, following, failed)
        except CancelledBeforeDispatch:
            self._account.note(NoteKind.CANCEL, "cancelled before anything was dispatched")
            raise asyncio.CancelledError from None
        except (PerdureError, FailureError) as error:
            raise self._failure(error) from (error if isinstance(error, FailureError) else None)

    async def _plan(self) -> DispatchPlan:
        plan = await _calls.plan_dispatch(
            PlanDispatchInput(
                repository=self._input.repository,
                workflow_file=self._input.workflow_file,
                ref=self._input.ref,
                inputs=self._input.inputs,
            )
        )
        self._account.update(ref=plan.ref)
        for warning in plan.warnings:
            self._account.note(NoteKind.WARNING, warning)
        if self._input.expect_sha and plan.head_sha and plan.head_sha != self._input.expect_sha:
            msg = f"{plan.ref} is at {plan.head_sha}, not at the expected {self._input.expect_sha}"
            raise UnexpectedCommitError(
                msg, hint="nothing was dispatched: name a branch that is at that commit"
            )
        return plan

    async def _dispatch(self, plan: DispatchPlan, *, keyed: bool) -> Following:
        self._account.update(
            dispatch_id=self._dispatch_id(), attempts=self._account.progress.attempts + 1, actions_run=None
        )
        dispatching = Dispatching(
            self._input, plan, self._account.progress.dispatch_id, self._account, self._control
        )
        actions_run = await dispatching.actions_run(keyed=keyed and self._input.key is not None)
        if dispatching.was_ambiguous and plan.takes_dispatch_id:
            await guard_dispatch(
                self._input, plan, self._account.progress.dispatch_id, dispatching, actions_run
            )
        return self._follow(plan, Followed(actions_run=actions_run, queued_at=dispatching.dispatched_at))

    def _follow(self, plan: DispatchPlan, followed: Followed) -> Following:
        self._following = Following(
            self._input,
            followed,
            self._account,
            self._control,
            reconcile_interval=plan.reconcile_interval,
        )
        return self._following

    async def _attempt(self, plan: DispatchPlan, following: Following) -> ActionResult:
        move = await following.to_the_next_move()
        if move is FollowMove.WAIT:
            if not self._control.cancel_requested:
                self._cut_history(plan, following)
            still_alive = await following.end_it()
            if still_alive:
                self._account.note(NoteKind.WARNING, f"the run may go on at GitHub: {still_alive}")
        elif move is not FollowMove.FINISH:
            await self._give_up(move, following)
        actions_run = following.followed.actions_run
        if passes(actions_run.conclusion, self._input.accept):
            return await self._finish(actions_run)
        if self._control.cancel_requested:
            self._account.stage(Stage.DONE)
            raise asyncio.CancelledError
        raise await self._did_not_pass(following)

    async def _finish(self, actions_run: ActionsRun) -> ActionResult:
        self._account.stage(Stage.FINISHING)
        read = await _calls.read_outputs(actions_run)
        progress = self._account.progress
        notes = (note.text for note in progress.notes if note.kind in {NoteKind.WARNING, NoteKind.DUPLICATE})
        result = ActionResult(
            repository=self._input.repository,
            workflow_file=self._input.workflow_file,
            status=actions_run.status,
            conclusion=actions_run.conclusion or "",
            html_url=actions_run.html_url,
            dispatch_id=progress.dispatch_id,
            actions_run_id=actions_run.actions_run_id,
            actions_run_attempt=actions_run.actions_run_attempt,
            head_sha=actions_run.head_sha,
            attempts=progress.attempts,
            outputs=read.outputs,
            stored_outputs=read.stored,
            warnings=tuple(notes),
        )
        self._account.stage(Stage.DONE, result=result)
        return result

    async def _did_not_pass(self, following: Following) -> _TryAgain:
        actions_run = following.followed.actions_run
        explained: ExplainedRun = await _calls.explain_actions_run(actions_run.ref)
        outcome = outcome_of(
            actions_run, explained.jobs, self._input.accept, seen_pending=following.followed.seen_pending
        )
        return _TryAgain(outcome, conclusion_error(actions_run, outcome, explained.jobs, explained.log_tail))

    async def _give_up(self, move: FollowMove, following: Following) -> None:
        still_alive = await following.end_it()
        actions_run = following.followed.actions_run
        if move is FollowMove.REFUSE_COMMIT:
            msg = f"the run is on {actions_run.head_sha}, not on the expected {self._input.expect_sha}"
            raise UnexpectedCommitError(f"{msg}; {_ended(still_alive)}", html_url=actions_run.html_url)
        queued = move is FollowMove.GIVE_UP_QUEUED
        limit = self._input.queue_timeout if queued else self._input.run_timeout
        what = "no runner picked the run up" if queued else "the run did not end"
        if passes(actions_run.conclusion, self._input.accept):
            return
        error = ActionTimedOutError(
            f"{what} within {limit}; {_ended(still_alive)}", html_url=actions_run.html_url
        )
        if still_alive:
            raise error
        raise _TryAgain(Outcome.NEVER_STARTED if queued else Outcome.TIMED_OUT, error)

    async def _next_attempt(self, plan: DispatchPlan, following: Following, failed: _TryAgain) -> Following:
        attempts = self._account.progress.attempts
        if not may_retry(self._input, failed.outcome, attempts) or self._control.cancel_requested:
            return await self._adopt_or_raise(plan, following, failed)
        limit = self._input.retry.attempts or "no limit"
        self._account.note(NoteKind.RETRY, f"attempt {attempts} of {limit} ended: {failed.outcome}")
        self._account.stage(Stage.RETRYING, waiting_on="github")
        await self._control.sleep(self._input.retry.delay)
        if self._control.cancel_requested:
            raise asyncio.CancelledError
        queued_at = workflow.now()
        again = await another_attempt(following.followed.actions_run, self._input.retry.by, self._account)
        if again is not None:
            self._account.update(attempts=attempts + 1)
            return self._follow(plan, Followed(actions_run=again, queued_at=queued_at))
        self._generation += 1
        return await self._dispatch(plan, keyed=False)

    async def _adopt_or_raise(self, plan: DispatchPlan, following: Following, failed: _TryAgain) -> Following:
        """Go on with a person's re-run, if there is one while the action stays open for it."""
        window = self._input.adopt_window
        if not window or not await following.another_attempt_within(window):
            raise failed.error
        self._account.update(attempts=self._account.progress.attempts + 1)
        again = Followed(actions_run=following.followed.actions_run, queued_at=workflow.now())
        return self._follow(plan, again)

    def _cut_history(self, plan: DispatchPlan, following: Following) -> None:
        state = ActionState(
            plan=plan,
            progress=self._account.progress,
            followed=following.followed,
            generation=self._generation,
            dispatched_at=following.followed.queued_at,
        )
        workflow.continue_as_new(ActionWorkflowInput.of(self._input, state))

    def _dispatch_id(self) -> str:
        info = workflow.info()
        identity = (
            (self._input.key,)
            if self._input.key is not None
            else (info.namespace, info.workflow_id, info.first_execution_run_id, str(info.attempt))
        )
        return dispatch_id(identity, step=self._input.step, generation=self._generation)

    def _first_progress(self) -> ActionProgress:
        return ActionProgress(
            repository=self._input.repository,
            workflow_file=self._input.workflow_file,
            ref=self._input.ref,
            inputs=self._input.inputs,
        )

    def _failure(self, error: PerdureError | FailureError) -> ApplicationError | FailureError:
        self._account.stage(Stage.DONE)
        known = original_error(error)
        if known is None:
            return error if isinstance(error, FailureError) else ApplicationError(str(error))
        if isinstance(known, ActionError):
            known.dispatch_id = known.dispatch_id or self._account.progress.dispatch_id
        return application_error(
            known,
            message=in_full(known, self._account.progress),
            nothing_dispatched=not self._account.progress.may_be_dispatched,
        )


def _ended(still_alive: str) -> str:
    return f"it may go on at GitHub: {still_alive}" if still_alive else "it was cancelled"
