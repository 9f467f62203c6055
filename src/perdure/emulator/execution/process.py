"""Runs one program to its end, hands on its lines, and stops it with all that it started.

No thread stands behind a process: its end is told by a pidfd where the system has them, so a thousand waiting
steps cost a thousand file descriptors and nothing else.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from perdure.emulator.execution.process_tree import descendants
from perdure.emulator.execution.stopping import Stop, StopReason

# A process left in the background may hold the output open; GitHub's runner waits as long for it.
_OUTPUT_WAIT = 5.0
_LONGEST_LINE = 64 * 1024
_HAS_PIDFD = hasattr(os, "pidfd_open")


class Process:
    """One running program, in a session of its own, reading nothing."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        wrapped: bool = False,
    ) -> None:
        """Start it.

        Args:
            arguments: The program and its arguments.
            env: Its whole environment.
            cwd: Where it starts.
            wrapped: Whether the program that people mean is the one child of what is started.

        Raises:
            OSError: It cannot be started.
        """
        self._popen = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._wrapped = wrapped

    async def finish(
        self, on_line: Callable[[str], None], stop: Stop, waits: tuple[float, float] = (7.5, 2.5)
    ) -> int:
        """Hand on every line until the program ends, and return its exit code.

        Asked to stop, it gets SIGINT, after the first wait SIGTERM, and after the second it is killed with
        all that it started, as GitHub does:
        https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation
        """
        lines = _Lines(on_line)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: lines, self._popen.stdout)
        ended = asyncio.ensure_future(self._ended())
        try:
            await self._until_end(ended, stop, waits)
            if stop.reason is not None:
                self.kill()
            with suppress(TimeoutError):
                await asyncio.wait_for(lines.closed.wait(), _OUTPUT_WAIT)
        finally:
            if not ended.done():
                self.kill()
                await ended
                self._popen.wait()
            transport.close()
        lines.flush()
        return self._popen.wait()

    async def _until_end(self, ended: Awaitable[None], stop: Stop, waits: tuple[float, float]) -> None:
        if not await _first(ended, stop.requested()):
            return
        for number, wait in ((signal.SIGINT, waits[0]), (signal.SIGTERM, waits[1])):
            if stop.reason is StopReason.KILLED:
                break
            self._signal(number)
            if not await _first(ended, stop.killed(), timeout=wait):
                return
        self.kill()
        await ended

    def _signal(self, number: signal.Signals) -> None:
        # To the program itself, as the runner does, and not to what it started.
        pid = self._popen.pid
        if self._wrapped:
            pid = next(iter(descendants(pid)), pid)
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)

    def kill(self) -> None:
        """Kill the program and all that it started, even when it has ended itself.

        Its number stays taken until it is waited for, so its process group can be no other's. (Without pidfd
        it has been waited for by then, and the group is all there is to go by.)
        """
        family = descendants(self._popen.pid)
        if self._popen.returncode is None or not _HAS_PIDFD:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._popen.pid, signal.SIGKILL)
        for pid in family:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    async def _ended(self) -> None:
        if not _HAS_PIDFD:
            await asyncio.to_thread(self._popen.wait)
            return
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        descriptor = os.pidfd_open(self._popen.pid)
        try:
            loop.add_reader(descriptor, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)


async def _first(ended: Awaitable[None], other: Awaitable[None], *, timeout: float | None = None) -> bool:
    """Wait for the end or for something else, and tell whether the end is still to come."""
    end = asyncio.ensure_future(ended)
    news = asyncio.ensure_future(other)
    try:
        await asyncio.wait({end, news}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        return not end.done()
    finally:
        news.cancel()
        with suppress(asyncio.CancelledError):
            await news


class _Lines(asyncio.Protocol):
    """Splits what a process writes into lines; very long ones are broken."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self.closed = asyncio.Event()
        self._on_line = on_line
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._emit(line)
        while len(self._rest) > _LONGEST_LINE:
            self._emit(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def flush(self) -> None:
        if self._rest:
            self._emit(self._rest)
            self._rest = b""

    def _emit(self, line: bytes) -> None:
        line = line.removesuffix(b"\r")
        for start in range(0, len(line) or 1, _LONGEST_LINE):
            self._on_line(line[start : start + _LONGEST_LINE].decode("utf-8", "replace"))
