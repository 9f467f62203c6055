"""What ``perdure run graph`` and ``perdure run audit`` do once their options are read."""

import asyncio
from itertools import groupby
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._graph_svg import svg
from perdure.cli._run_list import aligned
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.engine.audit import audit_pipeline
from perdure.engine.pipelines import PipelineHandle
from perdure.engine.runs import find_run, pipeline_input
from perdure.errors import UsageError
from perdure.pipeline import mermaid
from perdure.pipeline.running import JobState, PipelineProgress

_ORDER = (
    JobState.FAILURE,
    JobState.RUNNING,
    JobState.CANCELLED,
    JobState.WAITING,
    JobState.SUCCESS,
    JobState.SKIPPED,
)


def graph(run_id: str, *, svg_path: str | None, address: str | None, namespace: str | None) -> ExitCode:
    """Print a pipeline's graph with its states, and write it as SVG where a file is named.

    Raises:
        UsageError: There is no such pipeline, or the file cannot be written.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await _pipeline(session, run_id)
        compiled = (await pipeline_input(session.client, handle.id)).pipeline
        states = step_states(await handle.progress())
        if svg_path is not None:
            _write(svg_path, svg(compiled, states))
        typer.echo(shown(mermaid(compiled, states)), nl=False)
        return ExitCode.SUCCESS

    return asyncio.run(main())


def audit(run_id: str, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print what happened in a pipeline, the oldest first.

    Raises:
        UsageError: There is no such pipeline.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await _pipeline(session, run_id)
        entries = await audit_pipeline(session.client, handle.id)
        if as_json:
            for entry in entries:
                typer.echo(entry.model_dump_json())
            return ExitCode.SUCCESS
        table = [
            (f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.job, entry.kind, entry.actor, _one_line(entry.reason))
            for entry in entries
        ]
        typer.echo(shown("\n".join(aligned(table))))
        return ExitCode.SUCCESS

    return asyncio.run(main())


def step_states(progress: PipelineProgress) -> dict[str, str]:
    """Return how each step stands: as the one of its jobs that people would ask about first."""
    return {
        step: min((job.state for job in jobs), key=_ORDER.index).value
        for step, jobs in groupby(progress.jobs, key=lambda job: job.step)
    }


async def _pipeline(session: Session, run_id: str) -> PipelineHandle:
    handle = await find_run(session.client, run_id)
    if isinstance(handle, PipelineHandle):
        return handle
    msg = f"{handle.id} is no pipeline"
    raise UsageError(msg, hint=f"see it with: perdure run show {handle.id}")


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise UsageError(msg) from error
    _errors.say(f"wrote {path}")


def _one_line(text: str) -> str:
    return " ".join(text.split())
