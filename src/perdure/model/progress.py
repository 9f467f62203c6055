"""Where an action stands: the one account that the command line, the web and Temporal's UI draw from."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from perdure.model.actions import ActionResult, ActionsRun
from perdure.model.base import Model

NOTES_KEPT = 50
"""Older notes are dropped: a run that is retried for weeks must not grow its state without limit."""


class Stage(StrEnum):
    """What an action is doing."""

    CHECKING = "checking"
    DISPATCHING = "dispatching"
    FINDING = "finding"
    HELD = "held"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHING = "finishing"
    RETRYING = "retrying"
    CANCELLING = "cancelling"
    DONE = "done"


class NoteKind(StrEnum):
    """What a note is about."""

    DISPATCH = "dispatch"
    RECONCILE = "reconcile"
    FOUND = "found"
    CHANGE = "change"
    RETRY = "retry"
    CANCEL = "cancel"
    DUPLICATE = "duplicate"
    DECISION = "decision"
    WARNING = "warning"


class Note(Model):
    """One thing that happened, for people and for the audit."""

    at: datetime
    kind: NoteKind
    text: str


class ActionProgress(Model):
    """Where an action stands.

    Attributes:
        waiting_on: ``github``, ``runner``, ``person``, ``rate-limit``, or empty while Perdure is at work.
        may_be_dispatched: Whether GitHub has, or may have, got a dispatch.
        attempts: Runs and re-runs so far.
        queued_at: When the present attempt was dispatched.
        running_since: When it was first seen running.
        notes: What happened, oldest first; only the last :data:`NOTES_KEPT`.
        left_running: Why the run may go on at GitHub although the action was ended; empty where it does not.
    """

    repository: str
    workflow_file: str
    ref: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    dispatch_id: str = ""
    stage: Stage = Stage.CHECKING
    waiting_on: str = ""
    actions_run: ActionsRun | None = None
    may_be_dispatched: bool = False
    attempts: int = 0
    queued_at: datetime | None = None
    running_since: datetime | None = None
    notes: tuple[Note, ...] = ()
    duplicates: tuple[int, ...] = ()
    left_running: str = ""
    result: ActionResult | None = None


def action_markdown(progress: ActionProgress) -> str:
    """Draw an action for its page in Temporal's UI. At most a few kB: the engine takes 20 kB."""
    actions_run = progress.actions_run
    rows = [
        (
            "Actions workflow",
            f"{progress.repository} `{progress.workflow_file}` @ `{progress.ref or 'default branch'}`",
        ),
        (
            "Stage",
            progress.stage.value + (f", waiting on {progress.waiting_on}" if progress.waiting_on else ""),
        ),
        ("Dispatch id", f"`{progress.dispatch_id}`"),
    ]
    if actions_run is not None:
        words = actions_run.status + (f", **{actions_run.conclusion}**" if actions_run.conclusion else "")
        rows.append(("Actions run", f"[{actions_run.html_url}]({actions_run.html_url})"))
        rows.append(("Status", f"{words} (attempt {actions_run.actions_run_attempt})"))
    parts = ["\n".join(f"- {name}: {_one_line(text)}" for name, text in rows)]
    if progress.inputs:
        parts.append(_table(("Input", "Value"), progress.inputs.items()))
    if progress.notes:
        parts.append(
            _table(("When", "What"), ((f"{note.at:%H:%M:%S}", note.text) for note in progress.notes[-10:]))
        )
    return "\n\n".join(parts)


def _table(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {_cell(left)} | {_cell(right)} |" for left, right in rows]
    return "\n".join(lines)


def _cell(text: str) -> str:
    shown = _one_line(text).replace("|", "\\|")
    return shown if len(shown) <= 200 else shown[:199] + "…"


def _one_line(text: str) -> str:
    return " ".join(text.split())
