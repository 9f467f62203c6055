"""Gets one dispatch to become exactly one run, whatever happens to the answer.

A client that sends again when an answer is lost starts a second release. Here the decision what to do next
is :func:`perdure.model.dispatch.next_dispatch_move`, and this module only carries it out.
"""

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from perdure.workflows import _calls
from perdure.workflows._account import Account
from perdure.workflows._control import Control
from perdure.workflows.counting import count

with workflow.unsafe.imports_passed_through():
    from perdure.activities.actions import FindActionsRunsInput
    from perdure.activities.dispatching import CancelInput
    from perdure.errors import DispatchUnresolvedError, error_types
    from perdure.model.actions import ActionInput, ActionsRun, ActionsRunRef, OnAmbiguity
    from perdure.model.dispatch import (
        DISPATCH_ID_INPUT,
        Correlation,
        DispatchAnswer,
        DispatchMove,
        DispatchPlan,
        DispatchRequest,
        DispatchState,
        choose_actions_run,
        created_since,
        next_dispatch_move,
    )
    from perdure.model.metrics import DUPLICATES, RECONCILIATIONS
    from perdure.model.progress import NoteKind, Stage

_KEYED_LOOK_BACK = timedelta(days=7)
"""How far back a run of the same key is looked for before the first dispatch."""

_UNMARKED_LOOK_BACK = timedelta(days=30)

_NOT_SENT_PAUSE = timedelta(seconds=5)


class Dispatching:
    """One dispatch, from nothing to a run that is known."""

    def __init__(
        self, input: ActionInput, plan: DispatchPlan, dispatch_id: str, account: Account, control: Control
    ) -> None:
        self._input = input
        self._plan = plan
        self._dispatch_id = dispatch_id
        self._account = account
        self._control = control
        self._takes_id = plan.takes_dispatch_id
        self.dispatched_at: datetime = workflow.now()
        self._last_number = 0
        self.was_ambiguous = False
        """Whether a second run may still turn up."""

    async def actions_run(self, *, keyed: bool) -> ActionsRun:
        """Return the one run of this dispatch.

        Raises:
            DispatchUnresolvedError: Nobody can know, and the policy or a person said to stop.
            ApplicationError: GitHub refuses it.
        """
        state = DispatchState(
            keyed=keyed and self._recognisable,
            may_repeat=self._may_repeat,
            on_ambiguity=self._input.on_ambiguity,
        )
        while True:
            match next_dispatch_move(state):
                case DispatchMove.POST:
                    state = await self._post(state)
                case DispatchMove.WAIT_AND_POST:
                    await self._wait_to_post(state)
                    state = await self._post(state)
                case DispatchMove.LOOK:
                    state = await self._look(state)
                case DispatchMove.ASK:
                    state = await self._ask(state)
                case DispatchMove.GIVE_UP:
                    raise self._unresolved(state)
                case DispatchMove.DONE:
                    return await self._read(state)

    async def _post(self, state: DispatchState) -> DispatchState:
        self._control.stop_if_cancelled()
        self._account.stage(Stage.DISPATCHING)
        if not self.was_ambiguous:
            self.dispatched_at = workflow.now()
        if not self._recognisable:
            # Runs that are there already are not this dispatch's: afterwards only a newer one can be.
            before = await _calls.find_actions_runs(self._find(since=workflow.now() - _UNMARKED_LOOK_BACK))
            self._last_number = max((run.actions_run_number for run in before), default=0)
        answer = await self._send()
        if answer.kind in {"started", "accepted", "ambiguous"}:
            self._account.update(may_be_dispatched=True)
        match answer.kind:
            case "started":
                self._account.note(NoteKind.DISPATCH, f"dispatched: run {answer.actions_run_id}")
            case "accepted":
                self._account.note(NoteKind.DISPATCH, "dispatched: GitHub accepted it without naming the run")
            case "without-id":
                self._takes_id = False
                self._account.note(
                    NoteKind.WARNING, "the workflow file takes no dispatch id: sent without it"
                )
            case "ambiguous":
                self.was_ambiguous = True
                self._account.note(
                    NoteKind.RECONCILE, f"nobody knows whether it was dispatched: {answer.reason}"
                )
            case _:
                self._account.note(NoteKind.DISPATCH, f"not dispatched yet: {answer.reason}")
        # A run without the id on it would be looked for in vain: a person is asked at once.
        in_vain = answer.kind == "ambiguous" and not self._recognisable
        return state.model_copy(update={"answer": answer, "looked": in_vain, "may_repeat": self._may_repeat})

    async def _send(self) -> DispatchAnswer:
        inputs = dict(self._input.inputs)
        if self._takes_id:
            inputs[DISPATCH_ID_INPUT] = self._dispatch_id
        try:
            return await _calls.dispatch_actions_workflow(
                DispatchRequest(
                    repository=self._input.repository,
                    workflow_file=self._input.workflow_file,
                    ref=self._plan.ref,
                    inputs=inputs,
                )
            )
        except ActivityError as failure:
            # Only GitHub's own refusal is proof that nothing was started.
            if isinstance(failure.cause, ApplicationError) and failure.cause.type in error_types():
                raise
            return DispatchAnswer(kind="ambiguous", reason=_reason(failure))

    async def _wait_to_post(self, state: DispatchState) -> None:
        answer = state.answer
        delay = (answer.retry_after if answer else None) or _NOT_SENT_PAUSE
        waiting_on = "rate-limit" if answer and answer.kind == "later" else "github"
        self._account.stage(Stage.DISPATCHING, waiting_on=waiting_on)
        await self._control.sleep(delay)

    async def _look(self, state: DispatchState) -> DispatchState:
        first_look = state.answer is None
        self._account.stage(Stage.FINDING, waiting_on="github")
        since = workflow.now() - _KEYED_LOOK_BACK if first_look else created_since(self.dispatched_at)
        found = await _calls.find_actions_runs(
            self._find(since=since, within=timedelta(0) if first_look else self._plan.grace_time)
        )
        if not self._recognisable and len(found) > 1:
            self._account.note(NoteKind.WARNING, f"{len(found)} runs may be this dispatch: none is guessed")
            found = []
        kept = await self._keep_first(found) if found else ()
        if not first_look:
            count(RECONCILIATIONS, outcome="found" if kept else "none")
        if kept:
            self._account.update(may_be_dispatched=True)
            self._account.note(NoteKind.FOUND, f"found run {kept[0]}")
        elif not first_look:
            grace = int(self._plan.grace_time.total_seconds())
            self._account.note(NoteKind.RECONCILE, f"no run with the dispatch id within {grace} s")
        return state.model_copy(update={"found": kept, "looked": True})

    async def _keep_first(self, found: list[ActionsRun]) -> tuple[int, ...]:
        first, duplicates = choose_actions_run(found)
        for duplicate in duplicates:
            refused = await _calls.cancel_actions_run(CancelInput(ref=duplicate.ref))
            said = f" (GitHub refused to cancel it: {refused})" if refused else ""
            count(DUPLICATES)
            self._account.note(NoteKind.DUPLICATE, f"cancelled the duplicate {duplicate.html_url}{said}")
        known = (*self._account.progress.duplicates, *(run.actions_run_id for run in duplicates))
        self._account.update(duplicates=tuple(dict.fromkeys(known)))
        return (first.actions_run_id,)

    async def _ask(self, state: DispatchState) -> DispatchState:
        self._account.stage(Stage.HELD, waiting_on="person")
        decided = await self._control.held_decision()
        self._account.note(NoteKind.DECISION, f"{decided.by or 'somebody'} decided: {decided.decision}")
        if decided.decision == "redispatch":
            return await self._post(state)
        if decided.decision == "adopt" and decided.actions_run_id:
            return state.model_copy(update={"found": (decided.actions_run_id,)})
        return state.model_copy(update={"on_ambiguity": OnAmbiguity.FAIL, "may_repeat": True})

    async def _read(self, state: DispatchState) -> ActionsRun:
        answer = state.answer
        if not state.found and answer and answer.actions_run_id:
            # GitHub named the run: no request is needed to know that it is queued.
            return ActionsRun(
                repository=self._input.repository,
                actions_run_id=answer.actions_run_id,
                status="queued",
                html_url=answer.html_url or "",
            )
        return await _calls.get_actions_run(
            ActionsRunRef(repository=self._input.repository, actions_run_id=state.found[0])
        )

    @property
    def _recognisable(self) -> bool:
        return self._takes_id and self._plan.correlation is not Correlation.NONE

    @property
    def _may_repeat(self) -> bool:
        return self._recognisable and self._plan.file_is_known

    def _find(self, *, since: datetime, within: timedelta = timedelta(0)) -> FindActionsRunsInput:
        return FindActionsRunsInput(
            repository=self._input.repository,
            workflow_file=self._input.workflow_file,
            ref=self._plan.ref,
            dispatch_id=self._dispatch_id,
            correlation=self._plan.correlation if self._takes_id else Correlation.NONE,
            since=since,
            after_number=self._last_number,
            within=within,
            # Of unmarked runs only the one that stays alone for the whole grace time is taken.
            more_than=0 if self._recognisable else 1,
        )

    def _unresolved(self, state: DispatchState) -> DispatchUnresolvedError:
        said = state.answer.reason or state.answer.kind if state.answer else "nothing was sent"
        return DispatchUnresolvedError(
            f"whether GitHub started a run is not known ({said}), and no run carries the dispatch id",
            hint="look at the repository's Actions page, then start the action again with a new --id",
            dispatch_id=self._dispatch_id,
        )


def _reason(failure: ActivityError) -> str:
    cause = failure.cause
    return f"the worker that sent it was lost ({cause})" if cause else str(failure)
