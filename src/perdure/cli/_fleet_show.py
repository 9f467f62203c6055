"""What ``perdure fleet`` does with fleets that are there: list, show, pause, resume, cancel."""

import asyncio
import sys
from datetime import UTC, datetime
from typing import Literal

import typer

from perdure.cli import _errors
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._fleet_views import progress_lines
from perdure.cli._run_list import aligned
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.engine.fleets import FleetHandle, FleetSummary, find_fleet, list_fleets
from perdure.errors import EngineError, UsageError
from perdure.model.base import Model
from perdure.model.fleet_progress import FleetProgress

_COLUMNS = ("ID", "STATUS", "ENDED", "FAILED", "STARTED")
_SAID = {
    "pause": "asked {id} to begin no more items\nresume it:  perdure fleet resume {id}",
    "resume": "asked {id} to go on\nwatch it:   perdure fleet watch {id}",
    "cancel": "asked {id} to end\nwatch it:   perdure fleet watch {id}",
}


class ListedFleet(FleetSummary):
    """One line of the list: with its progress, while it runs."""

    progress: FleetProgress | None = None


class ShownFleet(Model):
    """Everything that is known of one fleet: what ``--json`` prints."""

    id: str
    temporal_url: str | None = None
    progress: FleetProgress


def list_all(limit: int, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print fleets: the running ones, then the ones that ended last."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        found = await list_fleets(session.client, limit=limit)
        listed = await asyncio.gather(
            *(_with_progress(one, FleetHandle(session.client, one.id)) for one in found)
        )
        if as_json:
            for one in listed:
                typer.echo(one.model_dump_json())
        elif listed:
            _print_table(listed)
        else:
            _errors.say("nothing to list: perdure fleet run FILE starts a fleet")
        return ExitCode.SUCCESS

    return asyncio.run(main())


def show(fleet_id: str, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print where a fleet stands, or how it ended."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_fleet(session.client, fleet_id)
        progress = await handle.progress()
        page = session.temporal_url(handle.id)
        if as_json:
            typer.echo(ShownFleet(id=handle.id, temporal_url=page, progress=progress).model_dump_json())
            return ExitCode.SUCCESS
        lines = [f"id: {handle.id}", *progress_lines(progress)]
        if page:
            lines.append(f"temporal: {page}")
        typer.echo(shown("\n".join(lines)))
        return ExitCode.SUCCESS

    return asyncio.run(main())


def steer(
    fleet_id: str,
    what: Literal["pause", "resume", "cancel"],
    *,
    address: str | None,
    namespace: str | None,
) -> ExitCode:
    """Tell a running fleet something.

    Raises:
        UsageError: It has ended.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_fleet(session.client, fleet_id)
        if not await handle.is_running():
            msg = f"{handle.id} has ended already"
            raise UsageError(msg, hint=f"see how: perdure fleet show {handle.id}")
        await {"pause": handle.pause, "resume": handle.resume, "cancel": handle.cancel}[what]()
        _errors.say(_SAID[what].format(id=handle.id))
        return ExitCode.SUCCESS

    return asyncio.run(main())


async def _with_progress(summary: FleetSummary, handle: FleetHandle) -> ListedFleet:
    listed = ListedFleet(**dict(summary))
    if summary.closed_at is not None:
        return listed
    try:
        return listed.model_copy(update={"progress": await handle.progress()})
    except (EngineError, UsageError):
        # No worker is there to say: the rest is known all the same.
        return listed


def _print_table(listed: list[ListedFleet]) -> None:
    for_people = sys.stdout.isatty()
    now = datetime.now(UTC) if for_people else None
    rows = [_row(one, now) for one in listed]
    if for_people:
        typer.echo(shown("\n".join(aligned((_COLUMNS, *rows)))))
    else:
        typer.echo("\n".join("\t".join(row) for row in rows))


def _row(one: ListedFleet, now: datetime | None) -> tuple[str, ...]:
    started = f"{format_duration(now - one.started_at)} ago" if now else one.started_at.isoformat()
    counts = one.progress.counts if one.progress else None
    of = f"/{counts.total}" if counts and counts.total is not None else ""
    status = "paused" if one.progress and one.progress.paused else one.status
    return (
        one.id,
        status,
        f"{counts.ended}{of}" if counts else "",
        str(counts.failed) if counts else "",
        started,
    )
