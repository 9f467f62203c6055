"""Which chunks a tree holds, and where: one small file for each tree beside the index.

Chunks are kept once for a repository, however many commits hold them. So a search finds those of all commits,
and these files tell which of them belong to the one that was asked about.
"""

import asyncio
import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather

from perdure.errors import InvalidRepositoryError
from perdure.model.indexing import Chunk

_KEPT_IN_MEMORY = 8
_NAME = re.compile(r"(?P<repository>[A-Za-z0-9][\w.-]*(/[\w.-]+)?)@(?P<sha>[0-9a-f]{40})")


@dataclass(frozen=True)
class Place:
    """Where a chunk lies in a tree."""

    path: str
    start_line: int
    end_line: int


Places = Mapping[str, list[Place]]
"""Every place of each chunk, by the chunk's id."""


class TreeRecords:
    """A folder of such files."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is made when a tree is recorded."""
        self._folder = folder
        self._read: OrderedDict[str, Places] = OrderedDict()

    async def write(self, tree: str, chunks: Iterable[Chunk]) -> None:
        """Record what a tree holds. The same tree holds the same at any time."""
        await asyncio.to_thread(self._write, self._file(tree), list(chunks))

    async def read(self, tree: str) -> Places:
        """Return what a tree holds; nothing where it was never recorded."""
        if tree not in self._read:
            self._read[tree] = await asyncio.to_thread(_read, self._file(tree))
            while len(self._read) > _KEPT_IN_MEMORY:
                self._read.popitem(last=False)
        self._read.move_to_end(tree)
        places = self._read[tree]
        if not places:
            # It may be recorded later.
            del self._read[tree]
        return places

    def _write(self, file: Path, chunks: list[Chunk]) -> None:
        table = pa.table(
            {
                "chunk_id": [chunk.chunk_id for chunk in chunks],
                "path": [chunk.path for chunk in chunks],
                "start_line": pa.array([chunk.start_line for chunk in chunks], pa.int32()),
                "end_line": pa.array([chunk.end_line for chunk in chunks], pa.int32()),
            }
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        beside = file.with_name(f".{file.name}-{os.getpid()}-{id(table)}")
        feather.write_feather(table, beside, compression="zstd")
        beside.replace(file)

    def _file(self, tree: str) -> Path:
        found = _NAME.fullmatch(tree)
        if found is None or ".." in tree:
            raise InvalidRepositoryError(f"{tree!r} names no tree")
        return self._folder / found["repository"].lower() / f"{found['sha']}.arrow"


def _read(file: Path) -> Places:
    if not file.is_file():
        return {}
    columns = feather.read_table(file).to_pydict()
    found: dict[str, list[Place]] = {}
    for chunk, path, start, end in zip(
        columns["chunk_id"], columns["path"], columns["start_line"], columns["end_line"], strict=True
    ):
        found.setdefault(chunk, []).append(Place(path, start, end))
    return found
