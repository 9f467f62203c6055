"""Calls through what holds an object: containers, matches, attributes, classes above, handlers set later."""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, ClassVar, Generic, Self, TypeVar

from temporalio import workflow

T = TypeVar("T")


class Rate:
    def now(self) -> float:
        return time.time()  # expect: clock

    def then(self) -> float:
        return time.monotonic()  # expect: clock

    def zipped(self) -> float:
        return time.clock_gettime(1)  # expect: clock

    def kept(self) -> float:
        return time.process_time()  # expect: clock

    def matched(self) -> float:
        return time.time_ns()  # expect: clock

    def asked(self) -> float:
        return time.monotonic_ns()  # expect: clock

    def named(self) -> float:
        return time.perf_counter_ns()  # expect: clock

    def chained(self) -> Self:
        random.seed(1)  # expect: random
        return self


class Box(Generic[T]):
    made: ClassVar[Callable[[], float]] = random.random

    def __init__(self, held: T) -> None:
        self.held = held

    async def __aiter__(self) -> AsyncIterator[float]:
        yield random.gauss(0, 1)  # expect: random

    @staticmethod
    def still() -> str:
        return os.urandom(3).hex()  # expect: random

    async def __aenter__(self) -> Self:
        random.uniform(1, 2)  # expect: random
        return self

    async def __aexit__(self, *_: object) -> None:
        random.betavariate(1, 2)  # expect: random

    def __call__(self) -> float:
        return random.expovariate(1)  # expect: random


class Starting:
    def __init__(self) -> None:
        self.rates: dict[str, Rate] = {}
        self.several = [Rate()]
        self.worth = partial(self._worth, 3)
        self.started = time.localtime()  # expect: clock

    def _worth(self, times: int) -> float:
        return times * random.randrange(5)  # expect: random

    @workflow.signal
    async def inherited(self) -> None:
        os.listdir(".")  # expect: files


@workflow.defn
class FlowWorkflow(Starting):
    def __init__(self) -> None:
        super().__init__()
        self._late: Rate | None = None

    @workflow.run
    async def run(self, given: object = None) -> None:
        for rate in self.rates.values():
            rate.now()
        for _, other in self.rates.items():
            other.then()
        for _, (one, another) in enumerate(zip(self.several, self.several)):
            one.zipped()
            another.zipped()
        self.several[0].kept()
        match given:
            case Rate() as found:
                found.matched()
        if isinstance(given, Rate):
            given.asked()
        if (named := self._late) is not None:
            named.named()
        Rate().chained().chained()
        async for _ in Box(3):
            Box.still()
        async with Box(4) as box:
            box()
        self.worth()
        await workflow.wait_condition(lambda: random.triangular() > 1)  # expect: random

        def nested() -> str:
            return os.path.realpath(".")  # expect: files

        nested()
        workflow.set_signal_handler("late", self._set_later)
        workflow.set_query_handler("clock", _asked)
        await asyncio.gather(*[self._one(place) for place in range(3)])

    def _set_later(self, *_: Any) -> None:
        os.remove("x")  # expect: files

    async def _one(self, place: int) -> None:
        await asyncio.get_event_loop().getaddrinfo("x", place)  # expect: asyncio


def _asked() -> float:
    return time.thread_time()  # expect: clock


@workflow.defn(dynamic=True)
class DynamicWorkflow:
    @workflow.run
    async def run(self, _: object) -> None:
        """Do nothing."""

    @workflow.query(dynamic=True)
    def anything(self, name: str, _: object) -> str:
        return os.environ[name]  # expect: environment
