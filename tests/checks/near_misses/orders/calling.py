"""References to activities and workflows, which are not calls."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from .activities import Store, fetch, other

_LIMIT = timedelta(seconds=5)
_OPTIONS = {"start_to_close_timeout": _LIMIT}


async def call(activity: Callable[[str], Awaitable[str]], name: str) -> str:
    return await workflow.execute_activity(activity, name, start_to_close_timeout=_LIMIT)  # fine: a time-out


@workflow.defn
class CallingWorkflow:
    def __init__(self) -> None:
        self._done = False
        self._task: asyncio.Task[str] | None = None

    @workflow.run
    async def run(self, name: str = "") -> str:
        await workflow.execute_activity(fetch, name, **_OPTIONS)  # fine: a time-out among the options
        await workflow.execute_activity(other, name, schedule_to_close_timeout=_LIMIT)  # fine: a time-out
        await workflow.execute_activity_method(
            Store.save, name, start_to_close_timeout=_LIMIT
        )  # fine: reference
        await call(fetch, name)  # fine: a reference through a function
        self._task = asyncio.create_task(call(fetch, name))  # fine: awaited later
        workflow.start_activity(fetch, name, start_to_close_timeout=_LIMIT)  # fine: started, not awaited
        await asyncio.gather(self._task, call(fetch, name))  # fine: gather keeps its order
        await workflow.execute_child_workflow(CallingWorkflow.run, name)  # fine: a reference
        await asyncio.sleep(1)  # fine: a timer
        async with asyncio.TaskGroup() as group:  # fine: tasks of the workflow
            group.create_task(asyncio.sleep(1))
        async with asyncio.Lock(), asyncio.Semaphore(2):  # fine: locks of the workflow
            asyncio.get_running_loop().time()  # fine: the history's time
        await workflow.wait_condition(lambda: self._done)  # fine: no time limit
        await self._timed()
        try:
            self._check(name)
        except ValueError as error:
            raise ApplicationError(str(error), non_retryable=True) from error  # fine: a failure
        return workflow.info().workflow_id  # fine: the history's

    async def _timed(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._done, timeout=_LIMIT)  # fine: caught here
        except TimeoutError:
            self._done = True
        try:
            await self._limited()
        except Exception:
            self._done = True

    async def _limited(self) -> None:
        async with asyncio.timeout(5):  # fine: caught by the caller
            await asyncio.sleep(1)
        await asyncio.wait_for(asyncio.sleep(1), 2)  # fine: caught by the caller

    def _check(self, name: str) -> None:
        if not name:
            raise ValueError("no name")  # fine: caught by the caller
        if self._done:
            raise NotImplementedError  # fine: a mistake of the programmer's

    @workflow.update
    async def rename(self, name: str) -> None:
        self._done = bool(name)

    @rename.validator
    def check_name(self, name: str) -> None:
        if not name:
            raise ValueError("no name")  # fine: a validator rejects

    @workflow.query
    def state(self, key: str) -> str:
        raise KeyError(key)  # fine: a query fails alone

    @workflow.signal
    def finish(self, why: str = "") -> None:  # fine: a default
        self._done = True

    @workflow.signal(dynamic=True)
    def anything(self, name: str, arguments: list[object]) -> None:  # fine: Temporal gives both
        RetryPolicy(maximum_attempts=len(arguments))


class _Refused(Exception):
    pass


@workflow.defn(failure_exception_types=[_Refused])
class RegisteredWorkflow:
    @workflow.run
    async def run(self) -> None:
        raise _Refused  # fine: registered as a failure
