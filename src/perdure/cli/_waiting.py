"""Waits for the end of an action or a pipeline. Whatever ends the wait, it goes on itself.

A restart must not end a wait of hours: a CI job would take that for a failure. The engine's absence is sat
out by the handle; a worker's is here. Either is said, so that nobody takes silence for progress.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Protocol, TypeVar

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.cli._outcome import print_failure, print_result
from perdure.cli._views import View
from perdure.errors import ActionError, EngineError, FleetFailedError, PerdureError, PipelineFailedError
from perdure.model.actions import ActionResult

PATIENCE = timedelta(minutes=2)
"""How long workers may be away while somebody waits."""

_PAUSE_SECONDS = 1.0
_LOOK_INTERVAL = timedelta(seconds=3)
_NO_WORKER = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}
_NO_ENGINE = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN}


_Progress = TypeVar("_Progress")
_Progress_co = TypeVar("_Progress_co", covariant=True)
_Result = TypeVar("_Result")
_Result_co = TypeVar("_Result_co", covariant=True)
_Result_contra = TypeVar("_Result_contra", contravariant=True)


class Followed(Protocol[_Progress_co, _Result_co]):
    """What is waited for."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    def watch(self) -> AsyncIterator[_Progress_co]:
        """Yield where it stands, until it has ended."""
        ...

    async def result(self) -> _Result_co:
        """Return how it ended well, or raise how it did not."""
        ...


class Outcome(Protocol[_Result_contra]):
    """Prints how it ended."""

    def success(self, id: str, result: _Result_contra) -> None:
        """Print how it ended well."""
        ...

    def failure(self, id: str, error: PerdureError) -> None:
        """Print how it ended badly."""
        ...


class ActionOutcome(Outcome[ActionResult]):
    """Prints how an action ended: a short block, or one JSON object."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def success(self, id: str, result: ActionResult) -> None:
        """Print warnings and the result."""
        for warning in result.warnings:
            _errors.show_warning(warning)
        print_result(id, result, as_json=self._as_json)

    def failure(self, id: str, error: PerdureError) -> None:
        """Print what is known of the failed run."""
        if isinstance(error, ActionError):
            print_failure(id, error, as_json=self._as_json)


async def wait_for_end(
    handle: Followed[_Progress, _Result],
    view: View[_Progress],
    outcome: Outcome[_Result],
    *,
    timeout: timedelta | None,
    client: Client | None = None,
) -> ExitCode:
    """Show an action or a pipeline until it ends, then how it ended.

    Ctrl-C cancels this coroutine, and never what it waits for: that is what ``perdure run cancel`` is for.

    Args:
        handle: What is waited for.
        view: Where progress is shown.
        outcome: Prints the end.
        timeout: For how long to wait.
        client: To find out whether the engine is there, where that shall be said.

    Raises:
        PerdureError: The engine or GitHub refused; and every failure, after it was printed.
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
    except (ActionError, PipelineFailedError, FleetFailedError) as error:
        outcome.failure(handle.id, error)
        raise
    except EngineError:
        say_how_to_go_on(handle.id)
        raise
    outcome.success(handle.id, result)
    return ExitCode.SUCCESS


async def _result(
    handle: Followed[_Progress, _Result], view: View[_Progress], client: Client | None
) -> _Result:
    outages = asyncio.create_task(_tell_of_outages(client, view)) if client is not None else None
    try:
        return await _follow(handle, view)
    finally:
        if outages is not None:
            outages.cancel()


async def _follow(handle: Followed[_Progress, _Result], view: View[_Progress]) -> _Result:
    """Show it until it ends, through restarts of its workers."""
    failing_since: float | None = None
    seen: _Progress | None = None
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


async def _tell_of_outages(client: Client, view: View[_Progress]) -> None:
    away = False
    while True:
        await asyncio.sleep(_LOOK_INTERVAL.total_seconds())
        try:
            await client.service_client.check_health(timeout=_LOOK_INTERVAL)
        except RPCError as error:
            if error.status in _NO_ENGINE and not away:
                away = True
                view.warn("the engine does not answer. What runs goes on once it is back; waiting for that")
        else:
            if away:
                view.warn("the engine answers again")
            away = False


def say_how_to_go_on(id: str) -> None:
    """Print the commands that pick it up again."""
    noun = "fleet" if id.startswith("fleet/") else "run"
    _errors.say(f"watch it:   perdure {noun} watch {id}")
    _errors.say(f"cancel it:  perdure {noun} cancel {id}")


def _still_running(id: str, why: str) -> ExitCode:
    _errors.say(f"{why}: {id} goes on without this command")
    say_how_to_go_on(id)
    return ExitCode.STILL_RUNNING
