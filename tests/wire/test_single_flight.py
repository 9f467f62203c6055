import asyncio

import pytest

from perdure.github._single_flight import SingleFlight


class Work:
    """Counts how often it was begun; ends when it is let go."""

    def __init__(self, error=None):
        self.begun = 0
        self.go = asyncio.Event()
        self.error = error

    async def __call__(self):
        self.begun += 1
        await self.go.wait()
        if self.error:
            raise self.error
        return self.begun


async def joined(flights, work, callers=3):
    tasks = [asyncio.create_task(flights.do("key", work)) for _ in range(callers)]
    for _ in range(3):
        await asyncio.sleep(0)
    return tasks


async def test_all_callers_get_what_one_piece_of_work_gives():
    """And the next call begins anew."""
    flights, work = SingleFlight(), Work()
    tasks = await joined(flights, work)
    work.go.set()

    assert await asyncio.gather(*tasks) == [1, 1, 1]
    assert await flights.do("key", work) == 2


async def test_an_error_reaches_every_caller_and_is_not_kept():
    """A failure is no result to remember."""
    flights, work = SingleFlight(), Work(ValueError("no"))
    tasks = await joined(flights, work)
    work.go.set()

    assert [str(error) for error in await asyncio.gather(*tasks, return_exceptions=True)] == ["no"] * 3
    work.error = None
    assert await flights.do("key", work) == 2


@pytest.mark.parametrize("error", [None, ValueError("no")])
async def test_the_work_goes_on_when_every_caller_has_left(error):
    """Nobody owns it, and nobody is blamed for its error."""
    flights, work = SingleFlight(), Work(error)
    tasks = await joined(flights, work)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    (again,) = await joined(flights, work, callers=1)
    work.go.set()
    await asyncio.gather(again, return_exceptions=True)

    assert work.begun == 1


async def test_closing_stops_what_is_under_way():
    """Nothing outlives the client."""
    flights, work = SingleFlight(), Work()
    tasks = await joined(flights, work)
    await flights.close()

    assert all(
        isinstance(each, asyncio.CancelledError)
        for each in await asyncio.gather(*tasks, return_exceptions=True)
    )
