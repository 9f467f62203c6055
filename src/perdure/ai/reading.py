"""Reads files that strangers wrote: parsed in a process of its own, which may crash or hang.

What crashed it is cut by lines by the next one, and everything else goes on.
"""

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from perdure.ai.chunking import CutFile
from perdure.ai.syntax import Symbol
from perdure.model.indexing import Chunk

_SECONDS_FOR_A_FILE = 60
_LONGEST_ANSWER = 100_000_000
_PASSED_ON = ("PATH", "HOME", "PYTHONPATH", "XDG_CACHE_HOME", "SEMBLE_GRAMMARS_CACHE_DIR", "TMPDIR")

_log = logging.getLogger(__name__)


@asynccontextmanager
async def reading(folder: Path) -> AsyncIterator["FileReader"]:
    """Open a reader of the files below a folder."""
    reader = FileReader(folder)
    try:
        yield reader
    finally:
        await reader.close()


async def cut_files(folder: Path, paths: Iterable[str]) -> AsyncIterator[tuple[str, CutFile]]:
    """Cut files up, one after the other."""
    async with reading(folder) as reader:
        for path in paths:
            yield path, await reader.cut(path)


def process_command(folder: str) -> tuple[str, ...]:
    """Return how to start a process that parses files of this folder, or what it is sent."""
    return (sys.executable, "-m", "perdure.ai.reading_process", folder)


def process_environment() -> dict[str, str]:
    """Return its environment. Nothing secret is passed on: what it parses may take it over."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


class FileReader:
    """Asks a process for what is in files, and starts another one where that is gone."""

    def __init__(self, folder: Path) -> None:
        """Read below ``folder``."""
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.crashes = 0

    @property
    def pid(self) -> int | None:
        """The process's number, while there is one."""
        return self._process.pid if self._process else None

    async def cut(self, path: str) -> CutFile:
        """Cut one file up, by lines where its syntax is too much for the parser."""
        for by_syntax in (True, False):
            try:
                async with asyncio.timeout(_SECONDS_FOR_A_FILE):
                    return _cut_file(await self._ask({"path": path, "by_syntax": by_syntax}))
            except (OSError, ValueError, TimeoutError) as error:
                self.crashes += 1
                _log.warning("%s could not be parsed: %s", path, error or type(error).__name__)
                await self.close()
        return CutFile(skipped="cannot be parsed")

    async def symbols(self, path: str) -> tuple[Symbol, ...]:
        """Return every definition of a file, outer ones before what is inside of them."""
        return (await self.cut(path)).symbols

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _ask(self, question: dict[str, object]) -> dict[str, Any]:
        if self._process is None:
            self._process = await self._start()
        asks, answers = self._process.stdin, self._process.stdout
        if asks is None or answers is None:
            raise OSError("the process has no pipes")
        asks.write(json.dumps(question).encode() + b"\n")
        await asks.drain()
        line = await answers.readline()
        if not line:
            raise OSError(f"the process ended with status {await self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *process_command(str(self._folder)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_ANSWER,
            env=process_environment(),
        )


def _cut_file(answer: dict[str, Any]) -> CutFile:
    return CutFile(
        chunks=tuple(Chunk.model_validate(chunk) for chunk in answer.get("chunks", ())),
        symbols=tuple(Symbol(**symbol) for symbol in answer.get("symbols", ())),
        skipped=answer.get("skipped", ""),
    )
