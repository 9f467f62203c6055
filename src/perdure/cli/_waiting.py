"""Waits for an action's end. Whatever ends the wait, the action itself goes on.

A restart must not end a wait of hours: a CI job would take that for a failure. The engine's absence is sat
out by the handle; a worker's is here. Either is said, so that nobody takes silence for progress.
"""

import asyncio
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._outcome import print_failure, print_result
from perdure.cli._views import View
from perdure.engine.actions import ActionHandle
from perdure.errors import ActionError, EngineError
from perdure.model.actions import ActionResult
from perdure.model.progress import ActionProgress

PATIENCE = timedelta(minutes=2)
"""How long workers may be away while somebody waits."""

_PAUSE_SECONDS = 1.0
_LOOK_INTERVAL = timedelta(seconds=3)
_NO_WORKER = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
_NO_ENGINE = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN}


async def wait_for_end(
    handle: ActionHandle,
    view: View,
    *,
    timeout: timedelta | None,
    as_json: bool,
    client: Client | None = None,
) -> ExitCode:
    """Show an action until it ends, then how it ended.

    Ctrl-C cancels this coroutine, and never the action: that is what ``perdure run cancel`` is for.

    Args:
        handle: The action.
        view: Where progress is shown.
        timeout: For how long to wait.
        as_json: How the end is printed.
        client: To find out whether the engine is there, where that shall be said.

    Raises:
        PerdureError: The engine or GitHub refused; and every failed action, after it was printed.
    """
    seconds = timeout.total_seconds() if timeout is not None else None
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            with view:
                result = await _result(handle, view, client)
    except asyncio.CancelledError:
        return _still_running(handle.id, "interrupted")
    except TimeoutError:
        if not limit.expired():
            raise
        return _still_running(handle.id, "not ended in time")
    except ActionError as error:
        print_failure(handle.id, error, as_json=as_json)
        raise
    except EngineError:
        say_how_to_go_on(handle.id)
        raise
    for warning in result.warnings:
        _errors.show_warning(warning)
    print_result(handle.id, result, as_json=as_json)
    return ExitCode.SUCCESS


async def _result(handle: ActionHandle, view: View, client: Client | None) -> ActionResult:
    outages = asyncio.create_task(_tell_of_outages(client, view)) if client is not None else None
    try:
        return await _follow(handle, view)
    finally:
        if outages is not None:
            outages.cancel()


async def _follow(handle: ActionHandle, view: View) -> ActionResult:
    """Show an action until it ends, through restarts of its workers."""
    failing_since: float | None = None
    seen: ActionProgress | None = None
    clock = asyncio.get_running_loop().time
    while True:
        try:
            async for progress in handle.watch():
                failing_since = None
                # Whoever begins to watch is told where it stands, which is no news the second time.
                if progress != seen:
                    view.show(progress)
                seen = progress
            return await handle.result()
        except EngineError as error:
            if not _lacks_worker(error) or (
                failing_since is not None and clock() - failing_since > PATIENCE.total_seconds()
            ):
                raise
            if failing_since is None:
                failing_since = clock()
                view.warn(f"{error}. Asking again for two minutes; {error.hint}")
            await asyncio.sleep(_PAUSE_SECONDS)


def _lacks_worker(error: EngineError) -> bool:
    return isinstance(error.__cause__, RPCError) and error.__cause__.status in _NO_WORKER


async def _tell_of_outages(client: Client, view: View) -> None:
    away = False
    while True:
        await asyncio.sleep(_LOOK_INTERVAL.total_seconds())
        try:
            await client.service_client.check_health(timeout=_LOOK_INTERVAL)
        except RPCError as error:
            if error.status in _NO_ENGINE and not away:
                away = True
                view.warn("the engine does not answer. The action goes on once it is back; waiting for that")
        else:
            if away:
                view.warn("the engine answers again")
            away = False


def say_how_to_go_on(action_id: str) -> None:
    """Print the commands that pick an action up again."""
    _errors.say(f"watch it:   perdure run watch {action_id}")
    _errors.say(f"cancel it:  perdure run cancel {action_id}")


def _still_running(action_id: str, why: str) -> ExitCode:
    _errors.say(f"{why}: {action_id} goes on without this command")
    say_how_to_go_on(action_id)
    return ExitCode.STILL_RUNNING
