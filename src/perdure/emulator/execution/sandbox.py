"""Keeps the steps of a job away from everything but the job's own folder.

One process per job holds Linux namespaces: no network, a process table of its own, and a view of the files
in which everything is read-only except the job's folder (which also holds its ``/tmp``), while what must not
be seen is covered. Steps are put inside without the capabilities that could undo it. When the holder goes,
and it goes when the emulator goes, the kernel kills everything inside: nothing survives a job.

Machines differ in what they allow without root. It is tried once; what cannot be had is said in each log.
"""

import asyncio
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from perdure.emulator.execution.pacing import turn
from perdure.emulator.execution.process_tree import processes_with
from perdure.emulator.execution.visible_files import view_words

_HOLD = Path(__file__).with_name("hold.sh")
_STEP = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "env", "-C")


@dataclass(frozen=True, kw_only=True)
class Isolation:
    """What this machine allows: to separate the network, and to separate files and processes."""

    network: bool
    files: bool


@functools.cache
def available_isolation() -> Isolation:
    """Try once what this machine allows."""
    tools = all(map(shutil.which, ("unshare", "nsenter", "sh")))
    if not (tools and sys.platform == "linux"):
        return Isolation(network=False, files=False)
    network = _succeeds(_holder_arguments(network=False, files=False), [])
    more_tools = all(map(shutil.which, ("mount", "setpriv", "env")))
    return Isolation(
        network=network,
        files=network
        and more_tools
        and _succeeds(_holder_arguments(network=True, files=True), view_words((), network=True)),
    )


def _succeeds(arguments: Sequence[str], words: Sequence[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tmp").mkdir()
        try:
            done = subprocess.run(
                [*arguments, folder, *words],
                input=b"",
                capture_output=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return bool(done.stdout.strip())


def _holder_arguments(*, network: bool, files: bool) -> list[str]:
    flags = ["--user", "--map-root-user", *([] if network else ["--net"])]
    flags += ["--mount", "--pid", "--fork", "--kill-child"] if files else []
    return ["unshare", *flags, "sh", str(_HOLD)]


class Sandbox:
    """Where the steps of one job run."""

    def __init__(self, folder: Path, *, network: bool, hidden: Sequence[Path], marker: str) -> None:
        """Describe it.

        Args:
            folder: The only folder that steps may write; a folder ``tmp`` in it becomes their ``/tmp``.
            network: Whether steps may reach the network.
            hidden: Folders that are covered.
            marker: ``NAME=value`` that every step's environment carries, to find what a step left behind.
        """
        self._folder = folder
        self._network = network
        self._hidden = hidden
        self._marker = marker
        self._holder: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self.isolation = available_isolation()

    def remarks(self) -> list[str]:
        """Say what this machine does not allow, for the log."""
        remarks = []
        if not self._network and not self.isolation.network:
            remarks.append(
                "Steps can reach the network: `unshare --user --net` is not allowed on this machine"
            )
        if not self.isolation.files:
            remarks.append(
                "Steps can see and write what this user can: "
                "`unshare --user --mount --pid` is not allowed on this machine"
            )
        return remarks

    @property
    def wraps(self) -> bool:
        """Whether a step's program runs as the child of the one that puts it inside."""
        return self._holder is not None and self.isolation.files

    async def command(self, arguments: Sequence[str], cwd: Path) -> tuple[list[str], Path | None]:
        """Turn a program's arguments into those that run it inside, with the folder to start them in."""
        if self._holder is None and (self.isolation.files or (self.isolation.network and not self._network)):
            async with turn():
                self._open()
            await self._until_open()
        if self._holder is None:
            return list(arguments), cwd
        enter = ["nsenter", "--target", str(self._pid), "--user", "--preserve-credentials"]
        enter += [] if self._network else ["--net"]
        if not self.isolation.files:
            return [*enter, "--", *arguments], cwd
        # The folder has to be looked up inside, where it is writable: hence `env -C`, and no cwd.
        return [*enter, "--mount", "--pid", "--", *_STEP, str(cwd), *arguments], None

    def _open(self) -> None:
        files = self.isolation.files
        words = view_words(self._hidden, network=self._network) if files else []
        self._holder = subprocess.Popen(
            [*_holder_arguments(network=self._network, files=files), str(self._folder), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": os.defpath + ":/usr/sbin:/sbin"},
        )

    async def _until_open(self) -> None:
        answer = await _first_line(self._holder.stdout) if self._holder and self._holder.stdout else b""
        if not answer.strip().isdigit():
            self.close()
            raise OSError("the namespaces for this job could not be made")
        self._pid = int(answer)

    def close(self) -> None:
        """Kill whatever the job's steps left behind, and let go of the namespaces."""
        if self._holder is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._holder.pid, signal.SIGKILL)
            self._holder.wait()
            for pipe in (self._holder.stdin, self._holder.stdout):
                if pipe is not None:
                    pipe.close()
        if not self.wraps:
            for pid in processes_with(self._marker.encode()):
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
        self._holder = None


async def _first_line(pipe: IO[bytes]) -> bytes:
    descriptor = pipe.fileno()
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await asyncio.wait_for(readable.wait(), 30)
        return os.read(descriptor, 100)
    except TimeoutError:
        return b""
    finally:
        loop.remove_reader(descriptor)
