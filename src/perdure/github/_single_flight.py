"""One piece of work for however many ask for it at the same time."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Joins callers that ask for the same thing while it is under way.

    The work belongs to no caller: one that is cancelled leaves it running for the others. Ten activities that
    start at once would otherwise mint ten tokens.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Task[T]] = {}

    async def do(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """Return what the work gives, or raise what it raises, to every caller of the key."""
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(self._run(work))
            self._flights[key] = flight
            flight.add_done_callback(lambda done: self._land(key, done))
        return await asyncio.shield(flight)

    async def close(self) -> None:
        """Stop what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _run(self, work: Callable[[], Awaitable[T]]) -> T:
        return await work()

    def _land(self, key: Hashable, flight: asyncio.Task[T]) -> None:
        self._flights.pop(key, None)
        if not flight.cancelled():
            # Read, so that asyncio does not complain where every caller has left.
            flight.exception()
