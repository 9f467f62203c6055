"""The index of code: what every embedder made of it, what each tree holds, and which jobs are done.

Vectors of one model mean nothing to another, so each has a table of its own.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from perdure.ai.chunk_table import ChunkTable, open_table, table_name
from perdure.ai.embedding import Vectors
from perdure.ai.tree_records import Places, TreeRecords
from perdure.model.indexing import Chunk, EmbeddedChunks, index_name

_RANK_OFFSET = 60
"""Of reciprocal rank fusion: https://plg.uwaterloo.ca/~gvcormac/cormacksigir09-rrf.pdf"""


class ChunkIndex:
    """A folder that all workers share."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``, which is made when something is written."""
        self._folder = folder.absolute()
        self._records = TreeRecords(self._folder / "trees")
        self._tables: dict[str, ChunkTable] = {}
        self._opening = asyncio.Lock()

    async def existing_ids(self, model: str, repository: str, ids: Sequence[str]) -> set[str]:
        """Return which of these chunks the repository's index has."""
        table = await self._table(model)
        return await table.present(repository, ids) if table else set()

    async def copy_from_others(self, model: str, repository: str, chunks: Sequence[Chunk]) -> set[str]:
        """Take over vectors that other repositories have for the same content; return of which chunks."""
        table = await self._table(model)
        found = await table.vectors([chunk.chunk_id for chunk in chunks]) if table else {}
        if table is None or not found:
            return set()
        taken = [chunk for chunk in chunks if chunk.chunk_id in found]
        await table.upsert(repository, taken, np.stack([found[chunk.chunk_id] for chunk in taken]))
        return set(found)

    async def upsert(self, model: str, repository: str, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Write chunks with their vectors. Writing the same again changes nothing.

        Raises:
            ModelAnswerError: The vectors are not of the size that the model's had before.
            PerdureError: The folder cannot be written.
        """
        table = await self._table(model, dimension=vectors.shape[1])
        if table is not None:
            await table.upsert(repository, chunks, vectors)

    async def record_tree(self, tree: str, chunks: Iterable[Chunk]) -> None:
        """Take note of which chunks a tree holds, and where."""
        await self._records.write(tree, chunks)

    async def search(
        self, model: str, tree: str, text: str, vector: Vectors | None = None, *, limit: int = 10
    ) -> list[Chunk]:
        """Return the chunks of a tree that fit a text best, best first.

        Args:
            model: The embedder's.
            tree: As it was recorded.
            text: What to look for: its words.
            vector: Of the text; only words are compared where there is none.
            limit: How many to return at most.
        """
        table, places = await self._table(model), await self._records.read(tree)
        if table is None or not places:
            return []
        repository, wanted = index_name(tree), max(50, 4 * limit)
        while True:
            rankings = [await table.by_words(repository, text, wanted)]
            if vector is not None:
                rankings.append(await table.by_vector(repository, vector, wanted))
            ranked = fuse([[key for key in ranking if key in places] for ranking in rankings])[:limit]
            # Chunks of other commits may have taken the places.
            if len(ranked) >= limit or all(len(ranking) < wanted for ranking in rankings):
                return _placed(ranked, await table.chunks(repository, ranked), places)
            wanted *= 8

    async def settle(self, model: str) -> int:
        """Compact a model's table, bring its indexes up to date, and return how many rows it has."""
        table = await self._table(model)
        return await table.settle() if table else 0

    async def finished_batch(self, batch: str) -> EmbeddedChunks | None:
        """Return what a job came to, if it is done."""
        return await asyncio.to_thread(_read_batch, self._batch_file(batch))

    async def finish_batch(self, result: EmbeddedChunks) -> None:
        """Take note that a job is done: the last thing that it does."""
        await asyncio.to_thread(_write_batch, self._batch_file(result.batch_id), result)

    async def _table(self, model: str, *, dimension: int | None = None) -> ChunkTable | None:
        name = table_name(model)
        async with self._opening:
            table = self._tables.get(name) or await open_table(self._folder, model, dimension=dimension)
            if table is not None:
                self._tables[name] = table
        if table is not None:
            await table.refresh()
        return table

    def _batch_file(self, batch: str) -> Path:
        return self._folder / "batches" / batch[:2] / f"{batch}.json"


def fuse(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Join rankings into one: what is high in several is higher than what is high in one."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, start=1):
            scores[key] = scores.get(key, 0.0) + 1.0 / (_RANK_OFFSET + rank)
    return sorted(scores, key=lambda key: (-scores[key], key))


def _placed(ids: Sequence[str], rows: dict[str, dict[str, str]], places: Places) -> list[Chunk]:
    found = []
    for chunk in ids:
        if chunk in rows:
            first = places[chunk][0]
            found.append(
                Chunk.model_validate(
                    {
                        **rows[chunk],
                        "path": first.path,
                        "start_line": first.start_line,
                        "end_line": first.end_line,
                    }
                )
            )
    return found


def _read_batch(file: Path) -> EmbeddedChunks | None:
    try:
        return EmbeddedChunks.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _write_batch(file: Path, result: EmbeddedChunks) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}-{random.getrandbits(64):x}")
    beside.write_text(result.model_dump_json(), encoding="utf-8")
    beside.replace(file)
