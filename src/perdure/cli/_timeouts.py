"""What ``perdure timeouts`` does once its options are read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import typer

from perdure.checks.distributions import SMALLEST_SAMPLE
from perdure.checks.history_files import history_paths, read_history
from perdure.checks.history_times import fetch_times
from perdure.checks.timeouts import TOO_FEW, ActivityTimes, Proposal, Setting, add_times, propose
from perdure.cli import _errors
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._run_list import aligned
from perdure.cli._session import open_session
from perdure.cli._shown import shown
from perdure.errors import UsageError

_ENDED = "ExecutionStatus != 'Running'"
_COLUMNS = (
    "ACTIVITY",
    "COUNT",
    "MEDIAN",
    "P99.9",
    "START-TO-CLOSE",
    "HEARTBEAT",
    "WAITED",
    "SCHEDULE-TO-START",
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which histories count."""

    paths: Sequence[Path]
    query: str | None
    limit: int


def show(wanted: Wanted, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print what each activity type should have beside what it has.

    Raises:
        UsageError: There is nothing to read, or a file is no history.
        EngineError: Temporal is out of reach, or refuses.
    """
    if wanted.paths and wanted.query:
        raise UsageError("--query is about what is fetched", hint="leave out the files, or --query")
    times, read = _from_files(wanted.paths) if wanted.paths else _fetched(wanted, address, namespace)
    proposals = [propose(name, found) for name, found in sorted(times.items())]
    if as_json:
        for proposal in proposals:
            typer.echo(proposal.model_dump_json())
    elif proposals:
        typer.echo(shown("\n".join(aligned((_COLUMNS, *map(_row, proposals))))))
        if notes := _notes(proposals):
            typer.echo(shown("\n".join(("", *notes))))
    _errors.say(
        f"from {read} {'history' if read == 1 else 'histories'}, with {len(proposals)} activity types"
    )
    return ExitCode.SUCCESS


def _notes(proposals: Sequence[Proposal]) -> list[str]:
    few = [one.activity_type for one in proposals if one.ran is None or not one.ran.is_enough]
    notes = [
        f"{one.activity_type}: {note}"
        for one in proposals
        for note in one.notes
        if not note.startswith(TOO_FEW)
    ]
    if few:
        notes.append(f"{TOO_FEW} (at least {SMALLEST_SAMPLE} have to have succeeded): {', '.join(few)}")
    return notes


def _from_files(paths: Sequence[Path]) -> tuple[dict[str, ActivityTimes], int]:
    times: dict[str, ActivityTimes] = {}
    found = history_paths(paths)
    for path in found:
        try:
            add_times(times, read_history(path).events)
        except UsageError as error:
            raise UsageError(f"{path} {error}", hint="leave it out, or export anew") from error
    return times, len(found)


def _fetched(
    wanted: Wanted, address: str | None, namespace: str | None
) -> tuple[dict[str, ActivityTimes], int]:
    async def main() -> tuple[dict[str, ActivityTimes], int]:
        session = await open_session(address, namespace)
        times, read = await fetch_times(session.client, wanted.query or _ENDED, limit=wanted.limit)
        if not read:
            raise UsageError(
                f"no workflow of namespace {session.client.namespace!r} meets {wanted.query or _ENDED!r}",
                hint="name another namespace with --namespace, or another --query",
            )
        return times, read

    return asyncio.run(main())


def _row(proposal: Proposal) -> tuple[str, ...]:
    ran, waited, proposed = proposal.ran, proposal.waited, proposal.proposed
    enough = ran is not None and ran.is_enough
    return (
        proposal.activity_type,
        str(ran.count if ran else 0),
        _seconds(ran.median) if ran else "",
        _seconds(ran.p999) if ran else "",
        _change(proposal.today.get("start-to-close"), proposed.start_to_close, enough),
        _change(proposal.today.get("heartbeat"), proposed.heartbeat, enough),
        _seconds(waited.p999) if waited else "",
        _change(proposal.today.get("schedule-to-start"), proposed.schedule_to_start, enough),
    )


def _change(today: Setting | None, proposed: float | None, enough: bool) -> str:
    """Write ``30s -> 5s``: what there is today, and what there should be."""
    if today is None:
        before = "none"
    elif today.shortest == today.longest:
        before = _seconds(today.longest)
    else:
        before = f"{_seconds(today.shortest)}..{_seconds(today.longest)}"
    if not enough:
        return f"{before} -> ?"
    return f"{before} -> {_seconds(proposed) if proposed is not None else 'none'}"


def _seconds(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f}s"
    return (
        format_duration(timedelta(seconds=seconds))
        .removesuffix(" 0s")
        .removesuffix(" 0m")
        .removesuffix(" 0h")
    )
