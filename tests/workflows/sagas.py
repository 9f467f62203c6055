"""Workflows of people who undo what they did, and who do many things at a time."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from perdure.workflow import compensations, gather_bounded, run_action


@workflow.defn
class Saga:
    """Takes steps, each with its compensation, and ends as it is told."""

    def __init__(self) -> None:
        self._trail: list[str] = []
        self._held = True

    @workflow.run
    async def run(self, end: str, broken: list[str]) -> list[str]:
        workflow.set_current_details("my own words")
        undo = compensations()
        try:
            async with undo:
                for step in ("one", "two", "three"):
                    undo.add(self._undo, step, broken)
                await self._end(end, undo)
        except ApplicationError as error:
            if end != "caught":
                raise
            self._trail.append(error.message)
            self._trail += [f"{one.name.split()[1]} {one.succeeded}" for one in undo.outcomes]
        return self._trail

    async def _end(self, end: str, undo) -> None:
        match end:
            case "fails" | "caught":
                raise ApplicationError("the deployment failed", type="Deployment")
            case "waits":
                await workflow.wait_condition(lambda: False)
            case "cancelled while refused":
                self._trail.append("refused")
                undo.add(self._hold)
                try:
                    await undo.run()
                finally:
                    self._trail.append("left")
            case "impatient":
                await self._cancelled_again_and_again()
            case "no way back":
                undo.clear()
                undo.add(self._undo, "four", [])
                raise ApplicationError("too late")
            case "refused":
                self._trail.append(str(len(await undo.run())))
            case "goes on":
                workflow.continue_as_new(args=["succeeds", []])

    async def _cancelled_again_and_again(self) -> None:
        """Have a block cancelled, and cancelled twice more while it undoes itself."""

        async def block() -> None:
            async with compensations() as undo:
                undo.add(self._hold)
                undo.add(self._undo, "inner", [])
                await workflow.wait_condition(lambda: False)

        inner = asyncio.create_task(block())
        for _ in range(3):
            await asyncio.sleep(0.01)
            inner.cancel()
        self._held = False
        try:
            await inner
        except asyncio.CancelledError:
            self._trail.append("cancelled")

    async def _hold(self) -> None:
        await workflow.wait_condition(lambda: not self._held)
        self._trail.append("held")

    async def _undo(self, step: str, broken: list[str]) -> None:
        await asyncio.sleep(0.01)
        if step in broken:
            raise ApplicationError(f"{step} cannot be undone")
        self._trail.append(step)

    @workflow.signal
    def go(self) -> None:
        self._held = False

    @workflow.query
    def trail(self) -> list[str]:
        return self._trail


@workflow.defn
class Deployment:
    """Publishes and deploys; takes the version back where that does not come to its end."""

    @workflow.run
    async def run(self, where: str) -> None:
        async with compensations() as undo:
            await run_action("acme/tools", "echo.yml", inputs={"message": "publish"}, task_queue=where)
            undo.add(run_action, "acme/tools", "echo.yml", inputs={"message": "yank"}, task_queue=where)
            await run_action(
                "acme/tools", "echo.yml", inputs={"message": "deploy", "wait_time": "60"}, task_queue=where
            )


@workflow.defn
class Many:
    """Does many things, so many at a time."""

    def __init__(self) -> None:
        self._running = 0
        self._most = 0
        self._ended_early: list[int] = []

    @workflow.run
    async def run(self, count: int, limit: int, fails: int | None) -> list[object]:
        calls = (self._one(number, fails) for number in range(count))
        try:
            ended = await gather_bounded(calls, limit=limit)
        except ApplicationError as error:
            return [error.message, self._running, self._ended_early]
        return [self._most, ended]

    async def _one(self, number: int, fails: int | None) -> int:
        self._running += 1
        self._most = max(self._most, self._running)
        try:
            # In another order than they began, and each in a task of its own.
            await asyncio.sleep(0.001 * (number % 7 + 1))
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # takes its time
            self._ended_early.append(number)
            raise
        finally:
            self._running -= 1
        if number == fails:
            raise ApplicationError(f"{number} failed")
        return number


@workflow.defn
class NotBounded:
    """Asks for what cannot be."""

    @workflow.run
    async def run(self) -> None:
        await gather_bounded([], limit=0)
