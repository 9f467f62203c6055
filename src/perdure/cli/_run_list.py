"""What ``perdure run list`` does once its options are read."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from perdure.cli import _errors
from perdure.cli._asked import check_repository
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.engine.actions import ActionSummary, list_actions

_COLUMNS = ("ID", "STATUS", "REPOSITORY", "WORKFLOW", "STARTED", "ACTIONS RUN")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which actions are listed."""

    repository: str | None = None
    status: str | None = None
    limit: int = 20


def list_runs(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print actions: the running ones, then the ones that ended last.

    Raises:
        UsageError: The repository cannot be one.
    """
    if wanted.repository is not None:
        # OWNER/ stands for all of an owner's.
        check_repository(wanted.repository + ("any" if wanted.repository.endswith("/") else ""))
    status = wanted.status.replace("-", "_") if wanted.status else None

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        found = list_actions(session.client, repository=wanted.repository, status=status, limit=wanted.limit)
        if as_json:
            async for summary in found:
                typer.echo(summary.model_dump_json())
        else:
            await _print_table(found)
        return ExitCode.SUCCESS

    return asyncio.run(main())


async def _print_table(found: AsyncIterator[ActionSummary]) -> None:
    now = datetime.now(UTC)
    for_people = sys.stdout.isatty()
    rows = [_row(summary, now if for_people else None) async for summary in found]
    if not rows:
        _errors.say("no actions: perdure action run OWNER/REPO WORKFLOW.yml starts one")
    elif for_people:
        typer.echo(shown("\n".join(aligned((_COLUMNS, *rows)))))
    else:
        typer.echo("\n".join("\t".join(row) for row in rows))


def _row(summary: ActionSummary, now: datetime | None) -> tuple[str, ...]:
    started = f"{format_duration(now - summary.started_at)} ago" if now else summary.started_at.isoformat()
    status = summary.status + (f" ({summary.waiting_on})" if summary.waiting_on else "")
    return (
        summary.id,
        status,
        summary.repository,
        summary.workflow_file,
        started,
        str(summary.actions_run_id or ""),
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with their columns below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
