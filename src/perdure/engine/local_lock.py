"""One server for each database file.

Two local servers on one file start without a word and then lose each other's writes. So the file has a
lock, which the server process inherits: it is held for as long as the supervisor or the server lives,
whichever of them is killed first. What is written in it only says whom to look for.
"""

import asyncio
import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

from perdure.errors import LocalEngineError

_PATIENCE_SECONDS = 5.0


class DatabaseLock:
    """The lock on one database file, which lies beside it with the ending ``.lock``."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = database.with_name(database.name + ".lock")
        self._file: TextIO | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds it."""
        return self._file is not None

    @property
    def descriptor(self) -> int:
        """The open file that a server is to inherit."""
        if self._file is None:
            msg = "the lock is not held"
            raise RuntimeError(msg)
        return self._file.fileno()

    async def acquire(self) -> None:
        """Take the lock.

        Where the supervisor that held it is gone, its server is about to end: it is given a few seconds.

        Raises:
            LocalEngineError: Another process holds it. The message names the process.
        """
        file = self._path.open("a+")
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not _try_lock(file):
            holders = _pids_in(file)
            alive = [pid for pid in holders if _is_alive(pid)]
            supervisor_lives = bool(holders) and holders[0] in alive
            if supervisor_lives or time.monotonic() > give_up_at:
                file.close()
                raise self._refusal(alive)
            await asyncio.sleep(0.1)
        self._file = file
        self._write([os.getpid()])

    def name_server(self, pid: int) -> None:
        """Say which process is the server, for people who find the file locked."""
        self._write([os.getpid(), pid])

    def release(self) -> None:
        """Let go of it. A server that still runs keeps it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, pids: list[int]) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write("".join(f"{pid}\n" for pid in pids))
            self._file.flush()

    def _refusal(self, alive: list[int]) -> LocalEngineError:
        who = f"process {alive[0]}" if alive else "another process"
        what_to_stop = f"stop it first (kill {alive[0]})" if alive else "stop it first"
        return LocalEngineError(
            f"{who} already runs a Temporal server on {self._database}",
            hint=f"{what_to_stop}, or choose another folder with --folder",
        )


def _try_lock(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _pids_in(file: TextIO) -> list[int]:
    file.seek(0)
    with contextlib.suppress(ValueError):
        return [int(line) for line in file.read().split()]
    return []


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
