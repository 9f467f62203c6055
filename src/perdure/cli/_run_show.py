"""What ``perdure run show`` does once its options are read."""

import asyncio
import json
from collections.abc import Iterator

import typer
from temporalio.client import WorkflowExecutionStatus

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._outcome import failure_lines, result_lines
from perdure.cli._pipeline_show import show_pipeline
from perdure.cli._progress import stage_of, status_of, title
from perdure.cli._review_run import show_review
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.engine.actions import ActionHandle
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.reviews import ReviewHandle
from perdure.engine.runs import find_run
from perdure.errors import ActionError, EngineError, PerdureError
from perdure.model.actions import ActionResult
from perdure.model.base import Model
from perdure.model.progress import ActionProgress


class Shown(Model):
    """Everything that is known of one action: what ``--json`` prints.

    Attributes:
        state: ``running``, ``succeeded`` or ``failed``.
        progress: ``None`` where no worker answers.
        error: Why it failed.
    """

    id: str
    state: str
    temporal_url: str | None = None
    progress: ActionProgress | None = None
    result: ActionResult | None = None
    error: dict[str, object] | None = None


def show(
    run_id: str, *, exit_status: bool, as_json: bool, address: str | None, namespace: str | None
) -> ExitCode:
    """Print where an action, a pipeline or a review stands, or how it ended."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_run(session.client, run_id)
        if isinstance(handle, PipelineHandle):
            return await show_pipeline(session, handle, as_json=as_json)
        if isinstance(handle, ReviewHandle):
            return await show_review(session, handle, as_json=as_json)
        return await _show(session, handle, as_json=as_json)

    code = asyncio.run(main())
    return code if exit_status else ExitCode.SUCCESS


async def _show(session: Session, handle: ActionHandle, *, as_json: bool) -> ExitCode:
    running = (await session.describe(handle.id)).status is WorkflowExecutionStatus.RUNNING
    progress = await _progress(handle)
    result, error = (None, None) if running else await _end(handle)
    known = Shown(
        id=handle.id,
        state="running" if running else "failed" if error else "succeeded",
        temporal_url=session.temporal_url(handle.id),
        progress=progress,
        result=result,
        error={"type": type(error).__name__, "message": str(error), **error.details()} if error else None,
    )
    if as_json:
        typer.echo(json.dumps(known.model_dump(mode="json")))
    else:
        typer.echo(shown("\n".join(_lines(known, error))))
    if running:
        return ExitCode.STILL_RUNNING
    return ExitCode.FAILED if error else ExitCode.SUCCESS


async def _progress(handle: ActionHandle) -> ActionProgress | None:
    try:
        return await handle.progress()
    except EngineError as error:
        _errors.show_warning(f"{error}: what it does now is not known")
        return None


async def _end(handle: ActionHandle) -> tuple[ActionResult | None, PerdureError | None]:
    try:
        return await handle.result(), None
    except PerdureError as error:
        return None, error


def _lines(known: Shown, error: PerdureError | None) -> Iterator[str]:
    yield f"id: {known.id}"
    yield f"state: {known.state}"
    if known.progress is not None:
        yield from _progress_lines(known.progress, ended=known.state != "running")
    if known.temporal_url:
        yield f"temporal: {known.temporal_url}"
    if known.result is not None:
        yield from result_lines(known.result)
    if isinstance(error, ActionError):
        yield from failure_lines(error)
    if error is not None:
        yield f"error: {str(error).splitlines()[0]}"
    if known.progress is not None and known.progress.notes:
        yield "notes:"
        yield from (f"  {note.at:%Y-%m-%d %H:%M:%S}  {note.text}" for note in known.progress.notes)


def _progress_lines(progress: ActionProgress, *, ended: bool) -> Iterator[str]:
    yield f"action: {title(progress)}"
    if progress.inputs:
        yield "inputs:"
        yield from (f"  {name}: {value}" for name, value in progress.inputs.items())
    if ended:
        return
    yield f"stage: {stage_of(progress)}"
    yield f"status: {status_of(progress)}"
    if progress.actions_run is not None:
        yield f"url: {progress.actions_run.html_url}"
    yield f"dispatch id: {progress.dispatch_id or 'none yet'}"
