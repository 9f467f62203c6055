"""Child processes: each in a process group of its own, its output in a file, stopped in good order.

In a group of its own, Ctrl-C in the terminal reaches only the process that supervises, which can then
stop the workers before the server that they need in order to finish. A child ends when its parent dies
(see ``_launch``).
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("_launch.py")
_LOOK_INTERVAL = 0.02


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to start.

    Attributes:
        environment: Added to this process's own; ``None`` takes a variable away.
        log_path: Where its standard output and error are appended.
        stop_timeout: From SIGTERM to SIGKILL.
        kept_descriptors: Open files that it inherits.
    """

    name: str
    command: Sequence[str]
    log_path: Path
    environment: Mapping[str, str | None] = field(default_factory=dict)
    stop_timeout: timedelta = timedelta(seconds=10)
    kept_descriptors: tuple[int, ...] = ()


class ChildProcess:
    """One run of a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """The process's id; 0 before it is started."""
        return self._process.pid if self._process else 0

    @property
    def status(self) -> int | None:
        """How it ended: negative for a signal, ``None`` while it runs or before it is started."""
        return self._process.poll() if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it.

        Call this from a thread that lives as long as the child should: Linux counts the end of the thread
        that started it as the death of the parent.
        """
        self.program.log_path.parent.mkdir(parents=True, exist_ok=True)
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid())]
        with self.program.log_path.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [*launcher, *self.program.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(self.program.environment),
                pass_fds=self.program.kept_descriptors,
                process_group=0,
            )

    async def wait(self) -> int:
        """Wait for its end and return its exit status."""
        while (status := self.status) is None:  # noqa: ASYNC110 - no event tells of it on every system
            await asyncio.sleep(_LOOK_INTERVAL)
        return status

    async def stop(self) -> int | None:
        """Ask it to end, insist after its time is up, and return its exit status."""
        if not self.is_running:
            return self.status
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(self.program.stop_timeout.total_seconds()):
                return await self.wait()
        except TimeoutError:
            self.signal(signal.SIGKILL)
            return await self.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines that this run has written."""
        if not self.program.log_path.exists():
            return ""
        with self.program.log_path.open("rb") as log:
            log.seek(self._log_start)
            text = log.read().decode(errors="replace")
        return "\n".join(text.rstrip().splitlines()[-lines:])


def perdure_command(*arguments: str) -> list[str]:
    """Return the command that runs this very Perdure with the arguments."""
    return [sys.executable, "-m", "perdure", *arguments]


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    environment = {**os.environ, **{name: text for name, text in changes.items() if text is not None}}
    for name, text in changes.items():
        if text is None:
            environment.pop(name, None)
    return environment
