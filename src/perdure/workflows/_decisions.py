"""Takes decisions, whatever way they come, and keeps the one account of an approval.

An update is refused by its validator before anything is recorded. A signal cannot be refused, so that it is
judged when it is handled, and a refusal is part of the account.

Thousands of signals may come in one task of the workflow, and a task that takes more than two seconds is
taken for a deadlock, and done again for ever. So signals are only put down when they come, and read a part at
a time.
"""

from collections import deque
from collections.abc import Mapping

from temporalio import workflow

from perdure.workflows._signatures import is_signed_by

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import ValidationError

    from perdure.model.approval_progress import (
        ApprovalInput,
        ApprovalProgress,
        ApprovalState,
        RefusedDecision,
        noted,
        result_of,
        with_refused,
    )
    from perdure.model.approvals import (
        ApprovalMode,
        ApprovalTrust,
        Decision,
        How,
        Person,
        Verdict,
        signed_content,
    )
    from perdure.model.ballots import Ballot, Refusal, Refused, judge
    from perdure.model.progress import NoteKind

_NOBODY = "anonymous"
_EFFORT_AT_ONCE = 500
_EFFORT_OF_A_SIGNATURE = 5
_HOW_IT_IS_SAID = {
    How.SIGNED: "",
    How.LOCAL: " (local mode: taken at their word)",
    How.UNSIGNED: " (unsigned: nobody knows who)",
}


class Decisions:
    """The state of one approval, and everything that may change it."""

    def __init__(self, input: ApprovalInput) -> None:
        """Begin, or go on with what was handed over."""
        self.trust: ApprovalTrust | None = None
        self._unread: deque[tuple[object, ...]] = deque()
        self.state = input.state or ApprovalState(
            ballot=Ballot.opened(input.request, workflow.now()),
            next_reminder_at=workflow.now() + input.request.remind if input.request.remind else None,
        )

    @property
    def ballot(self) -> Ballot:
        """What was decided so far."""
        return self.state.ballot

    def refusal(self, decision: Decision) -> Refused | None:
        """Say why a decision would not count now, if so. Changes nothing."""
        return judge(self.ballot, decision, self._how(decision, by_update=True), workflow.now())

    def take(self, decision: Decision) -> Refused | None:
        """Take a decision that came by update; return why it does not count, if so."""
        return self._settle(decision, self._how(decision, by_update=True), by="update")

    @property
    def has_unread(self) -> bool:
        """Whether signals have come that nobody has read."""
        return bool(self._unread)

    def put_down(self, payloads: tuple[object, ...]) -> None:
        """Keep a decision that came by signal, whatever it holds, until it is read."""
        self._unread.append(payloads)

    def read_some(self) -> None:
        """Read decisions that came by signal: as many as can be read at once, all where it is over."""
        effort = 0
        while self._unread and (effort < _EFFORT_AT_ONCE or not self.ballot.is_open):
            effort += self._read_next()

    def _read_next(self) -> int:
        payloads = self._unread.popleft()
        if not self.ballot.is_open:
            self._record_refusal(Refused(reason=Refusal.OVER, message="the approval is over"), by="signal")
            return 1
        try:
            decision = _read_signal(payloads, self.ballot)
        except (ValueError, RecursionError) as error:
            refused = Refused(reason=Refusal.MALFORMED, message=f"an unreadable decision: {_shortly(error)}")
            self._record_refusal(refused, by="signal")
            return _EFFORT_OF_A_SIGNATURE
        self._settle(decision, self._how(decision, by_update=False), by="signal")
        return _EFFORT_OF_A_SIGNATURE

    def pass_time(self) -> bool:
        """Let the deadline have its effect; say whether it had one."""
        before = self.ballot
        after = before.at(workflow.now())
        if after is before:
            return False
        self._update(ballot=after)
        if after.is_open:
            self.note(NoteKind.CHANGE, f"nobody decided in time: now {', '.join(after.approvers)} may too")
        else:
            self.note(NoteKind.CHANGE, f"nobody decided in time: {after.verdict}")
        return True

    def cancel(self) -> None:
        """Let nobody decide any more, unless it is decided."""
        if self.ballot.is_open:
            self._update(ballot=self.ballot.cancelled())
            self.note(NoteKind.CANCEL, "cancelled before it was decided")

    def reminded(self, again_at_every: timedelta) -> None:
        """Note that people were reminded."""
        self._update(reminders=self.state.reminders + 1, next_reminder_at=workflow.now() + again_at_every)
        self.note(NoteKind.CHANGE, f"reminder {self.state.reminders}")

    def was_told(self) -> None:
        """Note that the workflow that asked knows that people are waited for."""
        self._update(told=True)

    def note(self, kind: NoteKind, text: str) -> None:
        """Write down what happened."""
        self.state = noted(self.state, workflow.now(), kind, text)

    def progress(self) -> ApprovalProgress:
        """Tell where the approval stands."""
        ballot, mode = self.ballot, self.trust.mode if self.trust else None
        info = workflow.info()
        return ApprovalProgress(
            id=info.workflow_id,
            run_id=info.first_execution_run_id,
            request=ballot.request,
            digest=ballot.request.digest,
            mode=mode,
            approvers=ballot.approvers,
            may_decide=ballot.may_decide,
            approvals_missing=ballot.approvals_missing,
            deadline=ballot.deadline,
            escalated=ballot.escalated,
            decisions=ballot.decisions,
            form=ballot.form,
            refused=self.state.refused,
            refused_count=self.state.refused_count,
            reminders=self.state.reminders,
            notes=self.state.notes,
            waiting_on="person" if ballot.is_open else "",
            result=result_of(ballot, mode or ApprovalMode.GATEWAY),
            cancelled=not ballot.is_open and ballot.verdict is None,
        )

    def _settle(self, decision: Decision, how: How | None, *, by: str) -> Refused | None:
        now = workflow.now()
        refused = judge(self.ballot, decision, how, now)
        if refused is not None or how is None:
            refused = refused or Refused(reason=Refusal.NOT_SIGNED, message="not signed")
            if how is How.SIGNED:
                self._update(ballot=self.ballot.with_used_nonce(decision.nonce))
            self._record_refusal(refused, by=by, decision=decision)
            return refused
        self._update(ballot=self.ballot.with_decision(decision, how, now))
        self.note(
            NoteKind.DECISION,
            f"{decision.verdict} by {decision.approver.login}{_HOW_IT_IS_SAID[how]}"
            + (f": {decision.comment[:200]}" if decision.comment else ""),
        )
        return None

    def _how(self, decision: Decision, *, by_update: bool) -> How | None:
        if decision.signature:
            keys = self.trust.public_keys if self.trust else ()
            info = workflow.info()
            content = signed_content(
                decision, approval_id=info.workflow_id, run_id=info.first_execution_run_id
            )
            return How.SIGNED if is_signed_by(keys, content, decision.signature) else None
        if by_update and self.trust is not None and self.trust.mode is ApprovalMode.LOCAL:
            return How.LOCAL
        return How.UNSIGNED

    def _record_refusal(self, refused: Refused, *, by: str, decision: Decision | None = None) -> None:
        self.state = with_refused(
            self.state,
            RefusedDecision(
                at=workflow.now(),
                claimed_by=decision.approver.login if decision else "",
                claimed_verdict=decision.verdict if decision else None,
                reason=refused.reason,
                message=refused.message[:500],
                by=by,
            ),
        )

    def _update(self, **changes: object) -> None:
        self.state = self.state.model_copy(update=changes)


def _read_signal(payloads: tuple[object, ...], ballot: Ballot) -> Decision:
    """Read ``{Approved, Reason}`` and, where it is there, ``Decision``: each in either case.

    Raises:
        ValueError: It is something else.
    """
    if len(payloads) != 1 or not isinstance(payloads[0], Mapping):
        msg = "expected one object {Approved, Reason}"
        raise ValueError(msg)
    fields: dict[str, object] = {}
    for name, value in payloads[0].items():
        if str(name).lower() in fields:
            msg = f"{str(name)[:50]!r} is there twice"
            raise ValueError(msg)
        fields[str(name).lower()] = value
    approved, reason = fields.get("approved"), fields.get("reason") or ""
    signed = fields.get("decision")
    if signed is not None:
        decision = Decision.model_validate(signed)
        if approved is not None and approved is not (decision.verdict is Verdict.APPROVED):
            msg = "Approved and the decision contradict each other"
            raise ValueError(msg)
        return decision
    if not isinstance(approved, bool) or not isinstance(reason, str):
        msg = "Approved must be true or false, and Reason a text"
        raise ValueError(msg)  # noqa: TRY004 - what is unreadable is a value, whatever is wrong with it
    return Decision(
        approver=Person(login=_NOBODY),
        verdict=Verdict.APPROVED if approved else Verdict.REJECTED,
        digest=ballot.request.digest,
        comment=reason,
        nonce=str(workflow.uuid4()),
        expires_at=workflow.now() + timedelta(minutes=1),
        how=How.UNSIGNED,
    )


def _shortly(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:300]
    return str(error)[:300]
