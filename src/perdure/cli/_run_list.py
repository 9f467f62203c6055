"""What ``perdure run list`` does once its options are read."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from perdure.cli import _errors
from perdure.cli._asked import check_repository
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.engine.runs import RunKind, RunSummary
from perdure.engine.runs import list_runs as list_runs_of

_COLUMNS = ("ID", "STATUS", "REPOSITORY", "WORKFLOW", "STARTED", "ACTIONS RUN", "KIND")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which actions and pipelines are listed."""

    kind: str | None = None
    repository: str | None = None
    status: str | None = None
    limit: int = 20


def list_runs(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print actions, pipelines and reviews: the running ones, then the ones that ended last.

    Raises:
        UsageError: The repository cannot be one.
    """
    if wanted.repository is not None:
        # OWNER/ stands for all of an owner's.
        check_repository(wanted.repository + ("any" if wanted.repository.endswith("/") else ""))
    status = wanted.status.replace("-", "_") if wanted.status else None

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        found = await list_runs_of(
            session.client,
            kind=RunKind(wanted.kind) if wanted.kind else None,
            repository=wanted.repository,
            status=status,
            limit=wanted.limit,
        )
        if as_json:
            for summary in found:
                typer.echo(summary.model_dump_json())
        else:
            _print_table(found)
        return ExitCode.SUCCESS

    return asyncio.run(main())


def _print_table(found: list[RunSummary]) -> None:
    now = datetime.now(UTC)
    for_people = sys.stdout.isatty()
    rows = [_row(summary, now if for_people else None) for summary in found]
    if not rows:
        _errors.say("nothing to list: perdure action run OWNER/REPO WORKFLOW.yml starts an action")
    elif for_people:
        typer.echo(shown("\n".join(aligned((_COLUMNS, *rows)))))
    else:
        typer.echo("\n".join("\t".join(row) for row in rows))


def _row(summary: RunSummary, now: datetime | None) -> tuple[str, ...]:
    started = f"{format_duration(now - summary.started_at)} ago" if now else summary.started_at.isoformat()
    status = summary.status + (f" ({summary.waiting_on})" if summary.waiting_on else "")
    return (
        summary.id,
        status,
        summary.repository,
        summary.workflow_file,
        started,
        str(summary.actions_run_id or ""),
        summary.kind.value,
    )


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with their columns below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
