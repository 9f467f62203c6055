"""Workflows of people who share something that takes one at a time."""

import asyncio
import gc
from datetime import timedelta

from temporalio import workflow

from perdure.workflow import LockPolicy, lock


@workflow.defn
class Locker:
    """Enters a group, stays until it is told to go, or for a time, and leaves."""

    def __init__(self) -> None:
        self._inside = False
        self._go = False

    @workflow.run
    async def run(self, group: str, where: str, policy: str, stay: float | None) -> list[float]:
        async with lock(group, policy=LockPolicy(policy), task_queue=where):
            self._inside = True
            entered = workflow.time_ns()
            if stay is None:
                await workflow.wait_condition(lambda: self._go)
            else:
                await asyncio.sleep(timedelta(seconds=stay).total_seconds())
            return [entered, workflow.time_ns()]

    @workflow.signal
    def go(self) -> None:
        self._go = True

    @workflow.query
    def inside(self) -> bool:
        return self._inside


@workflow.defn
class Impatient:
    """Wants a group for a short time only, and lives on without it."""

    def __init__(self) -> None:
        self._gave_up = False
        self._go = False

    @workflow.run
    async def run(self, group: str, where: str, patience: float) -> None:
        try:
            async with asyncio.timeout(patience), lock(group, task_queue=where):
                raise AssertionError("nobody was to leave the group")
        except TimeoutError:
            self._gave_up = True
        await workflow.wait_condition(lambda: self._go)

    @workflow.signal
    def go(self) -> None:
        self._go = True

    @workflow.query
    def gave_up(self) -> bool:
        return self._gave_up


@workflow.defn
class Nested:
    """Enters a group again that it is in, in a block and in a task of its own."""

    @workflow.run
    async def run(self, group: str, where: str) -> list[str]:
        said = []

        async def again(name: str) -> None:
            async with lock(group, task_queue=where):
                said.append(name)

        async with lock(group, task_queue=where):
            await again("inside")
            await asyncio.create_task(again("in a task"))
        await again("after")
        return said


@workflow.defn
class Collector:
    """Has Python collect garbage in the middle of its task, as it does by itself at any moment."""

    @workflow.run
    async def run(self) -> None:
        gc.collect()
