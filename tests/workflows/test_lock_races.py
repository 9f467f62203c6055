"""Hundreds of workflows that want a group at once, while some are cancelled, killed, or out of patience."""

import asyncio
import contextlib
import random
import uuid
from itertools import pairwise

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.service import RPCError
from temporalio.worker import Worker

from perdure.engine.workers import workflow_runner
from perdure.errors import PerdureError
from perdure.workflows.lock import LockWorkflow
from workflows.lockers import Locker

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

GROUPS, EACH, AT_ONCE = 42, 12, 7


class Race:
    """One group, and what happens to those who want it."""

    def __init__(self, house, queue, seed):
        self.house = house
        self.queue = queue
        self.group = f"race-{seed}-{uuid.uuid4().hex[:8]}"
        self.chance = random.Random(seed)

    async def run(self):
        """Return from when to when each was inside, of those that were left alone."""
        outcomes = await asyncio.gather(*(self.one(number) for number in range(EACH)), return_exceptions=True)
        mistakes = [one for one in outcomes if isinstance(one, Exception)]
        assert all(isinstance(one, WorkflowFailureError) for one in mistakes), mistakes
        return sorted(one for one in outcomes if isinstance(one, list))

    async def one(self, number):
        await asyncio.sleep(self.chance.random() / 5)
        policy = self.chance.choices(["queue", "cancel-older", "refuse"], [8, 1, 1])[0]
        handle = await self.house.client.start_workflow(
            Locker.run,
            args=[self.group, self.house.task_queue, policy, self.chance.random() / 20],
            id=f"{self.group}/{number}",
            task_queue=self.queue,
        )
        what = self.chance.choices(["nothing", "cancel", "kill"], [3, 1, 1])[0]
        await asyncio.sleep(self.chance.random() / 2)
        described = await handle.describe()
        if described.status is WorkflowExecutionStatus.RUNNING and what != "nothing":
            # Unless it has ended in this moment.
            with contextlib.suppress(RPCError):
                await (handle.cancel() if what == "cancel" else handle.terminate())
        return await handle.result()


async def test_five_hundred_get_in_one_at_a_time_or_are_told(idle_house):
    """While workers come and go, too: nobody is inside with another, nobody waits for ever."""
    queue = f"racers-{uuid.uuid4().hex[:8]}"
    gate = asyncio.Semaphore(AT_ONCE)

    async def race(seed):
        async with gate:
            one = Race(idle_house, queue, seed)
            return one.group, await asyncio.wait_for(one.run(), 300)

    async def workers_come_and_go():
        while True:
            people = Worker(
                idle_house.client,
                task_queue=queue,
                workflows=[Locker],
                workflow_runner=workflow_runner(),
                workflow_failure_exception_types=[PerdureError],
            )
            async with people, idle_house.workers():
                await asyncio.sleep(5)

    working = asyncio.create_task(workers_come_and_go())
    try:
        ended = await asyncio.gather(*(race(seed) for seed in range(GROUPS)))
        for group, stays in ended:
            assert stays, group
            for before, after in pairwise(stays):
                assert before[1] <= after[0], group
            state = await _idle(idle_house, group)
            assert state.is_idle, (group, state)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def _idle(house, group):
    handle = house.client.get_workflow_handle(f"lock/{group}")
    async with asyncio.timeout(60):
        while True:
            state = await handle.query(LockWorkflow.state)
            if state.is_idle:
                return state
            await asyncio.sleep(0.5)
