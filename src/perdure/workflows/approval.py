"""Asks people for a decision, and waits for it for as long as they have."""

import asyncio
import contextlib

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import FailureError

from perdure.workflows import _calls
from perdure.workflows._decisions import Decisions
from perdure.workflows.counting import count

with workflow.unsafe.imports_passed_through():
    from datetime import datetime, timedelta

    from perdure.activities.failures import application_error
    from perdure.errors import DecisionRefusedError
    from perdure.model.approval_progress import (
        ApprovalInput,
        ApprovalNews,
        ApprovalProgress,
        approval_markdown,
        result_of,
    )
    from perdure.model.approvals import ApprovalMode, ApprovalResult, Decision
    from perdure.model.ballots import Refused
    from perdure.model.metrics import REMINDERS
    from perdure.model.progress import NoteKind
    from perdure.model.search_attributes import KIND, WAITING_ON

DECIDE = "decide"
"""The update that hands in a decision: :class:`perdure.model.approvals.Decision`."""

SIGNAL = "approval-signal"
"""The signal that hands in a decision: ``{"Approved": true, "Reason": "..."}``."""

_TRUST_INTERVAL = timedelta(hours=1)
"""How soon a key that was taken out of the worker's settings is no longer believed."""

_BETWEEN_TWO_READS = timedelta(milliseconds=1)

_KIND = SearchAttributeKey.for_keyword(KIND)
_WAITING_ON = SearchAttributeKey.for_keyword(WAITING_ON)


@workflow.defn
class ApprovalWorkflow:
    """Waits until enough people have approved, one has rejected, or their time is over.

    Messages: the update ``decide`` hands in a decision, and is refused before anything is recorded; the
    signal ``approval-signal`` does the same under the same rules, and a refusal is recorded; the query
    ``progress`` tells where it stands. The first event that closes it is final: a decision after that is
    refused, and a cancellation after that changes nothing. Survives the loss of worker and engine at any
    moment.
    """

    @workflow.init
    def __init__(self, input: ApprovalInput) -> None:
        """Begin, or go on where an earlier run of this workflow stopped."""
        self._input = input
        self._decisions = Decisions(input)
        self._shows_search_attributes = False
        self._trust_read_at = workflow.now()
        self._show()

    @workflow.run
    async def run(self, input: ApprovalInput) -> ApprovalResult:
        """Wait for the decision."""
        body = asyncio.create_task(self._body())
        try:
            return await asyncio.shield(body)
        except asyncio.CancelledError:
            # Shielded, so that the ballot says which was first: a decision that was acknowledged stays.
            self._decisions.cancel()
            return await body

    @workflow.update(name=DECIDE, unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def decide(self, decision: Decision) -> ApprovalProgress:
        """Hand in a decision. Returns where the approval stands with it."""
        if self._decisions.trust is None:
            await workflow.wait_condition(lambda: self._decisions.trust is not None)
        # Nothing is awaited from here on: of two decisions at the same instant one is judged after the other.
        refused = self._decisions.take(decision)
        self._show()
        if refused is not None:
            raise _refusal(refused)
        return self._decisions.progress()

    @decide.validator
    def _check_decision(self, decision: Decision) -> None:
        if self._decisions.trust is None:
            return
        refused = self._decisions.refusal(decision)
        if refused is not None:
            workflow.logger.warning(
                "refused a decision that claims to be %s's: %s", decision.approver.login, refused.reason.value
            )
            raise _refusal(refused)

    @workflow.signal(name=SIGNAL)
    def approval_signal(self, *payloads: object) -> None:
        """Hand in a decision without waiting for what becomes of it. Nothing in it breaks the approval."""
        self._decisions.put_down(payloads)

    @workflow.query
    def progress(self) -> ApprovalProgress:
        """Tell where the approval stands."""
        return self._decisions.progress()

    async def _body(self) -> ApprovalResult:
        await self._believe()
        await self._tell("waiting")
        while self._decisions.ballot.is_open:
            await self._wait()
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._read_signals()
        result = result_of(self._decisions.ballot, self._mode())
        if result is None:
            raise asyncio.CancelledError
        return result

    async def _believe(self) -> None:
        """Learn whom the worker believes: from its settings, so that no client can bring a key of its own."""
        trust = await _calls.read_approval_trust()
        self._trust_read_at = workflow.now()
        before, self._decisions.trust = self._decisions.trust, trust
        if before is None and trust.search_attributes:
            self._shows_search_attributes = True
        elif before is not None and before != trust:
            self._decisions.note(NoteKind.CHANGE, f"the worker's settings changed: mode {trust.mode}")
        self._show()

    async def _wait(self) -> None:
        """Wait for a decision or for the next thing that is due, and do it."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                self._has_something_to_do,
                timeout=max(self._next_due_at() - workflow.now(), timedelta(0)),
                timeout_summary="deadline, reminder, or a look at the worker's settings",
            )
        self._read_signals()
        if not self._decisions.ballot.is_open:
            return
        if self._decisions.has_unread:
            # The rest in another task, so that none takes long.
            await workflow.sleep(_BETWEEN_TWO_READS)
        elif workflow.info().is_continue_as_new_suggested():
            await self._cut_history()
        if self._decisions.pass_time():
            self._show()
            if self._decisions.ballot.is_open:
                await self._tell("escalated")
            return
        await self._remind()
        if workflow.now() >= self._trust_read_at + _TRUST_INTERVAL:
            await self._believe()

    def _has_something_to_do(self) -> bool:
        decisions = self._decisions
        return (
            not decisions.ballot.is_open
            or decisions.has_unread
            or workflow.info().is_continue_as_new_suggested()
        )

    def _read_signals(self) -> None:
        self._decisions.read_some()
        self._show()

    async def _remind(self) -> None:
        remind, due_at = self._input.request.remind, self._decisions.state.next_reminder_at
        if remind is not None and due_at is not None and workflow.now() >= due_at:
            self._decisions.reminded(remind)
            count(REMINDERS)
            self._show()
            await self._tell("reminder")

    def _next_due_at(self) -> datetime:
        state = self._decisions.state
        due = [state.ballot.deadline, self._trust_read_at + _TRUST_INTERVAL]
        return min([*due, state.next_reminder_at] if state.next_reminder_at else due)

    async def _cut_history(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._decisions.ballot.is_open and not self._decisions.has_unread:
            workflow.continue_as_new(
                ApprovalInput(
                    request=self._input.request,
                    news_signal=self._input.news_signal,
                    state=self._decisions.state,
                )
            )

    async def _tell(self, kind: str) -> None:
        """Tell the workflow that asked, so that it notifies people as it was told to."""
        parent = workflow.info().parent
        if (
            parent is None
            or not self._input.news_signal
            or (kind == "waiting" and self._decisions.state.told)
        ):
            return
        ballot = self._decisions.ballot
        news = ApprovalNews(
            approval_id=workflow.info().workflow_id,
            kind=kind,
            message=ballot.request.message,
            may_decide=ballot.may_decide,
            approvals_missing=ballot.approvals_missing,
            deadline=ballot.deadline,
        )
        self._decisions.was_told()
        with contextlib.suppress(FailureError):
            # It may be gone: people can decide all the same.
            await workflow.get_external_workflow_handle(parent.workflow_id).signal(
                self._input.news_signal, news
            )

    def _mode(self) -> ApprovalMode:
        return self._decisions.trust.mode if self._decisions.trust else ApprovalMode.GATEWAY

    def _show(self) -> None:
        progress = self._decisions.progress()
        workflow.set_current_details(approval_markdown(progress))
        if self._shows_search_attributes:
            self._upsert(progress.waiting_on)

    def _upsert(self, waiting_on: str) -> None:
        known = workflow.info().typed_search_attributes
        changes = [] if known.get(_KIND) == "approval" else [_KIND.value_set("approval")]
        if (known.get(_WAITING_ON) or "") != waiting_on:
            changes.append(_WAITING_ON.value_set(waiting_on) if waiting_on else _WAITING_ON.value_unset())
        if changes:
            workflow.upsert_search_attributes(changes)


def _refusal(refused: Refused) -> Exception:
    return application_error(DecisionRefusedError(refused.message, reason=refused.reason.value))
