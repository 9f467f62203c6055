"""Draws where a pipeline stands: a table on a terminal, one line per job elsewhere."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from perdure.cli._durations import format_duration
from perdure.cli._progress import stage_of
from perdure.cli._shown import shown
from perdure.engine.sights import JobSight, PipelineSight
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.progress import Stage
from perdure.pipeline.running import JobProgress, JobState, PipelineProgress

SIGNS = {
    JobState.WAITING: "·",
    JobState.RUNNING: "▶",
    JobState.SUCCESS: "✓",
    JobState.FAILURE: "✗",
    JobState.CANCELLED: "⊘",
    JobState.SKIPPED: "-",
}
_STYLES = {
    JobState.WAITING: "dim",
    JobState.RUNNING: "cyan",
    JobState.SUCCESS: "green",
    JobState.FAILURE: "bold red",
    JobState.CANCELLED: "yellow",
    JobState.SKIPPED: "dim",
}
_MOST_JOBS = 8
"""Of one step. Where there are more, they share a row."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job, or the many jobs of one step.

    Attributes:
        label: The job's key, or the step's name and how many jobs it has.
        words: What it does, or why it ended as it did.
    """

    label: str
    state: JobState
    words: str = ""
    url: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    def duration(self, now: datetime) -> str:
        """Say for how long it has run, or ran."""
        if self.started_at is None:
            return ""
        return format_duration((self.ended_at or now) - self.started_at)


def rows(sight: PipelineSight) -> Iterator[Row]:
    """Yield a row for each job. The jobs of a large matrix share one."""
    for step, group in groupby(sight.progress.jobs, key=lambda job: job.step):
        jobs = list(group)
        if len(jobs) > _MOST_JOBS:
            yield _row_of_many(step, jobs)
        else:
            yield from (_row(job, sight.jobs.get(job.key)) for job in jobs)


def draw(sight: PipelineSight, *, now: datetime, temporal_url: str | None) -> RenderableType:
    """Draw a pipeline while it runs."""
    table = Table.grid(padding=(0, 2))
    for style in (None, None, None, "dim"):
        table.add_column(style=style, no_wrap=True)
    table.add_column(overflow="fold")
    for row in rows(sight):
        style = _STYLES[row.state]
        words = Text(shown(row.words))
        if row.url:
            words.append(("  " if row.words else "") + shown(row.url), style=f"underline link {row.url}")
        table.add_row(
            Text(SIGNS[row.state], style=style),
            shown(row.label),
            Text(row.state.value, style=style),
            row.duration(now),
            words,
        )
    parts: list[RenderableType] = [Text(shown(headline(sight.progress, now)), style="bold"), table]
    parts += [Text(shown(text)) for text in compensation_lines(sight.progress)]
    if temporal_url:
        parts.append(Text(f"temporal  {temporal_url}", style="dim"))
    return Group(*parts)


def headline(progress: PipelineProgress, now: datetime) -> str:
    """Say how far a pipeline is."""
    ended = sum(job.ended_at is not None for job in progress.jobs)
    state = progress.conclusion.value if progress.conclusion else _doing(progress)
    if progress.conclusion and progress.telling:
        state += f", telling {' and '.join(progress.telling[:3])}"
    took = format_duration(now - progress.started_at)
    return f"{progress.name} · {state} · {ended} of {len(progress.jobs)} jobs · {took}"


def line(row: Row) -> str:
    """Say where a job stands in one line, without the time: the same line means nothing changed."""
    parts = [f"{row.label}: {row.state.value}", row.words, row.url]
    return shown(", ".join(part for part in parts if part))


def job_lines(progress: PipelineProgress) -> Iterator[str]:
    """Yield how each job ended, with how long it took and where it can be seen."""
    found = list(rows(PipelineSight(progress=progress)))
    label_width = max((len(row.label) for row in found), default=0)
    for row in found:
        took = row.duration(row.ended_at) if row.ended_at else ""
        rest = "  ".join(part for part in (row.words, row.url) if part)
        head = f"{SIGNS[row.state]} {row.label.ljust(label_width)}  {row.state.value:9}  {took:>6}"
        yield f"{head}  {rest}".rstrip()


def compensation_lines(progress: PipelineProgress) -> Iterator[str]:
    """Yield what was undone."""
    for one in progress.compensations:
        why = f" ({one.reason})" if one.reason else ""
        url = f"  {one.html_url}" if one.html_url else ""
        yield f"undid {one.job_key} with {one.action}: {one.conclusion.value}{why}{url}"


def waits_for(approval: ApprovalProgress) -> str:
    """Say whose decision is missing, and how it is given."""
    who = ", ".join(approval.may_decide) or "anybody"
    return f"waits for {approval.approvals_missing} of {who}: perdure approval approve {approval.id}"


def _doing(progress: PipelineProgress) -> str:
    return "cancelling" if progress.cancelled else "running"


def _row(job: JobProgress, sight: JobSight | None) -> Row:
    words, url = job.reason, job.html_url
    if sight is not None and job.state is JobState.RUNNING:
        words, url = _said(sight)
    return Row(
        label=job.key,
        state=job.state,
        words=" ".join(words.split()),
        url=url or job.html_url,
        started_at=job.started_at,
        ended_at=job.ended_at,
    )


def _said(sight: JobSight) -> tuple[str, str]:
    if sight.action is not None:
        actions_run = sight.action.actions_run
        attempts = f", attempt {sight.action.attempts}" if sight.action.attempts > 1 else ""
        # It has ended before its pipeline was told.
        stage = stage_of(sight.action) if sight.action.stage is not Stage.DONE else Stage.FINISHING.value
        return stage + attempts, actions_run.html_url if actions_run else ""
    if sight.approval is not None and sight.approval.waiting_on:
        return waits_for(sight.approval), ""
    if sight.pipeline is not None:
        ended = sum(job.ended_at is not None for job in sight.pipeline.jobs)
        return f"{ended} of {len(sight.pipeline.jobs)} jobs ended", ""
    return "", ""


def _row_of_many(step: str, jobs: list[JobProgress]) -> Row:
    counts = Counter(job.state for job in jobs)
    order = (
        JobState.RUNNING,
        JobState.FAILURE,
        JobState.CANCELLED,
        JobState.WAITING,
        JobState.SUCCESS,
        JobState.SKIPPED,
    )
    ended = [job.ended_at for job in jobs if job.ended_at is not None]
    return Row(
        label=f"{step} x {len(jobs)}",
        state=next(state for state in order if counts[state]),
        words=", ".join(f"{count} {state.value}" for state, count in sorted(counts.items())),
        started_at=min((job.started_at for job in jobs if job.started_at is not None), default=None),
        ended_at=max(ended) if len(ended) == len(jobs) else None,
    )
