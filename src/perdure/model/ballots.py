"""The rules of approvals: which decision counts, and when it is enough.

A :class:`Ballot` is the whole state of an approval. It is closed once, by the first event that closes it, and
nothing opens it again: whatever races, the order in which the workflow sees things decides, and everybody
else is refused.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from pydantic import Field

from perdure.model.approvals import (
    TEAM_PREFIX,
    ApprovalRequest,
    CountedDecision,
    Decision,
    How,
    OnTimeout,
    Person,
    Reason,
    Verdict,
)
from perdure.model.base import Model
from perdure.model.forms import FormValue, filled_form


class Refusal(StrEnum):
    """Why a decision does not count."""

    OVER = "over"
    NOT_SIGNED = "not-signed"
    OTHER_DIGEST = "other-digest"
    EXPIRED = "expired"
    NONCE_USED = "nonce-used"
    NOT_ENTITLED = "not-entitled"
    DECIDED_ALREADY = "decided-already"
    SELF_APPROVAL = "self-approval"
    BAD_FORM = "bad-form"
    MALFORMED = "malformed"


class Refused(Model):
    """A decision that does not count, and why."""

    reason: Refusal
    message: str


class Ballot(Model):
    """The decisions of one approval so far.

    Attributes:
        request: What is asked.
        approvers: Who may decide now.
        deadline: Until when.
        escalated: Whether others were asked too.
        decisions: Those that count.
        used_nonces: Of every decision that was signed or local, so that none is handed in twice.
        verdict: Set once.
        reason: Why it is over; ``None`` while it is open.
    """

    request: ApprovalRequest
    approvers: tuple[str, ...]
    deadline: datetime
    escalated: bool = False
    decisions: tuple[CountedDecision, ...] = ()
    used_nonces: tuple[str, ...] = ()
    verdict: Verdict | None = None
    reason: Reason | None = None
    form: dict[str, FormValue] = Field(default_factory=dict)

    @classmethod
    def opened(cls, request: ApprovalRequest, now: datetime) -> Self:
        """Return the ballot at its beginning."""
        return cls(request=request, approvers=request.approvers, deadline=now + request.timeout)

    @property
    def is_open(self) -> bool:
        """Whether somebody may still decide."""
        return self.reason is None

    @property
    def may_decide(self) -> tuple[str, ...]:
        """The approvers who have not decided; teams stay. Empty where anybody may."""
        decided = {decision.approver.login.casefold() for decision in self.decisions}
        requester = self.request.requester
        if self.request.prevent_self_approval and requester is not None:
            decided.add(requester.login.casefold())
        return tuple(name for name in self.approvers if self.is_open and name.casefold() not in decided)

    @property
    def approvals_missing(self) -> int:
        """How many more have to approve."""
        return self.request.quorum - len(self.decisions) if self.is_open else 0

    def with_decision(self, decision: Decision, how: How, now: datetime) -> Self:
        """Return the ballot with a decision that :func:`judge` has let pass."""
        counted = CountedDecision(
            **{**dict(decision), "how": how}, at=now, entitled_as=_entitled_as(self.approvers, decision) or ""
        )
        cast = self.model_copy(
            update={
                "decisions": (*self.decisions, counted),
                "used_nonces": (*self.used_nonces, decision.nonce),
            }
        )
        if decision.verdict is Verdict.REJECTED:
            return cast._closed(Verdict.REJECTED, Reason.DECIDED)
        # deterministic: judge has let the form pass, so nothing is raised
        form = filled_form(self.request.form, decision.form)
        if len(cast.decisions) < self.request.quorum:
            return cast.model_copy(update={"form": form})
        return cast._closed(Verdict.APPROVED, Reason.DECIDED, form)

    def with_used_nonce(self, nonce: str) -> Self:
        """Return the ballot after a decision was refused whose author is known: it cannot come again."""
        if nonce in self.used_nonces or len(self.used_nonces) >= MAX_NONCES:
            return self
        return self.model_copy(update={"used_nonces": (*self.used_nonces, nonce)})

    def at(self, now: datetime) -> Self:
        """Return the ballot as time makes it: expired or escalated once its deadline has passed."""
        if not self.is_open or now < self.deadline:
            return self
        match self.request.on_timeout:
            case OnTimeout.APPROVE:
                return self._closed(Verdict.APPROVED, Reason.TIMEOUT, filled_form(self.request.form, {}))
            case OnTimeout.ESCALATE if not self.escalated:
                everybody = dict.fromkeys((*self.approvers, *self.request.escalate_to))
                return self.model_copy(
                    update={
                        # Where anybody may decide, that stays so.
                        "approvers": tuple(everybody) if self.approvers else (),
                        "deadline": now + self.request.timeout,
                        "escalated": True,
                    }
                )
        return self._closed(Verdict.REJECTED, Reason.TIMEOUT)

    def cancelled(self) -> Self:
        """Return the ballot after a cancellation, which changes nothing that was decided before."""
        return self.model_copy(update={"reason": Reason.CANCELLED}) if self.is_open else self

    def _closed(self, verdict: Verdict, reason: Reason, form: Mapping[str, FormValue] | None = None) -> Self:
        return self.model_copy(update={"verdict": verdict, "reason": reason, "form": dict(form or {})})


MAX_NONCES: Final = 1_000


def judge(ballot: Ballot, decision: Decision, how: How | None, now: datetime) -> Refused | None:
    """Say whether a decision counts.

    Args:
        ballot: The state so far.
        decision: What somebody hands in.
        how: How its author is known, as was found out; ``None`` where its signature is not good.
        now: The time.

    Returns:
        ``None`` where it counts.
    """
    return (
        _too_late(ballot, now)
        or _not_believed(ballot, decision, how)
        or _stale(ballot, decision, now)
        or _not_allowed(ballot, decision)
        or _bad_form(ballot, decision)
    )


def _too_late(ballot: Ballot, now: datetime) -> Refused | None:
    if ballot.reason is Reason.CANCELLED:
        return Refused(reason=Refusal.OVER, message="the approval was cancelled")
    if ballot.verdict is not None:
        why = "nobody decided in time" if ballot.reason is Reason.TIMEOUT else "it was decided before"
        return Refused(reason=Refusal.OVER, message=f"the approval is {ballot.verdict} already: {why}")
    if now >= ballot.deadline:
        return Refused(
            reason=Refusal.OVER, message=f"the time to decide ended at {ballot.deadline:%Y-%m-%d %H:%M:%S %Z}"
        )
    return None


def _not_believed(ballot: Ballot, decision: Decision, how: How | None) -> Refused | None:
    if how is None:
        return Refused(
            reason=Refusal.NOT_SIGNED,
            message=f"the signature of {decision.approver.login}'s decision is not one of the gateway's for"
            " this approval",
        )
    if how is How.UNSIGNED and ballot.approvers:
        return Refused(
            reason=Refusal.NOT_SIGNED, message="the decision is not signed, so nobody knows whose it is"
        )
    return None


def _stale(ballot: Ballot, decision: Decision, now: datetime) -> Refused | None:
    if decision.digest != ballot.request.digest:
        return Refused(
            reason=Refusal.OTHER_DIGEST,
            message=f"the decision is about {decision.digest or 'nothing'}, and the approval about"
            f" {ballot.request.digest}",
        )
    if now >= decision.expires_at:
        return Refused(
            reason=Refusal.EXPIRED, message="the decision was handed in too late: its signature has expired"
        )
    if decision.nonce in ballot.used_nonces:
        return Refused(reason=Refusal.NONCE_USED, message="this decision was handed in before")
    return None


def _not_allowed(ballot: Ballot, decision: Decision) -> Refused | None:
    request, person = ballot.request, decision.approver
    if _entitled_as(ballot.approvers, decision) is None:
        return Refused(
            reason=Refusal.NOT_ENTITLED,
            message=f"{person.login} is not among those who may decide: {', '.join(ballot.approvers)}",
        )
    if any(person.is_same_as(before.approver) for before in ballot.decisions):
        return Refused(
            reason=Refusal.DECIDED_ALREADY, message=f"{person.login} has decided already, and that is final"
        )
    if (
        decision.verdict is Verdict.APPROVED
        and request.prevent_self_approval
        and is_requester(request, person)
    ):
        return Refused(
            reason=Refusal.SELF_APPROVAL,
            message=f"{person.login} started what is to be approved, so somebody else has to approve it",
        )
    return None


def _bad_form(ballot: Ballot, decision: Decision) -> Refused | None:
    if decision.verdict is Verdict.REJECTED:
        return None
    try:
        form = filled_form(ballot.request.form, decision.form)
    except ValueError as error:
        return Refused(reason=Refusal.BAD_FORM, message=f"the form is not filled in as it must be: {error}")
    if ballot.decisions and form != ballot.form:
        entered = ", ".join(f"{name}={value}" for name, value in ballot.form.items())
        first = ballot.decisions[0].approver.login
        return Refused(
            reason=Refusal.BAD_FORM,
            message=f"{first} approved with {entered}: approve the same, or reject",
        )
    return None


def is_requester(request: ApprovalRequest, person: Person) -> bool:
    """Say whether a person started what is to be approved."""
    return request.requester is not None and request.requester.is_same_as(person)


def _entitled_as(approvers: tuple[str, ...], decision: Decision) -> str | None:
    """Return the entry that lets somebody decide: empty where anybody may, ``None`` where none does."""
    if not approvers:
        return ""
    teams = {f"{TEAM_PREFIX}{team}".casefold() for team in decision.teams}
    own = {decision.approver.login.casefold(), *teams}
    return next((name for name in approvers if name.casefold() in own), None)
