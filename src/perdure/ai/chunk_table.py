"""The table of one embedder's chunks and vectors, in LanceDB: a folder that many processes share.

A chunk's row is keyed by repository and content, so that writing it again changes nothing. Two processes that
insert the same new key at the same moment would both succeed; the field metadata that declares the key
primary makes LanceDB notice.
"""

import asyncio
import hashlib
import random
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import FTS, BTree
from lancedb.query import AsyncQueryBase
from lancedb.table import AsyncTable

from perdure.ai.embedding import Vectors
from perdure.ai.words import distinct, words_of
from perdure.errors import ModelAnswerError, PerdureError
from perdure.model.indexing import Chunk

PRIMARY_KEY: Final = {"lance-schema:unenforced-primary-key": "true"}
_MOST_WORDS = 64
_ASKED_AT_ONCE = 1_000
_ATTEMPTS = 30
_KEPT_VERSIONS = timedelta(hours=1)
_WORDS_INDEX = FTS(
    base_tokenizer="whitespace",
    stem=False,
    remove_stop_words=False,
    ascii_folding=False,
    with_position=False,
    max_token_length=None,
)


async def open_table(folder: Path, model: str, *, dimension: int | None = None) -> "ChunkTable | None":
    """Open a model's table.

    Args:
        folder: Of all tables.
        model: The embedder's.
        dimension: How many numbers its vectors have: the table is made where it is not there.

    Returns:
        The table, or ``None`` where it is not there.
    """
    name = table_name(model)
    is_there = await asyncio.to_thread((folder / f"{name}.lance").is_dir)
    if dimension is None and not is_there:
        return None
    database = await lancedb.connect_async(str(folder))
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if is_there or dimension is None:
                table = await database.open_table(name)
            else:
                table = await database.create_table(name, schema=_schema(dimension), exist_ok=True)
            # Whoever made the table may have been killed before it had this.
            if not any("terms" in index.columns for index in await table.list_indices()):
                await table.create_index("terms", config=_WORDS_INDEX, replace=False)
        except (OSError, RuntimeError, ValueError) as error:
            # Another process is just making it.
            if attempt == _ATTEMPTS:
                raise PerdureError(f"the index {folder} cannot be opened: {error}") from error
            await asyncio.sleep(0.1)
            is_there = True
        else:
            return ChunkTable(table, model)
    return None


def table_name(model: str) -> str:
    """Return the name of a model's table: readable, and another one for every other model."""
    readable = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")[:40]
    return f"chunks-{readable}-{hashlib.sha256(model.encode()).hexdigest()[:8]}"


class ChunkTable:
    """One table, as it is now: other processes write too."""

    def __init__(self, table: AsyncTable, model: str) -> None:
        """Use an open table."""
        self._table = table
        self._model = model

    async def refresh(self) -> None:
        """See what others have written."""
        await self._table.checkout_latest()  # type: ignore[no-untyped-call]

    async def present(self, repository: str, ids: Sequence[str]) -> set[str]:
        """Return which of these chunks are there for the repository."""
        keys = {row_key(repository, chunk): chunk for chunk in ids}
        found = await self._select("key", list(keys), ["key"])
        return {keys[key] for part in found for key in part.column("key").to_pylist()}

    async def vectors(self, ids: Sequence[str]) -> dict[str, Vectors]:
        """Return the vectors of those chunks that are there for any repository."""
        found: dict[str, Vectors] = {}
        for part in await self._select("chunk_id", ids, ["chunk_id", "vector"]):
            rows = _matrix(part.column("vector"))
            found.update(zip(part.column("chunk_id").to_pylist(), rows, strict=True))
        return found

    async def chunks(self, repository: str, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return language, symbol and text of chunks by their ids."""
        keys = [row_key(repository, chunk) for chunk in ids]
        columns = ["chunk_id", "language", "symbol", "text"]
        found = await self._select("key", keys, columns)
        return {row["chunk_id"]: row for part in found for row in part.to_pylist()}

    async def upsert(self, repository: str, chunks: Sequence[Chunk], vectors: Vectors) -> None:
        """Write chunks with their vectors. Writing the same again changes nothing.

        Raises:
            ModelAnswerError: The vectors are not of the size that the model's had before.
            PerdureError: The folder cannot be written.
        """
        schema = await self._table.schema()
        known = schema.field("vector").type.list_size
        if known != vectors.shape[1]:
            raise ModelAnswerError(
                f"the index has vectors of {known} numbers for {self._model}, these have {vectors.shape[1]}",
                model=self._model,
                hint="give the other model another name in [index] embedder_model",
            )
        rows = _rows(repository, chunks, vectors, schema)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._table.merge_insert("key").when_not_matched_insert_all().execute(rows)
            except (OSError, RuntimeError, ValueError) as error:
                if attempt == _ATTEMPTS or "conflict" not in str(error).lower():
                    raise PerdureError(f"the index cannot be written: {error}") from error
                await asyncio.sleep(random.uniform(0, 0.1 * attempt))  # noqa: S311
                await self.refresh()
            else:
                return

    async def by_words(self, repository: str, text: str, limit: int) -> list[str]:
        """Return the chunks of a repository that have a text's words, best first."""
        words = distinct(words_of(text), _MOST_WORDS)
        if not words:
            return []
        asked = self._table.query().nearest_to_text(" ".join(words), columns="terms")
        return await _ids(asked.where(_of(repository)).limit(limit), "_score")

    async def by_vector(self, repository: str, vector: Vectors, limit: int) -> list[str]:
        """Return the chunks of a repository whose vectors are nearest, nearest first.

        All of them are compared, and no index over vectors is made: it takes minutes to train, and a search
        looks at one repository alone.
        """
        asked = self._table.query().nearest_to(vector.reshape(-1)).distance_type("cosine")
        return await _ids(asked.where(_of(repository)).limit(limit), "_distance")

    async def settle(self) -> int:
        """Compact it, bring its indexes up to date, and return how many rows it has."""
        rows = int(await self._table.count_rows())
        indexed = {column for index in await self._table.list_indices() for column in index.columns}
        try:
            for column in {"key", "chunk_id", "repository"} - indexed:
                await self._table.create_index(column, config=BTree())
            await self._table.optimize(cleanup_older_than=_KEPT_VERSIONS)
        except (OSError, RuntimeError) as error:
            # Somebody else writes: the next one to settle does it.
            if "conflict" not in str(error).lower():
                raise PerdureError(f"the index cannot be compacted: {error}") from error
        return rows

    async def _select(self, column: str, values: Sequence[str], columns: list[str]) -> list[pa.Table]:
        found = []
        for first in range(0, len(values), _ASKED_AT_ONCE):
            listed = ", ".join(_quoted(value) for value in values[first : first + _ASKED_AT_ONCE])
            asked = self._table.query().where(f"{column} IN ({listed})").select(columns)
            found.append(await asked.to_arrow())
        return found


def row_key(repository: str, chunk: str) -> str:
    """Return the key of a chunk's row."""
    return hashlib.sha256(f"{repository.lower()}\0{chunk}".encode()).hexdigest()[:32]


def _schema(dimension: int) -> pa.Schema:
    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False, metadata=PRIMARY_KEY),
            pa.field("repository", pa.string(), nullable=False),
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("language", pa.string(), nullable=False),
            pa.field("symbol", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("terms", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def _rows(repository: str, chunks: Sequence[Chunk], vectors: Vectors, schema: pa.Schema) -> pa.Table:
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    return pa.table(
        {
            "key": [row_key(repository, chunk.chunk_id) for chunk in chunks],
            "repository": [repository.lower()] * len(chunks),
            "chunk_id": [chunk.chunk_id for chunk in chunks],
            "language": [chunk.language for chunk in chunks],
            "symbol": [chunk.symbol for chunk in chunks],
            "text": [chunk.text for chunk in chunks],
            "terms": [" ".join(words_of(f"{chunk.symbol} {chunk.text}")) for chunk in chunks],
            "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
        },
        schema=schema,
    )


def _matrix(column: pa.ChunkedArray) -> Vectors:
    joined = column.combine_chunks()
    values = np.asarray(joined.flatten(), dtype=np.float32)
    return values.reshape(len(joined), joined.type.list_size)


async def _ids(asked: AsyncQueryBase, score: str) -> list[str]:
    # LanceDB adds the score unasked, and warns of it on stderr.
    found = await asked.select(["chunk_id", score]).to_arrow()
    ids: list[str] = found.column("chunk_id").to_pylist()
    return ids


def _of(repository: str) -> str:
    return f"repository = {_quoted(repository.lower())}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
