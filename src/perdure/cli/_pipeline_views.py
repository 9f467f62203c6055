"""Shows a pipeline's progress while a command waits, and how it ended."""

import json
from types import TracebackType

import typer

from perdure.cli import _errors
from perdure.cli._outcome import error_json
from perdure.cli._pipeline_drawing import compensation_lines, draw, job_lines, line, rows
from perdure.cli._shown import shown
from perdure.cli._views import TerminalView, View, terminal
from perdure.cli._waiting import Outcome
from perdure.engine.sights import FollowedPipeline, PipelineSight
from perdure.errors import PerdureError, PipelineCancelledError
from perdure.pipeline.running import JobState, PipelineProgress, PipelineResult


class PipelineLineView(View[PipelineSight]):
    """Prints one line on stderr per job that has changed, for logs."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}
        self._undone = 0

    def show(self, progress: PipelineSight) -> None:
        """Print what changed, if anything did. A job that waits for others is no news."""
        for row in rows(progress):
            text = line(row)
            is_first = row.label not in self._lines
            if self._lines.get(row.label) != text and not (is_first and row.state is JobState.WAITING):
                _errors.say(text)
            self._lines[row.label] = text
        undone = list(compensation_lines(progress.progress))
        for text in undone[self._undone :]:
            _errors.say(text)
        self._undone = len(undone)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was printed."""


class PipelineJsonView(View[PipelineSight]):
    """Prints the pipeline's own progress as one JSON object a line on stdout, for programs."""

    def __init__(self) -> None:
        self._last: PipelineProgress | None = None

    def show(self, progress: PipelineSight) -> None:
        """Print it as a line, if it has changed."""
        if progress.progress != self._last:
            typer.echo(progress.progress.model_dump_json())
        self._last = progress.progress

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave what was printed."""


class PipelineOutcome(Outcome[PipelineResult]):
    """Prints how a pipeline ended: each job and what was undone, or one JSON object."""

    def __init__(self, followed: FollowedPipeline, *, as_json: bool) -> None:
        self._followed = followed
        self._as_json = as_json

    def success(self, id: str, result: PipelineResult) -> None:
        """Print the outputs and every job."""
        if self._as_json:
            typer.echo(json.dumps({"id": id, **result.model_dump(mode="json")}))
            return
        lines = [f"conclusion: {result.conclusion.value}"]
        if result.outputs:
            lines.append("outputs:")
            lines += [
                f"  {name}: {value if isinstance(value, str) else json.dumps(value)}"
                for name, value in result.outputs.items()
            ]
        typer.echo(shown("\n".join([*lines, *self._jobs()])))

    def failure(self, id: str, error: PerdureError) -> None:
        """Print every job, and what was undone."""
        if self._as_json:
            typer.echo(error_json(id, error))
            return
        conclusion = "cancelled" if isinstance(error, PipelineCancelledError) else "failure"
        typer.echo(shown("\n".join([f"conclusion: {conclusion}", *self._jobs()])))

    def _jobs(self) -> list[str]:
        last = self._followed.last
        return ending_lines(last.progress) if last is not None else []


def ending_lines(progress: PipelineProgress) -> list[str]:
    """Return how each job ended and what was undone, for people."""
    lines = ["jobs:", *(f"  {text}" for text in job_lines(progress))]
    if progress.compensations:
        lines += ["undone:", *(f"  {text}" for text in compensation_lines(progress))]
    if progress.left_running:
        lines += ["may go on at GitHub:", *(f"  {left}" for left in progress.left_running)]
    return lines


def choose_pipeline_view(*, temporal_url: str | None) -> View[PipelineSight]:
    """Return the view of a pipeline for people that fits stderr."""
    console = terminal()
    if console is None:
        return PipelineLineView()
    return TerminalView[PipelineSight](
        console, lambda sight, now: draw(sight, now=now, temporal_url=temporal_url)
    )
