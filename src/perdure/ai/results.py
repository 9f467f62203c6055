"""Answers that were paid for: kept until the disk is gone, so that nothing is paid for twice.

One file for each, named by a digest of everything that the answer depends on, and written before anybody is
told of it. Whoever wants an answer that another process is waiting for waits for that process.
"""

import asyncio
import fcntl
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_LOOKS_PER_SECOND = 10


class ResultCache:
    """A folder of answers, which all workers of a machine share."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when something is kept for the first time."""
        self._folder = folder

    def get(self, key: str) -> bytes | None:
        """Return an answer, if it is there."""
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, content: bytes) -> None:
        """Keep an answer. When this returns, it survives the loss of the machine's power."""
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as beside:
            beside.write(content)
            beside.flush()
            os.fsync(beside.fileno())
        Path(beside.name).replace(target)

    @asynccontextmanager
    async def alone(self, key: str) -> AsyncIterator[None]:
        """Let one at a time look for an answer, of all processes. A process that is killed lets go of it."""
        file = self._path(key).with_suffix(".lock")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab") as lock:
            while not _taken(lock.fileno()):  # noqa: ASYNC110 - no event crosses processes
                await asyncio.sleep(1 / _LOOKS_PER_SECOND)
            try:
                yield
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / name[:2] / name


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
