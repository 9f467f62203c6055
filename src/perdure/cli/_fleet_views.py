"""Shows a fleet's progress while a command waits, and how it ended."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from types import TracebackType

import typer
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from perdure.cli import _errors
from perdure.cli._durations import format_duration
from perdure.cli._outcome import error_json
from perdure.cli._shown import shown
from perdure.cli._views import TerminalView, View, terminal
from perdure.cli._waiting import Outcome
from perdure.engine.fleets import FleetHandle
from perdure.errors import FleetFailedError, PerdureError
from perdure.model.fleet_progress import FleetConclusion, FleetProgress, FleetResult, NamedFailure

_BAR_WIDTH = 40
_RUNNING_SHOWN = 8
_FAILURES_SHOWN = 5
_LINE_INTERVAL = timedelta(seconds=5)


class FollowedFleet:
    """A fleet that is waited for: one of which too much has failed ends badly."""

    def __init__(self, handle: FleetHandle) -> None:
        self._handle = handle
        self.id = handle.id
        self.last: FleetProgress | None = None
        """Where it stood when it was last looked at."""
        self.ended: FleetResult | None = None

    async def watch(self) -> AsyncIterator[FleetProgress]:
        """Yield where it stands, until it has ended."""
        async for progress in self._handle.watch():
            self.last = progress
            yield progress

    async def result(self) -> FleetResult:
        """Return how it ended.

        Raises:
            FleetFailedError: More has failed than it tolerates.
        """
        self.ended = await self._handle.result()
        if self.ended.conclusion is FleetConclusion.FAILURE:
            counts = self.ended.counts
            msg = f"{counts.failed:,} of {counts.ended:,} items failed: more than the fleet tolerates"
            raise FleetFailedError(msg, hint=f"start them anew: perdure fleet retry {self.id}")
        return self.ended


class FleetLineView(View[FleetProgress]):
    """Prints a line on stderr every few seconds, and one for each failure, for logs."""

    def __init__(self) -> None:
        self._said_at: datetime | None = None
        self._last = ""
        self._failures = 0

    def show(self, progress: FleetProgress) -> None:
        """Print what changed, if anything did and the last line is some time ago."""
        for failure in progress.failures[self._failures :]:
            _errors.say(failure_line(failure))
        self._failures = len(progress.failures)
        now, text = datetime.now(UTC), counts_line(progress)
        is_due = self._said_at is None or now - self._said_at >= _LINE_INTERVAL
        if text != self._last and (is_due or progress.conclusion is not None):
            _errors.say(text)
            self._said_at, self._last = now, text

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was printed."""


class FleetOutcome(Outcome[FleetResult]):
    """Prints how a fleet ended: counts and failures, or one JSON object."""

    def __init__(self, followed: FollowedFleet, *, as_json: bool) -> None:
        self._followed = followed
        self._as_json = as_json

    def success(self, id: str, result: FleetResult) -> None:
        """Print the counts, and what failed though it was tolerated."""
        if self._as_json:
            typer.echo(result.model_dump_json())
        else:
            typer.echo(shown("\n".join(result_lines(result))))

    def failure(self, id: str, error: PerdureError) -> None:
        """Print as much as is known."""
        ended, last = self._followed.ended, self._followed.last
        if self._as_json:
            typer.echo(ended.model_dump_json() if ended else error_json(id, error))
        elif ended is not None:
            typer.echo(shown("\n".join(result_lines(ended))))
        elif last is not None:
            typer.echo(shown("\n".join(progress_lines(last))))


def counts_line(progress: FleetProgress) -> str:
    """Say in one line where a fleet stands."""
    counts = progress.counts
    of = f" of {counts.total:,}" if counts.total is not None else ""
    state = "paused, " if progress.paused else "cancelling, " if progress.cancelled else ""
    bad = f", {counts.failed:,} failed" if counts.failed else ""
    gone = f", {counts.cancelled:,} cancelled" if counts.cancelled else ""
    return (
        f"{progress.name}: {state}{counts.ended:,}{of} ended{bad}{gone}, {progress.running_count:,} under way"
    )


def failure_line(failure: NamedFailure) -> str:
    """Say in one line what did not succeed."""
    return f"{failure.outcome.value}: {failure.key}" + (f": {failure.reason}" if failure.reason else "")


def progress_lines(progress: FleetProgress) -> Iterator[str]:
    """Yield what people are told of a fleet, whether it runs or not."""
    counts = progress.counts
    state = progress.conclusion.value if progress.conclusion else "paused" if progress.paused else "running"
    yield f"state: {'cancelling' if progress.cancelled and not progress.conclusion else state}"
    if progress.requester:
        yield f"started by: {progress.requester}"
    yield f"items: {counts.total:,}" if counts.total is not None else f"items: {counts.read:,} read so far"
    yield f"succeeded: {counts.succeeded:,}"
    yield f"failed: {counts.failed:,}"
    if counts.cancelled:
        yield f"cancelled: {counts.cancelled:,}"
    if progress.conclusion is None:
        yield f"under way: {progress.running_count:,} of at most {progress.max_parallel:,}"
    yield from _cost_lines(counts.cost)
    if progress.alert:
        yield f"alert: {progress.alert}"
    yield from _failure_lines(progress.failures, counts.failed + counts.cancelled)


def result_lines(result: FleetResult) -> Iterator[str]:
    """Yield what people are told of a fleet that has ended."""
    counts = result.counts
    yield f"conclusion: {result.conclusion.value}"
    yield f"items: {counts.ended:,}"
    yield f"succeeded: {counts.succeeded:,}"
    yield f"failed: {counts.failed:,}"
    if counts.cancelled:
        yield f"cancelled: {counts.cancelled:,}"
    yield f"took: {format_duration(result.ended_at - result.started_at)}"
    yield from _cost_lines(counts.cost)
    if result.alert:
        yield f"alert: {result.alert}"
    yield from _failure_lines(result.failures, counts.failed + counts.cancelled)
    yield f"report: perdure fleet report {result.id}"


def format_cost(cost: int) -> str:
    """Write millionths of a US dollar as dollars."""
    return f"${cost / 1e6:,.2f}" if cost >= 10_000 or not cost else f"${cost / 1e6:.6f}"


def draw(progress: FleetProgress, *, now: datetime, temporal_url: str | None) -> RenderableType:
    """Draw a fleet while it runs."""
    counts = progress.counts
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=counts.total or max(1, counts.read), completed=counts.ended, width=_BAR_WIDTH)
    head.add_row(bar, Text(shown(counts_line(progress))))
    rows = Table.grid(padding=(0, 2))
    for one in progress.running[:_RUNNING_SHOWN]:
        rows.add_row("", Text(shown(one.item.key)), Text(format_duration(now - one.started_at), style="dim"))
    if progress.running_count > _RUNNING_SHOWN:
        rows.add_row("", Text(f"and {progress.running_count - _RUNNING_SHOWN:,} more", style="dim"))
    failures = [
        Text(f"  {shown(failure_line(one))}", style="red") for one in progress.failures[-_FAILURES_SHOWN:]
    ]
    page = [Text(f"  {temporal_url}", style="dim")] if temporal_url else []
    return Group(head, rows, *failures, *page)


def choose_fleet_view(*, temporal_url: str | None) -> View[FleetProgress]:
    """Return the view of a fleet for people that fits stderr."""
    console = terminal()
    if console is None:
        return FleetLineView()
    return TerminalView[FleetProgress](
        console, lambda progress, now: draw(progress, now=now, temporal_url=temporal_url)
    )


def _cost_lines(cost: int) -> Iterator[str]:
    if cost:
        yield f"cost: {format_cost(cost)}"


def _failure_lines(failures: tuple[NamedFailure, ...], count: int) -> Iterator[str]:
    if failures:
        yield "not succeeded:"
        yield from (f"  {failure_line(one)}" for one in failures)
    if count > len(failures):
        yield f"  and {count - len(failures):,} more"
