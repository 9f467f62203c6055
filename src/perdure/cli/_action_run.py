"""What ``perdure action run`` does once its options are read."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import typer
from temporalio.client import WorkflowExecutionDescription

from perdure.cli import _errors
from perdure.cli._asked import action_input
from perdure.cli._exit_codes import ExitCode
from perdure.cli._session import Session, open_session
from perdure.cli._views import choose_view
from perdure.cli._waiting import ActionOutcome, say_how_to_go_on, wait_for_end
from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.pipelines import PipelineHandle
from perdure.model import queues
from perdure.model.actions import ActionInput

_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """How long the command stays, and how it prints what it learns."""

    detach: bool = False
    timeout: timedelta | None = None
    as_json: bool = False


def run(
    options: Mapping[str, object], waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    """Check what was asked, start it, and wait for its end unless told otherwise."""
    asked = action_input(options)
    return asyncio.run(_run(asked, waiting, address=address, namespace=namespace))


async def _run(
    asked: ActionInput, waiting: Waiting, *, address: str | None, namespace: str | None
) -> ExitCode:
    session = await open_session(address, namespace)
    handle = await _start(session, asked)
    if waiting.detach:
        print_detached(handle, as_json=waiting.as_json)
        return ExitCode.SUCCESS
    view = choose_view(temporal_url=session.temporal_url(handle.id))
    outcome = ActionOutcome(as_json=waiting.as_json)
    return await wait_for_end(handle, view, outcome, timeout=waiting.timeout, client=session.client)


async def _start(session: Session, asked: ActionInput) -> ActionHandle:
    try:
        handle = await start_action(
            session.client, asked, task_queue=queues.WORKFLOWS + session.settings.worker.queue_suffix
        )
    except asyncio.CancelledError:
        _errors.say("interrupted while it was started: `perdure run list` shows whether it was")
        raise
    if handle.started:
        _errors.say(f"started {handle.id}")
    else:
        _errors.say(f"attached to {handle.id}, {since(await session.describe(handle.id))}")
    return handle


def since(described: WorkflowExecutionDescription) -> str:
    """Say when it was started, and when it ended."""
    started = f"started {described.start_time:{_TIME}} UTC"
    if described.close_time is None:
        return started
    return f"{started}, ended {described.close_time:{_TIME}} UTC; another --id runs it again"


def print_detached(handle: ActionHandle | PipelineHandle, *, as_json: bool) -> None:
    """Print the id, and how to go on."""
    typer.echo(json.dumps({"id": handle.id, "started": handle.started}) if as_json else handle.id)
    say_how_to_go_on(handle.id)
