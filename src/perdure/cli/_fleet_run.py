"""What ``perdure fleet run``, ``watch`` and ``retry`` do once their options are read."""

import asyncio
import getpass
import json
from datetime import timedelta

import typer

from perdure.cli import _errors
from perdure.cli._action_run import Waiting, since
from perdure.cli._exit_codes import ExitCode
from perdure.cli._fleet_files import FleetSources, read_sources
from perdure.cli._fleet_views import FleetOutcome, FollowedFleet, choose_fleet_view
from perdure.cli._session import Session, open_session
from perdure.cli._views import JsonView
from perdure.cli._waiting import say_how_to_go_on, wait_for_end
from perdure.engine.fleet_retries import retry_fleet
from perdure.engine.fleet_store import keep_list
from perdure.engine.fleets import FleetHandle, find_fleet, start_fleet
from perdure.engine.pollers import WORKFLOW_TASKS, require_pollers
from perdure.errors import PipelineFileError, UsageError
from perdure.model import queues
from perdure.pipeline.fleet_compiling import compile_fleet, source_of


def run(
    name: str, key: str | None, waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    """Check the file, start it, and wait for its end unless told otherwise."""
    try:
        # Before anybody is connected to: nothing of it needs an engine.
        sources = read_sources(name)
    except PipelineFileError as error:
        # Each line says file, line and column, as compilers do: nothing is put before it.
        _errors.say(str(error))
        return ExitCode.USAGE

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        return await _follow(session, await _start(session, sources, key), waiting)

    return asyncio.run(main())


def watch(
    fleet_id: str, *, timeout: timedelta | None, as_json: bool, address: str | None, namespace: str | None
) -> ExitCode:
    """Show a fleet until it ends."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        followed = FollowedFleet(await find_fleet(session.client, fleet_id))
        page = session.temporal_url(followed.id)
        view = JsonView() if as_json else choose_fleet_view(temporal_url=page)
        outcome = FleetOutcome(followed, as_json=as_json)
        return await wait_for_end(followed, view, outcome, timeout=timeout, client=session.client)

    return asyncio.run(main())


def retry(fleet_id: str, waiting: Waiting, *, address: str | None, namespace: str | None) -> ExitCode:
    """Start those items anew that did not succeed."""

    async def main() -> ExitCode:
        session = await open_session(address, namespace)
        handle = await retry_fleet(session.client, fleet_id, requester=getpass.getuser())
        _errors.say(f"{'started' if handle.started else 'attached to'} {handle.id}")
        return await _follow(session, handle, waiting)

    return asyncio.run(main())


async def _start(session: Session, sources: FleetSources, key: str | None) -> FleetHandle:
    task_queue = queues.WORKFLOWS + session.settings.worker.queue_suffix
    items = source_of(sources.file)
    if items is None:
        if sources.items is None:
            raise UsageError("the fleet has no items")
        # A long list is kept by workers, which have to be there.
        await require_pollers(session.client, task_queue, kinds=WORKFLOW_TASKS)
        items = await keep_list(session.client, sources.items, task_queue=task_queue)
    input = compile_fleet(sources.file, items, pipeline=sources.pipeline, requester=getpass.getuser())
    try:
        handle = await start_fleet(session.client, input, key=key, task_queue=task_queue)
    except asyncio.CancelledError:
        _errors.say("interrupted while it was started: `perdure fleet list` shows whether it was")
        raise
    if handle.started:
        _errors.say(f"started {handle.id}")
    else:
        _errors.say(f"attached to {handle.id}, {since(await session.describe(handle.id))}")
    return handle


async def _follow(session: Session, handle: FleetHandle, waiting: Waiting) -> ExitCode:
    if waiting.detach:
        typer.echo(json.dumps({"id": handle.id, "started": handle.started}) if waiting.as_json else handle.id)
        say_how_to_go_on(handle.id)
        return ExitCode.SUCCESS
    followed = FollowedFleet(handle)
    view = choose_fleet_view(temporal_url=session.temporal_url(handle.id))
    outcome = FleetOutcome(followed, as_json=waiting.as_json)
    return await wait_for_end(followed, view, outcome, timeout=waiting.timeout, client=session.client)
