"""Waits for an action's end. Whatever ends the wait, the action itself goes on."""

import asyncio
from datetime import timedelta

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._outcome import print_failure, print_result
from perdure.cli._views import View
from perdure.engine.actions import ActionHandle
from perdure.errors import ActionError


async def wait_for_end(
    handle: ActionHandle, view: View, *, timeout: timedelta | None, as_json: bool
) -> ExitCode:
    """Show an action until it ends, then how it ended.

    Ctrl-C cancels this coroutine, and never the action: that is what ``perdure run cancel`` is for.

    Raises:
        PerdureError: The engine or GitHub refused; and every failed action, after it was printed.
    """
    seconds = timeout.total_seconds() if timeout is not None else None
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            with view:
                async for progress in handle.watch():
                    view.show(progress)
            result = await handle.result()
    except asyncio.CancelledError:
        return _still_running(handle.id, "interrupted")
    except TimeoutError:
        if not limit.expired():
            raise
        return _still_running(handle.id, "not ended in time")
    except ActionError as error:
        print_failure(handle.id, error, as_json=as_json)
        raise
    for warning in result.warnings:
        _errors.show_warning(warning)
    print_result(handle.id, result, as_json=as_json)
    return ExitCode.SUCCESS


def say_how_to_go_on(action_id: str) -> None:
    """Print the commands that pick an action up again."""
    _errors.say(f"watch it:   perdure run watch {action_id}")
    _errors.say(f"cancel it:  perdure run cancel {action_id}")


def _still_running(action_id: str, why: str) -> ExitCode:
    _errors.say(f"{why}: {action_id} goes on without this command")
    say_how_to_go_on(action_id)
    return ExitCode.STILL_RUNNING
