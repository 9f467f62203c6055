"""Work that fleets are given in tests, and a worker for it that counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from perdure.engine.workers import workflow_runner
from perdure.workflow import Work, fleet

BAD = "bad-"
"""Items that begin so fail."""


class Desk:
    """Does what items ask for, and writes down who was there when."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.order: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.pages: list[str] = []

    @activity.defn(name="fleet_test_work")
    async def work(self, item: str) -> dict[str, object]:
        """Count, wait for the gate, and fail where the item says so."""
        self.order.append(item)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.gate.wait()
            if item.startswith(BAD):
                raise ApplicationError(f"{item} is bad", type="BadItemError", non_retryable=True)
        finally:
            self.at_once -= 1
        self.done[item] += 1
        return {"item": item, "usage": {"cost": 5}}

    @activity.defn(name="fleet_test_pages")
    async def page(self, asked: dict[str, object]) -> dict[str, object]:
        """Return numbers as items, a page at a time."""
        cursor, size, count = str(asked["cursor"]), int(str(asked["size"])), int(str(asked["count"]))
        self.pages.append(cursor)
        start = int(cursor or 0)
        end = min(start + size, count)
        return {"items": [f"item-{n}" for n in range(start, end)], "cursor": str(end) if end < count else ""}


@activity.defn(name="fleet_test_echo")
async def echo(given: dict[str, object]) -> dict[str, object]:
    """Return what was given."""
    return given


@workflow.defn(name="FleetTestChild")
class Child:
    """Runs the desk's activity once."""

    @workflow.run
    async def run(self, item: str) -> dict[str, object]:
        """Do one item's work."""
        found: dict[str, object] = await workflow.execute_activity(
            "fleet_test_work", item, result_type=dict, start_to_close_timeout=timedelta(minutes=2)
        )
        return found


@workflow.defn(name="FleetTestCaller")
class Caller:
    """Calls a fleet as people do."""

    @workflow.run
    async def run(self, items: list[object], task_queue: str) -> list[object]:
        """Do the work of a list."""
        work = Work(activity="fleet_test_echo", input={"name": "${{ item }}"}, attempts=1)
        result = await fleet(items, work, task_queue=task_queue, max_parallel=20, chunk_size=20)
        return [result.conclusion.value, result.counts.succeeded, result.counts.total]


@asynccontextmanager
async def desk_worker(client: Client, task_queue: str, **options: object) -> AsyncIterator[Desk]:
    """Let a desk work beside the block."""
    desk = Desk()
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[Child, Caller],
        activities=[desk.work, desk.page, echo],
        workflow_runner=workflow_runner(),
        **options,
    ):
        try:
            yield desk
        finally:
            desk.gate.set()
