"""What ``perdure fleet report`` does once its options are read."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from perdure.cli import _errors
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._fleet_page import fleet_page
from perdure.cli._fleet_views import format_cost
from perdure.cli._run_list import aligned
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.engine.fleet_store import read_results
from perdure.engine.fleets import find_fleet
from perdure.errors import UsageError
from perdure.model import queues
from perdure.model.base import Model
from perdure.model.fleet import ItemResult, Outcome
from perdure.model.fleet_progress import FleetProgress

_COLUMNS = ("ITEM", "OUTCOME", "TOOK", "COST", "REASON")
_LONGEST_REASON = 80


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is printed, and how.

    Attributes:
        html: The file that a page is written to.
        failed: Only what did not succeed.
    """

    html: str | None = None
    failed: bool = False
    as_json: bool = False


class FleetReport(Model):
    """Everything about a fleet: what ``--json`` prints.

    Attributes:
        results: In the order of its items.
    """

    id: str
    reported_at: datetime
    progress: FleetProgress
    results: tuple[ItemResult, ...]


def report(fleet_id: str, wanted: Wanted, *, address: str | None, namespace: str | None) -> ExitCode:
    """Print or write every result of a fleet.

    Raises:
        UsageError: The page cannot be written.
    """

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await find_fleet(session.client, fleet_id)
        progress = await handle.progress()
        task_queue = queues.WORKFLOWS + session.settings.worker.queue_suffix
        results = await read_results(session.client, progress, task_queue=task_queue)
        if wanted.failed:
            results = [one for one in results if one.outcome is not Outcome.SUCCEEDED]
        found = FleetReport(
            id=handle.id,
            reported_at=datetime.now(UTC),
            # What is not kept yet is among the results.
            progress=progress.model_copy(update={"unkept": ()}),
            results=tuple(results),
        )
        _put_out(found, wanted)
        return ExitCode.SUCCESS

    return asyncio.run(main())


def _put_out(found: FleetReport, wanted: Wanted) -> None:
    if wanted.html is not None:
        _write(wanted.html, fleet_page(found.id, found.progress, found.results, now=found.reported_at))
    if wanted.as_json:
        typer.echo(found.model_dump_json())
    elif wanted.html is None:
        _print_table(found.results)
        if found.progress.conclusion is None:
            _errors.say(f"{found.id} still runs: this is what has ended so far")


def _write(name: str, page: str) -> None:
    if name == "-":
        typer.echo(page)
        return
    try:
        Path(name).write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}") from error
    _errors.say(f"wrote {name}")


def _print_table(results: Sequence[ItemResult]) -> None:
    if not results:
        _errors.say("nothing has ended")
    elif sys.stdout.isatty():
        typer.echo(shown("\n".join(aligned((_COLUMNS, *(_row(one) for one in results))))))
    else:
        typer.echo(shown("\n".join("\t".join(_row(one)) for one in results)))


def _row(one: ItemResult) -> tuple[str, ...]:
    reason = " ".join(one.reason.split())
    if sys.stdout.isatty() and len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    took = format_duration(one.ended_at - one.started_at)
    return (one.key, one.outcome.value, took, format_cost(one.cost) if one.cost else "", reason)
