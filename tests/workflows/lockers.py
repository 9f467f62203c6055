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
class Collector:
    """Has Python collect garbage in the middle of its task, as it does by itself at any moment."""

    @workflow.run
    async def run(self) -> None:
        gc.collect()
