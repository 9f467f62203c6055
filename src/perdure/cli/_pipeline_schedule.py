"""What ``perdure pipeline schedule`` does once its options are read."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import typer

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_run import requester_of
from perdure.cli._pipeline_sources import Sources, read_sources
from perdure.cli._pipeline_text import shown_name
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.engine.pollers import require_pollers
from perdure.engine.schedules import ScheduleChange, check_schedules, set_schedules
from perdure.errors import NoWorkerError, PipelineFileError, PipelineInputError
from perdure.model import queues
from perdure.pipeline.scheduling import Overlap


@dataclass(frozen=True, kw_only=True)
class How:
    """How its schedules behave.

    Attributes:
        overlap: What happens when the pipeline that was started last still runs.
        catch_up: For how long a start that was missed is made up for.
    """

    overlap: Overlap
    catch_up: timedelta


def schedule(name: str, how: How, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Check the file, and make the engine's schedules what it says."""
    try:
        sources = read_sources(name)
        # Before anybody is connected to: nothing of it needs an engine.
        check_schedules(sources.file, source=shown_name(name))
    except (PipelineFileError, PipelineInputError) as error:
        # Each line says file, line and column, as compilers do: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        changes = await _set(session, sources, name, how)
        for change in changes:
            typer.echo(change.model_dump_json() if as_json else shown("\n".join(_lines(change))))
        return ExitCode.SUCCESS

    return asyncio.run(main())


async def _set(session: Session, sources: Sources, name: str, how: How) -> list[ScheduleChange]:
    task_queue = queues.WORKFLOWS + session.settings.worker.queue_suffix
    changes = await set_schedules(
        session.client,
        sources.file,
        files=sources.files,
        source=shown_name(name),
        requester=await requester_of(session.settings),
        overlap=how.overlap,
        catch_up=how.catch_up,
        task_queue=task_queue,
    )
    try:
        await require_pollers(session.client, task_queue, within=timedelta(seconds=1))
    except NoWorkerError as error:
        _errors.show_warning(f"{error}: what is started waits until one does")
    return changes


def _lines(change: ScheduleChange) -> list[str]:
    if change.change == "removed":
        return [f"{change.name}: removed"]
    head = f"{change.name}: {change.change}, {change.cron} {change.timezone}"
    if change.paused:
        head += f", paused: perdure schedule resume {change.name} lets it start"
    elif change.next_at is not None:
        head += f", next {local_time(change.next_at, change.timezone)}"
    return [head, *(f"  {detail}" for detail in change.details)]


def local_time(at: datetime, timezone: str) -> str:
    """Write an instant as the clocks of a time zone show it."""
    return f"{at.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M %Z}"
