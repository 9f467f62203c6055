"""Many calls, and only so many at once."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Generic, Literal, TypeVar, overload

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.activities.failures import application_error
    from perdure.errors import UsageError

T = TypeVar("T")
Call = Awaitable[T] | Callable[[], Awaitable[T]]


@overload
async def gather_bounded(
    calls: Iterable[Call[T]], *, limit: int, return_exceptions: Literal[False] = False
) -> list[T]: ...


@overload
async def gather_bounded(
    calls: Iterable[Call[T]], *, limit: int, return_exceptions: bool
) -> list[T | BaseException]: ...


async def gather_bounded(
    calls: Iterable[Call[T]], *, limit: int, return_exceptions: bool = False
) -> list[T] | list[T | BaseException]:
    """Wait for many calls, at most ``limit`` of them at once, and return their results in their order.

        built = await gather_bounded((run_action(name, "build.yml") for name in repositories), limit=10)

    Where one fails the others are cancelled; its error goes on when they have ended. So does a cancellation
    of the caller.

    Args:
        calls: Coroutines, or functions that make them. Taken one by one, when there is room: a generator of
            thousands costs nothing before.
        limit: How many may run at once.
        return_exceptions: Let the others go on where one fails, and return its error in its place.

    Raises:
        ApplicationError: ``UsageError``: the limit is below one.
    """
    if limit < 1:
        raise application_error(UsageError(f"the limit must be at least 1, not {limit}"))
    return await _Gathering(calls, collects_errors=return_exceptions).results(limit)


class _Gathering(Generic[T]):
    """Lanes that take one call after the other.

    Kept in lists and not in sets, as ``asyncio.TaskGroup`` does: a replay has to cancel in the same order.
    """

    def __init__(self, calls: Iterable[Call[T]], *, collects_errors: bool) -> None:
        self._calls = calls
        self._left = enumerate(calls)
        self._collects_errors = collects_errors
        self._ended: dict[int, T | BaseException] = {}
        self._lanes: list[asyncio.Task[None]] = []
        self._open_lanes = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_stopping = False

    async def results(self, limit: int) -> list[T | BaseException]:
        try:
            while len(self._lanes) < limit and (call := self._next()) is not None:
                self._open_lanes += 1
                self._lanes.append(asyncio.create_task(self._lane(*call)))
            if self._open_lanes:
                await self._over
        except (Exception, asyncio.CancelledError):
            # And not where Python closes what a worker has left behind: see perdure.workflows.locking.
            self._is_stopping = True
            self._close_what_is_left()
            await self._stop_lanes()
            raise
        return [self._ended[position] for position in range(len(self._ended))]

    def _next(self) -> tuple[int, Call[T]] | None:
        return next(self._left, None)

    async def _lane(self, position: int, call: Call[T]) -> None:
        following: tuple[int, Call[T]] | None = (position, call)
        try:
            while following is not None and not self._is_stopping:
                position, call = following
                self._ended[position] = await self._outcome_of(call)
                following = None if self._is_stopping else self._next()
        except BaseException as error:
            if not self._over.done():
                self._over.set_exception(error)
        finally:
            self._open_lanes -= 1
            if not self._open_lanes and not self._over.done():
                self._over.set_result(None)

    async def _outcome_of(self, call: Call[T]) -> T | BaseException:
        try:
            return await (call() if callable(call) else call)
        except (Exception, asyncio.CancelledError) as error:
            if self._is_stopping or not self._collects_errors:
                raise
            return error

    async def _stop_lanes(self) -> None:
        for lane in self._lanes:
            if not lane.done():
                lane.cancel()
        for lane in self._lanes:
            while not lane.done():
                try:
                    await asyncio.shield(lane)
                except asyncio.CancelledError:
                    # A second one: those that were cancelled are waited for all the same.
                    continue
        if not self._over.cancelled() and self._over.done():
            self._over.exception()  # else Python complains of one that came with a cancellation

    def _close_what_is_left(self) -> None:
        """Have Python not complain of coroutines that exist already and will never be awaited."""
        if isinstance(self._calls, Collection):
            for _, call in self._left:
                if inspect.iscoroutine(call):
                    call.close()
        elif inspect.isgenerator(self._calls):
            self._calls.close()
