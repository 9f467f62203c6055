"""What came of a rehearsal, and how it is told: to people, to programs, in a pull request."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from pydantic import Field

from perdure.model.base import Model

EMULATOR = "emulator"
"""Where nothing real is touched: on GitHub as this machine plays it."""

_MOST_SHOWN = 160

FOLDER = "folder"
GITHUB = "github"


class RehearsedJob(Model):
    """How one job of the pipeline ended.

    Attributes:
        key: Names it in the pipeline.
        kind: ``action``, ``approval``, ``wait``, ``pipeline`` or ``run``.
        conclusion: ``success``, ``failure``, ``cancelled`` or ``skipped``; ``waiting`` or ``running`` where
            the rehearsal was given up.
        attempts: How often its Actions workflow ran.
        reason: Why it ended so.
        scripted: How the scenario wanted it to end, where it did.
    """

    key: str
    kind: str
    conclusion: str
    attempts: int = 0
    reason: str = ""
    scripted: str = ""


class Undone(Model):
    """How the undoing of one job ended."""

    key: str
    action: str
    conclusion: str
    reason: str = ""


class RehearsedRepository(Model):
    """Where the rehearsal has a repository from.

    Attributes:
        source: ``github``, or ``folder``.
        origin: GitHub's address, or the folder.
        uncommitted: How many files of the folder differ from its last commit: they are not rehearsed.
    """

    repository: str
    source: str
    origin: str
    uncommitted: int = 0


class Rehearsal(Model):
    """What came of one rehearsal.

    Attributes:
        pipeline: Its name.
        inputs: What it was given.
        digest: The plan's: what is approved when the same runs for real.
        where: ``emulator``.
        scenario: What was made to go wrong; empty where nothing was.
        succeeded: Whether the pipeline did.
        error: Why it did not.
        compared: Whether there was a real plan to compare with.
        differences: In what the rehearsed plan differs from the real one.
        left_out: What could not be rehearsed, or was not.
        warnings: What a person should know of the plan.
        repositories: Where they come from.
    """

    pipeline: str
    inputs: dict[str, object] = Field(default_factory=dict)
    digest: str
    where: str = EMULATOR
    scenario: str = ""
    succeeded: bool
    error: str = ""
    started_at: datetime
    ended_at: datetime
    jobs: tuple[RehearsedJob, ...] = ()
    undone: tuple[Undone, ...] = ()
    compared: bool = False
    differences: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    repositories: tuple[RehearsedRepository, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()


class Exploration(Model):
    """What comes of each thing that may go wrong, rehearsed one at a time; first of nothing going wrong."""

    pipeline: str
    digest: str
    seconds: float
    variants: tuple[Rehearsal, ...]


def rehearsal_lines(report: Rehearsal) -> Iterator[str]:
    """Yield a report for a terminal."""
    yield f"pipeline   {report.pipeline}, on the {report.where}"
    yield f"plan       {report.digest}"
    yield f"result     {_result(report)}, in {report.seconds:.1f} s"
    yield ""
    yield from _aligned(
        [("job", "ended", "runs", "why")]
        + [(job.key, job.conclusion, str(job.attempts or ""), _why(job)) for job in report.jobs]
    )
    if report.undone:
        yield ""
        yield "Undone:"
        rows = [(f"  {one.key}", one.action, one.conclusion, one.reason) for one in report.undone]
        yield from _aligned(rows)
    yield ""
    yield f"Compared with the real plan: {comparison(report)}"
    yield from (f"  {line}" for line in report.differences)
    if report.left_out:
        yield "Not rehearsed:"
        yield from (f"  {line}" for line in report.left_out)


def rehearsal_markdown(report: Rehearsal) -> str:
    """Return a report for a pull request."""
    mark = "✅" if report.succeeded else "❌"
    lines = [
        f"### {mark} Rehearsal of `{report.pipeline}`: {_result(report)}",
        "",
        f"On the {report.where}, in {report.seconds:.0f} s, by the plan `{report.digest[:12]}`.",
        "",
        *_table(
            ("job", "ended", "runs", "why"),
            [(f"`{job.key}`", job.conclusion, str(job.attempts or ""), _why(job)) for job in report.jobs],
        ),
    ]
    if report.undone:
        rows = [(f"`{one.key}`", f"`{one.action}`", one.conclusion) for one in report.undone]
        lines += ["", *_table(("undone", "by", "ended"), rows)]
    lines += ["", f"Compared with the real plan: {comparison(report)}"]
    if report.differences:
        lines += ["", *(f"- {_cell(line)}" for line in report.differences)]
    if report.left_out:
        lines += ["", "Not rehearsed:", "", *(f"- {_cell(line)}" for line in report.left_out)]
    return "\n".join(lines).rstrip() + "\n"


def comparison(report: Rehearsal) -> str:
    """Say in a sentence how the rehearsed plan compares with the real one."""
    if not report.compared:
        return "there was none, because repositories come from folders of this machine"
    if report.differences:
        return f"it differs in {len(report.differences)}"
    return "the same jobs, inputs, approvers and commits, and so the same workflow files"


def exploration_rows(exploration: Exploration) -> list[tuple[str, ...]]:
    """Return the table of outcomes, its head first."""
    head = ("what happens", "the pipeline", "not run", "undone", "runs", "seconds")
    return [head, *(_outcome(variant) for variant in exploration.variants)]


def exploration_lines(exploration: Exploration) -> Iterator[str]:
    """Yield the table of outcomes for a terminal."""
    yield from _aligned(exploration_rows(exploration))
    yield ""
    yield f"{len(exploration.variants)} rehearsals of {exploration.pipeline} in {exploration.seconds:.0f} s"


def exploration_markdown(exploration: Exploration) -> str:
    """Return the table of outcomes for a page."""
    head, *rows = exploration_rows(exploration)
    return "\n".join(_table(head, rows)) + "\n"


def _outcome(variant: Rehearsal) -> tuple[str, ...]:
    skipped = [job.key for job in variant.jobs if job.conclusion in {"skipped", "cancelled", "waiting"}]
    undone = [f"{one.key}{'' if one.conclusion == 'success' else ' (failed)'}" for one in variant.undone]
    return (
        variant.scenario or "nothing fails",
        "succeeds" if variant.succeeded else "fails",
        ", ".join(skipped) or "-",
        ", ".join(undone) or "-",
        str(sum(job.attempts for job in variant.jobs)),
        f"{variant.seconds:.1f}",
    )


def _result(report: Rehearsal) -> str:
    return "succeeded" if report.succeeded else f"failed: {report.error}" if report.error else "failed"


def _why(job: RehearsedJob) -> str:
    scripted = f"scenario: {job.scripted}" if job.scripted else ""
    reason = job.reason if len(job.reason) <= _MOST_SHOWN else f"{job.reason[: _MOST_SHOWN - 1]}…"
    return "; ".join(filter(None, (scripted, reason)))


def _aligned(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(map(_cell, row))} |" for row in lines]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
