"""What ``perdure run show`` prints of a pipeline."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import typer
from pydantic import Field
from temporalio.client import WorkflowExecutionStatus

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_drawing import headline, line, rows
from perdure.cli._pipeline_views import ending_lines
from perdure.cli._session import Session
from perdure.cli._shown import shown
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.sights import JobSight, PipelineSight, look_at_jobs
from perdure.errors import EngineError, PerdureError
from perdure.model.base import Model
from perdure.pipeline.running import PipelineProgress


class ShownPipeline(Model):
    """Everything that is known of one pipeline: what ``--json`` prints.

    Attributes:
        state: ``running``, ``succeeded`` or ``failed``.
        progress: ``None`` where no worker answers.
        running: What the running jobs say, by key.
        error: Why it failed.
    """

    id: str
    state: str
    temporal_url: str | None = None
    progress: PipelineProgress | None = None
    running: dict[str, JobSight] = Field(default_factory=dict)
    error: dict[str, object] | None = None


async def show_pipeline(session: Session, handle: PipelineHandle, *, as_json: bool) -> ExitCode:
    """Print where a pipeline stands, or how it ended."""
    running = (await session.describe(handle.id)).status is WorkflowExecutionStatus.RUNNING
    progress = await _progress(handle)
    error = None if running else await _error(handle)
    known = ShownPipeline(
        id=handle.id,
        state="running" if running else "failed" if error else "succeeded",
        temporal_url=session.temporal_url(handle.id),
        progress=progress,
        running=await look_at_jobs(session.client, progress) if running and progress else {},
        error={"type": type(error).__name__, "message": str(error), **error.details()} if error else None,
    )
    typer.echo(json.dumps(known.model_dump(mode="json")) if as_json else shown("\n".join(_lines(known))))
    if running:
        return ExitCode.STILL_RUNNING
    return ExitCode.FAILED if error else ExitCode.SUCCESS


async def _progress(handle: PipelineHandle) -> PipelineProgress | None:
    try:
        return await handle.progress()
    except EngineError as error:
        _errors.show_warning(f"{error}: what it does now is not known")
        return None


async def _error(handle: PipelineHandle) -> PerdureError | None:
    try:
        await handle.result()
    except PerdureError as error:
        return error
    return None


def _lines(known: ShownPipeline) -> Iterator[str]:
    yield f"id: {known.id}"
    yield f"state: {known.state}"
    if known.progress is not None:
        if known.progress.requester:
            yield f"started by: {known.progress.requester}"
        yield f"digest: {known.progress.digest}"
    if known.temporal_url:
        yield f"temporal: {known.temporal_url}"
    if known.progress is not None and known.state == "running":
        yield headline(known.progress, datetime.now(UTC))
        sight = PipelineSight(progress=known.progress, jobs=known.running)
        yield from (f"  {line(row)}" for row in rows(sight))
    elif known.progress is not None:
        yield from ending_lines(known.progress)
    if known.progress is not None:
        untold = [one for one in known.progress.notifications if not one.was_sent]
        if untold:
            yield "notifications that failed:"
            yield from (f"  {one.at:%Y-%m-%d %H:%M:%S}  {one.line}" for one in untold)
    if known.error is not None:
        yield f"error: {str(known.error['message']).splitlines()[0]}"
