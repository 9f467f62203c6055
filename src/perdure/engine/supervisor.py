"""Processes that are started again when they die, and stopped in the reverse of their order.

One that cannot run at all (its settings are wrong) would only die again, so a service may say that it
gives up, and one that dies young is left more and more time before it is started again.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from perdure.engine.processes import ChildProcess, Program
from perdure.errors import EngineError, PerdureError

USAGE_STATUS = 2
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 15.0
_OLD_ENOUGH = 20.0
_READY_TIMEOUT = timedelta(seconds=30)


class Service(Protocol):
    """Something that runs as a process."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def pid(self) -> int:
        """Its process."""

    async def start(self) -> None:
        """Start its process, and return when it is ready."""

    async def wait(self) -> int:
        """Wait until its process ends, and return the status."""

    async def stop(self) -> None:
        """Stop it for good."""


class ProgramService:
    """A program with a way to find out that it is ready."""

    def __init__(self, program: Program, *, is_ready: Callable[[int], Awaitable[bool]]) -> None:
        self.program = program
        self._is_ready = is_ready
        self._process = ChildProcess(program)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.program.name

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    async def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            EngineError: It ended, or was not ready in time. The message has the end of its log.
        """
        self._process = ChildProcess(self.program)
        self._process.start()
        try:
            async with asyncio.timeout(_READY_TIMEOUT.total_seconds()):
                while not await self._is_ready(self._process.pid):
                    if not self._process.is_running:
                        raise self._failed(f"ended with status {self._process.status}")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            await self._process.stop()
            raise self._failed(f"was not ready within {_READY_TIMEOUT.total_seconds():.0f} s") from None

    async def wait(self) -> int:
        """Wait until it ends, and return its status."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Stop it."""
        await self._process.stop()

    def _failed(self, how: str) -> EngineError:
        log = self._process.log_tail(12)
        message = f"the {self.name} {how}" + (f":\n{log}" if log else "")
        return EngineError(message, hint=f"its whole log is {self.program.log_path}")


class Supervisor:
    """Keeps services running.

    Args:
        report: Told in a line what happens to them.
    """

    def __init__(self, *, report: Callable[[str], None]) -> None:
        self._report = report
        self._kept: list[tuple[Service, asyncio.Task[None]]] = []
        self._given_up: asyncio.Future[PerdureError] | None = None

    async def start(self, service: Service) -> None:
        """Start a service and keep it running.

        Raises:
            PerdureError: It could not be started at all.
        """
        try:
            await service.start()
        except BaseException:
            await service.stop()
            raise
        self._kept.append((service, asyncio.create_task(self._keep(service))))

    async def gives_up(self) -> PerdureError:
        """Return why a service cannot be kept running, when there is one."""
        if self._given_up is None:
            self._given_up = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._given_up)

    async def stop(self) -> None:
        """Stop all services, the last one started first."""
        for service, task in reversed(self._kept):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await service.stop()
        self._kept.clear()

    async def _keep(self, service: Service) -> None:
        delay = _FIRST_DELAY
        while True:
            started_at = time.monotonic()
            status = await service.wait()
            if status == USAGE_STATUS:
                self._give_up(EngineError(f"the {service.name} cannot run: it ended with status {status}"))
                return
            if time.monotonic() - started_at > _OLD_ENOUGH:
                delay = _FIRST_DELAY
            self._report(f"{service.name} (pid {service.pid}) {_how(status)}; starting it again")
            delay = await self._start_again(service, delay)

    async def _start_again(self, service: Service, delay: float) -> float:
        """Start it again until that succeeds, and return the delay before the next time."""
        while True:
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
            try:
                await service.start()
            except PerdureError as error:
                self._report(f"{error}; trying again in {delay:.1f} s")
            else:
                self._report(f"{service.name} runs again (pid {service.pid})")
                return delay

    def _give_up(self, error: PerdureError) -> None:
        if self._given_up is None:
            self._given_up = asyncio.get_running_loop().create_future()
        if not self._given_up.done():
            self._given_up.set_result(error)


def _how(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
