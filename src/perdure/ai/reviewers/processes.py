"""Analysers as processes of their own.

What they read was written by strangers. So a process gets no environment of ours, which may hold secrets, no
network where the system can take it away, a time limit, a limit on what it prints, and is killed with all its
children at the end.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from perdure.errors import AnalyserError

_LARGEST_OUTPUT = 64 * 1024 * 1024
_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True)
class ToolOutput:
    """How a tool ended, and what it printed."""

    status: int
    stdout: bytes
    stderr: bytes

    @property
    def complaint(self) -> str:
        """Its last words, for a message."""
        lines = self.stderr.decode(errors="replace").strip().splitlines()
        return (lines[-1] if lines else f"exit status {self.status}")[:300]


async def run_tool(
    command: Sequence[str],
    *,
    folder: Path,
    time_limit: timedelta = timedelta(minutes=5),
    stdin: bytes = b"",
) -> ToolOutput:
    """Run a tool over files that nobody vouches for.

    Args:
        command: The program by its path, and its arguments.
        folder: Where it runs.
        time_limit: How long it may take.
        stdin: What it reads.

    Raises:
        AnalyserError: It cannot be started, takes too long, or prints too much.
    """
    name = Path(command[0]).name
    with tempfile.TemporaryDirectory(prefix="perdure-analyser-") as home:
        try:
            process = await asyncio.create_subprocess_exec(
                *_without_network(),
                *command,
                cwd=folder,
                env={"PATH": _PATH, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"{name} cannot be started: {error.strerror}"
            raise AnalyserError(msg, hint="pip install 'perdure[review]' where the worker runs") from None
        try:
            async with asyncio.timeout(time_limit.total_seconds()):
                return await _outcome(process, stdin)
        except TimeoutError:
            msg = f"{name} took longer than {time_limit.total_seconds():g} s and was stopped"
            raise AnalyserError(msg) from None
        except OverflowError:
            msg = f"{name} printed more than {_LARGEST_OUTPUT // 1024 // 1024} MB and was stopped"
            raise AnalyserError(msg) from None
        finally:
            await _end(process)


def installed(name: str) -> str:
    """Return the path of a program that was installed beside this Python, or is on the path.

    Raises:
        AnalyserError: There is none.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        msg = f"the analyser {name} is not installed"
        raise AnalyserError(msg, hint="pip install 'perdure[review]' where the worker runs")
    return found


@cache
def _without_network() -> tuple[str, ...]:
    """Return what to put before a command so that it reaches no network; nothing where that is impossible."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    tried = subprocess.run([unshare, "-rn", "true"], capture_output=True, check=False)
    return (unshare, "-rn", "--") if tried.returncode == 0 else ()


async def _outcome(process: asyncio.subprocess.Process, stdin: bytes) -> ToolOutput:
    stdout, stderr, _ = await asyncio.gather(
        _read(process.stdout), _read(process.stderr), _write(process.stdin, stdin)
    )
    return ToolOutput(status=await process.wait(), stdout=stdout, stderr=stderr)


async def _write(stream: asyncio.StreamWriter | None, content: bytes) -> None:
    if stream is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        stream.write(content)
        await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader | None) -> bytes:
    content = bytearray()
    while stream is not None and (part := await stream.read(65_536)):
        content += part
        if len(content) > _LARGEST_OUTPUT:
            raise OverflowError
    return bytes(content)


async def _end(process: asyncio.subprocess.Process) -> None:
    # The whole group: an analyser's children would go on without it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
