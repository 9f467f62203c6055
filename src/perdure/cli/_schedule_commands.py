"""What the commands of ``perdure schedule`` do once their options are read."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Iterator

import typer

from perdure.cli import _errors
from perdure.cli._durations import format_duration
from perdure.cli._exit_codes import ExitCode
from perdure.cli._pipeline_schedule import local_time
from perdure.cli._run_list import aligned
from perdure.cli._session import Session, open_session
from perdure.cli._shown import shown
from perdure.engine import scheduled
from perdure.engine.scheduled import ScheduledRun, ScheduleSummary

_COLUMNS = ("NAME", "NEXT", "CRON", "TIME ZONE", "LAST START", "OUTCOME", "DIGEST", "SET BY")
_TIMES_SHOWN = 5


def list_all(*, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print every schedule."""

    async def main(session: Session) -> ExitCode:
        found = await scheduled.list_schedules(session.client)
        if as_json:
            for summary in found:
                typer.echo(summary.model_dump_json())
        else:
            _print_table(found)
        return ExitCode.SUCCESS

    return _in_session(main, address, namespace)


def show(name: str, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Print one schedule, or all of a pipeline."""

    async def main(session: Session) -> ExitCode:
        found = await scheduled.get_schedules(session.client, name)
        if as_json:
            for summary in found:
                typer.echo(summary.model_dump_json())
        else:
            typer.echo(shown("\n\n".join("\n".join(_lines(summary)) for summary in found)))
        return ExitCode.SUCCESS

    return _in_session(main, address, namespace)


def pause(name: str, note: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Pause it."""

    async def main(session: Session) -> ExitCode:
        for found in await scheduled.pause_schedules(session.client, name, _signed(note, "paused")):
            _errors.say(f"{found}: paused; what it has started goes on")
        return ExitCode.SUCCESS

    return _in_session(main, address, namespace)


def resume(name: str, note: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Let it start again."""

    async def main(session: Session) -> ExitCode:
        await scheduled.resume_schedules(session.client, name, _signed(note, "resumed"))
        for summary in await scheduled.get_schedules(session.client, name):
            _errors.say(f"{summary.name}: resumed, next {_next(summary) or 'never'}")
        return ExitCode.SUCCESS

    return _in_session(main, address, namespace)


def delete(name: str, *, address: str | None, namespace: str | None) -> ExitCode:
    """Delete it."""

    async def main(session: Session) -> ExitCode:
        for found in await scheduled.delete_schedules(session.client, name):
            _errors.say(f"{found}: deleted; what it has started goes on")
        return ExitCode.SUCCESS

    return _in_session(main, address, namespace)


def trigger(name: str, *, as_json: bool, address: str | None, namespace: str | None) -> ExitCode:
    """Start now what it starts."""

    async def main(session: Session) -> ExitCode:
        code = ExitCode.SUCCESS
        for one in await scheduled.trigger_schedules(session.client, name):
            if as_json:
                typer.echo(one.model_dump_json())
            elif one.id:
                typer.echo(one.id)
            if one.skipped:
                code = ExitCode.FAILED
                _errors.show_error(
                    f"{one.name}: skipped, as the pipeline that it started last still runs",
                    hint=f"see it with: perdure schedule show {one.name}",
                )
            elif not one.id:
                _errors.say(f"{one.name}: will start when the pipeline that it started last has ended")
        return code

    return _in_session(main, address, namespace)


def _in_session(
    main: Callable[[Session], Awaitable[ExitCode]], address: str | None, namespace: str | None
) -> ExitCode:
    async def opened() -> ExitCode:
        return await main(await open_session(address, namespace))

    return asyncio.run(opened())


def _signed(note: str, what: str) -> str:
    by = f"{what} by {getpass.getuser()}"
    return f"{by}: {note}" if note else by


def _print_table(found: list[ScheduleSummary]) -> None:
    rows = [_row(summary) for summary in found]
    if not rows:
        _errors.say("nothing to list: perdure pipeline schedule FILE sets the schedules of a file")
    elif sys.stdout.isatty():
        typer.echo(shown("\n".join(aligned((_COLUMNS, *rows)))))
    else:
        typer.echo(shown("\n".join("\t".join(row) for row in rows)))


def _row(summary: ScheduleSummary) -> tuple[str, ...]:
    last = summary.runs[0] if summary.runs else None
    return (
        summary.name,
        "paused" if summary.paused else _next(summary),
        summary.facts.cron,
        summary.facts.timezone,
        last.id if last else "",
        last.status if last else "",
        summary.digest[:12],
        summary.facts.set_by,
    )


def _next(summary: ScheduleSummary) -> str:
    return local_time(summary.next_at[0], summary.facts.timezone) if summary.next_at else ""


def _lines(summary: ScheduleSummary) -> Iterator[str]:
    facts = summary.facts
    yield f"name: {summary.name}"
    yield f"state: {'paused' if summary.paused else 'active'}" + (
        f" ({summary.note})" if summary.note else ""
    )
    yield f"cron: {facts.cron} {facts.timezone}"
    yield f"digest: {summary.digest}"
    source = f" from {facts.source}" if facts.source else ""
    yield f"set: {local_time(facts.set_at, 'UTC')} by {facts.set_by or 'nobody known'}{source}"
    yield f"overlap: {summary.overlap.value}, catch-up {format_duration(summary.catch_up)}"
    if facts.inputs:
        yield "inputs:"
        yield from (f"  {name}: {value}" for name, value in facts.inputs.items())
    yield f"started: {summary.started}, skipped {summary.skipped}, missed {summary.missed}"
    if summary.next_at and not summary.paused:
        yield "next:"
        yield from (f"  {local_time(at, facts.timezone)}" for at in summary.next_at[:_TIMES_SHOWN])
    if summary.runs:
        yield "last:"
        yield from (f"  {_run(run, facts.timezone)}" for run in summary.runs[:_TIMES_SHOWN])


def _run(run: ScheduledRun, timezone: str) -> str:
    return f"{local_time(run.started_at, timezone)}  {run.status}  {run.id}"
