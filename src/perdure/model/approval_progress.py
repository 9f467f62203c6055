"""Where an approval stands, what it carries over when its history is cut, and how it is shown."""

from datetime import datetime
from typing import Final

from pydantic import Field

from perdure.model.approvals import (
    ApprovalMode,
    ApprovalRequest,
    ApprovalResult,
    CountedDecision,
    Verdict,
)
from perdure.model.ballots import Ballot, Refusal
from perdure.model.base import Model
from perdure.model.forms import FormValue
from perdure.model.progress import Note, NoteKind

REFUSED_KEPT: Final = 50
"""Older refusals are only counted: whoever sends junk must not fill the state."""

NOTES_KEPT: Final = 50
_MAX_MESSAGE = 2_000


class RefusedDecision(Model):
    """A decision that was handed in and does not count.

    Attributes:
        claimed_by: Whom it said it is from; empty where it said nothing readable.
        claimed_verdict: What it said.
        reason: Why it does not count.
        by: ``signal`` or ``update``.
    """

    at: datetime
    claimed_by: str = ""
    claimed_verdict: Verdict | None = None
    reason: Refusal
    message: str
    by: str


class ApprovalState(Model):
    """An approval in the middle of waiting.

    Attributes:
        refused_count: How many were refused, those included that are not kept.
        next_reminder_at: ``None`` where nobody is reminded.
        told: Whether the workflow that asked was told that people are waited for.
    """

    ballot: Ballot
    refused: tuple[RefusedDecision, ...] = ()
    refused_count: int = 0
    reminders: int = 0
    next_reminder_at: datetime | None = None
    notes: tuple[Note, ...] = ()
    told: bool = False


class ApprovalInput(Model):
    """What ``ApprovalWorkflow`` is started with.

    Attributes:
        request: What is asked.
        news_signal: A signal of the parent workflow that gets :class:`ApprovalNews`, so that it can tell
            people that they are waited for.
        state: Where it stands if the workflow hands it to itself.
    """

    request: ApprovalRequest
    news_signal: str = ""
    state: ApprovalState | None = None


class ApprovalNews(Model):
    """What the workflow that asked for an approval is told while people are waited for.

    Attributes:
        kind: ``waiting``, ``reminder`` or ``escalated``.
        may_decide: Whose decision is waited for; anybody's, where empty.
    """

    approval_id: str
    kind: str
    message: str = ""
    may_decide: tuple[str, ...] = ()
    approvals_missing: int = 0
    deadline: datetime


class ApprovalProgress(Model):
    """Where an approval stands.

    Attributes:
        id: Its workflow id.
        run_id: Its first run's id: part of what a decision's signature covers.
        digest: What a decision has to name.
        mode: Whom the worker believes; ``None`` until it has said so.
        approvers: Who may decide, others after an escalation included.
        may_decide: Of those, who has not; teams stay. Anybody, where ``approvers`` is empty.
        decisions: Those that count.
        form: What the first approver has filled in.
        refused: The last decisions that do not count.
    """

    id: str
    run_id: str
    request: ApprovalRequest
    digest: str
    mode: ApprovalMode | None = None
    approvers: tuple[str, ...] = ()
    may_decide: tuple[str, ...] = ()
    approvals_missing: int = 0
    deadline: datetime
    escalated: bool = False
    decisions: tuple[CountedDecision, ...] = ()
    form: dict[str, FormValue] = Field(default_factory=dict)
    refused: tuple[RefusedDecision, ...] = ()
    refused_count: int = 0
    reminders: int = 0
    notes: tuple[Note, ...] = ()
    waiting_on: str = ""
    result: ApprovalResult | None = None
    cancelled: bool = False


def noted(state: ApprovalState, now: datetime, kind: NoteKind, text: str) -> ApprovalState:
    """Return the state with one more note."""
    notes = (*state.notes, Note(at=now, kind=kind, text=text))[-NOTES_KEPT:]
    return state.model_copy(update={"notes": notes})


def with_refused(state: ApprovalState, refused: RefusedDecision) -> ApprovalState:
    """Return the state with one more refusal."""
    kept = (*state.refused, refused)[-REFUSED_KEPT:]
    return state.model_copy(update={"refused": kept, "refused_count": state.refused_count + 1})


def result_of(ballot: Ballot, mode: ApprovalMode) -> ApprovalResult | None:
    """Return what came of an approval, or ``None`` while it is open or where it was cancelled."""
    if ballot.verdict is None or ballot.reason is None:
        return None
    return ApprovalResult(
        verdict=ballot.verdict,
        reason=ballot.reason,
        digest=ballot.request.digest,
        decisions=ballot.decisions,
        form=ballot.form,
        mode=mode,
    )


def approval_markdown(progress: ApprovalProgress) -> str:
    """Draw an approval for its page in Temporal's UI. At most a few kB: the engine takes 20 kB."""
    request = progress.request
    rows = [
        ("State", _state(progress)),
        ("Approvers", ", ".join(progress.approvers) or "anybody"),
        ("Quorum", str(request.quorum)),
        ("Started by", request.requester.login if request.requester else "not known"),
        ("Deadline", f"{progress.deadline:%Y-%m-%d %H:%M:%S %Z}, then {request.on_timeout}"),
        ("Digest", f"`{_cell(progress.digest)}`"),
    ]
    if progress.mode is ApprovalMode.LOCAL:
        rows.append(("Mode", "**local**: the operating system's user is taken at their word"))
    parts = [_quoted(request.message)] if request.message else []
    parts.append("\n".join(f"- {name}: {_cell(text)}" for name, text in rows))
    if progress.decisions:
        lines = ["| When | Who | Verdict | How | Comment |", "|---|---|---|---|---|"]
        lines += [
            f"| {found.at:%H:%M:%S} | {_cell(found.approver.login)} | {found.verdict} | {found.how}"
            f" | {_cell(found.comment)} |"
            for found in progress.decisions[-20:]
        ]
        parts.append("\n".join(lines))
    if progress.form:
        parts.append("\n".join(f"- `{name}` = {_cell(str(value))}" for name, value in progress.form.items()))
    if progress.refused:
        last = "\n".join(f"- {found.at:%H:%M:%S} {_cell(found.message)}" for found in progress.refused[-5:])
        parts.append(f"Refused: {progress.refused_count}\n\n{last}")
    return "\n\n".join(parts)


def _state(progress: ApprovalProgress) -> str:
    if progress.result is not None:
        return f"**{progress.result.verdict}** ({progress.result.reason})"
    if progress.cancelled:
        return "cancelled"
    who = ", ".join(progress.may_decide) or "anybody"
    return f"waits for {progress.approvals_missing} of: {who}"


def _quoted(text: str) -> str:
    shown = text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"
    return "\n".join(f"> {line}" for line in shown.splitlines())


def _cell(text: str) -> str:
    shown = " ".join(text.split()).replace("|", "\\|")
    return shown if len(shown) <= 200 else f"{shown[:199]}…"
