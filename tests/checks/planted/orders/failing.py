"""What retries a task for ever, and what else hurts without a replay."""

import asyncio
import time
from datetime import timedelta

from pydantic import BaseModel
from temporalio import activity, workflow

from . import settings
from .settings import REGION

LIMIT = timedelta(seconds=5)


class Refused(Exception):
    """An error of the project's own."""


class Order(BaseModel):  # expect: workflow-file-model
    name: str = ""


@activity.defn
async def charge(order: Order) -> str:
    return order.name


@workflow.defn
class FailingWorkflow:
    def __init__(self) -> None:
        self._done = False

    @workflow.run
    async def run(self, order: Order) -> str:
        if not order.name:
            raise ValueError("no name")  # expect: endless-retry
        self._check(order)
        try:
            self._check_more(order)
        except KeyError:
            self._done = True
        await workflow.wait_condition(lambda: self._done, timeout=LIMIT)  # expect: uncaught-timeout
        async with asyncio.timeout(5):  # expect: uncaught-timeout
            await asyncio.sleep(1)
        await workflow.execute_activity(charge, order)  # expect: missing-timeout
        workflow.start_activity("charge", order)  # expect: missing-timeout
        workflow.execute_activity(charge, order, start_to_close_timeout=LIMIT)  # expect: missing-await
        self._later()  # expect: missing-await
        asyncio.sleep(1)  # expect: missing-await
        if not workflow.unsafe.is_replaying():
            await asyncio.sleep(1)  # expect: replay-branch
        return f"{settings.STARTED}{settings.WORKER}{REGION}"  # expect: import-time import-time import-time

    def _check(self, order: Order) -> None:
        raise Refused(order.name)  # expect: endless-retry

    def _check_more(self, order: Order) -> None:
        raise RuntimeError(order.name)  # expect: endless-retry

    async def _later(self) -> None:
        """Do nothing."""

    @workflow.signal
    async def finish(self, why: str) -> None:  # expect: signal-arguments
        self._done = True

    @workflow.signal
    def wake(self, why: str) -> None:  # deterministic: only our own client sends it
        time.time()  # expect: clock

    @workflow.signal
    def stop(self, *, now: bool) -> None:  # expect: signal-arguments
        raise Refused("x")  # expect: endless-retry
