"""Draws where an action stands: live on a terminal, one line per change elsewhere."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from perdure.cli._durations import format_duration
from perdure.cli._shown import shown
from perdure.model.progress import ActionProgress, NoteKind, Stage

_NOTES_SHOWN = 3
_URGENT = {NoteKind.WARNING, NoteKind.DUPLICATE}
_WAITING_ON = {
    "github": "GitHub",
    "runner": "a runner",
    "person": "a person's decision",
    "rate-limit": "GitHub's rate limit",
}


def draw(progress: ActionProgress, *, now: datetime, temporal_url: str | None) -> RenderableType:
    """Draw an action while it runs.

    Args:
        progress: What the action says of itself.
        now: For how long the present stage has lasted.
        temporal_url: The action's own page in Temporal's web UI, where one is known.
    """
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, text in _facts(progress, temporal_url):
        facts.add_row(f"  {name}", text)
    notes = [
        Text(f"  {note.at:%H:%M:%S}  {shown(note.text)}", style="yellow" if note.kind in _URGENT else "dim")
        for note in progress.notes[-_NOTES_SHOWN:]
    ]
    return Group(_headline(progress, now), facts, *notes)


def line(progress: ActionProgress) -> str:
    """Say where an action stands in one line, without the time: the same line means nothing changed."""
    parts = [f"{title(progress)}: {stage_of(progress)}"]
    actions_run = progress.actions_run
    if actions_run is not None:
        status = status_of(progress)
        # "queued, queued" and "running, in_progress" say the same in two languages.
        if status not in {progress.stage.value, "in_progress"}:
            parts.append(status)
        parts.append(actions_run.html_url)
    return shown(", ".join(parts))


def title(progress: ActionProgress) -> str:
    """Name an action for people."""
    ref = f" @ {progress.ref}" if progress.ref else ""
    return f"{progress.repository} {progress.workflow_file}{ref}"


def stage_of(progress: ActionProgress) -> str:
    """Say what the action does, and whom it waits for."""
    if not progress.waiting_on:
        return progress.stage.value
    return f"{progress.stage.value}, waiting on {_WAITING_ON.get(progress.waiting_on, progress.waiting_on)}"


def status_of(progress: ActionProgress) -> str:
    """Say what GitHub says of the run: status, conclusion, attempt."""
    actions_run = progress.actions_run
    if actions_run is None:
        return "no run yet"
    attempt = actions_run.actions_run_attempt
    words = actions_run.status + (f" {actions_run.conclusion}" if actions_run.conclusion else "")
    return words + (f" (attempt {attempt})" if attempt > 1 else "")


def _facts(progress: ActionProgress, temporal_url: str | None) -> list[tuple[str, Text]]:
    facts = []
    if progress.actions_run is not None:
        url = shown(progress.actions_run.html_url)
        facts.append(("status", Text(shown(status_of(progress)))))
        facts.append(("run", Text(url, style=f"underline link {url}")))
    if progress.dispatch_id:
        facts.append(("dispatch id", Text(progress.dispatch_id)))
    if temporal_url:
        facts.append(("temporal", Text(temporal_url, style=f"underline link {temporal_url}")))
    return facts


def _headline(progress: ActionProgress, now: datetime) -> RenderableType:
    words = [title(progress), " · ", stage_of(progress)]
    since = progress.running_since or progress.queued_at
    if since is not None:
        words += [" · ", format_duration(now - since)]
    text = Text(shown("".join(words)), style="bold")
    if progress.stage is Stage.DONE:
        return text
    spinner = Spinner("dots", text)
    # A fresh spinner is made for every frame: without a common start it would never turn.
    spinner.start_time = 0.0
    return spinner
