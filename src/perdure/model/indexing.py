"""What fetching, cutting up and indexing code hand to each other.

The steps are activities: ``fetch_change`` and ``chunk_tree`` of
:class:`perdure.activities.fetching.FetchActivities` on the queue ``perdure-review``, for they read what
strangers wrote; ``embed_chunks`` and ``settle_index`` of
:class:`perdure.activities.indexing.IndexActivities` on ``perdure-embed``.
"""

import hashlib
from datetime import timedelta

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.pull_requests import PullRequestFacts
from perdure.model.review import ReviewTarget

LOST_WORKER_TIMEOUT = timedelta(minutes=2)
SHARD_SIZE = 500
"""Chunks that one embedding job takes."""


class FetchInput(Model):
    """Input of ``fetch_change``.

    Attributes:
        pull_request: What GitHub said of the target's pull request: exactly its head commit is fetched, even
            where somebody has pushed since.
    """

    target: ReviewTarget
    pull_request: PullRequestFacts | None = None


class FetchedChange(Model):
    """Output of ``fetch_change``.

    Attributes:
        change: The :class:`~perdure.model.review.Change`, in the content store.
        head_sha: The commit; the digest of the files for a folder.
        base_sha: The merge base; empty where everything is reviewed.
        tree: What the cache of repositories calls the files.
        files: How many files the change has.
        added_lines: How many lines findings may be about.
        diff_size: In bytes.
    """

    change: StoredObject
    head_sha: str
    base_sha: str = ""
    tree: str
    files: int = 0
    added_lines: int = 0
    diff_size: int = 0


class Chunk(Model):
    """A piece of a file: a function, part of a long one, or several short ones.

    Attributes:
        chunk_id: Digest of language, symbol and text: the same wherever the piece moves to.
        language: tree-sitter's name of it; empty where it has none.
        symbol: The function or class that it is, or is in; empty at the top of a file.
        start_line: From 1.
        end_line: Included.
    """

    chunk_id: str
    path: str
    language: str = ""
    symbol: str = ""
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    text: str


class ChunkShard(Model):
    """Chunks that one embedding job takes. It is kept in the content store."""

    chunks: tuple[Chunk, ...] = ()


class ChunkTreeInput(Model):
    """Input of ``chunk_tree``."""

    tree: str
    shard_size: int = Field(default=SHARD_SIZE, ge=1, le=10_000)


class ChunkedTree(Model):
    """Output of ``chunk_tree``.

    Attributes:
        shards: The :class:`ChunkShard` objects, in the content store. No chunk is in two of them.
        chunks: How many pieces the tree has.
        files: How many files they come from.
        skipped: How many files have none: binary, empty or too large.
    """

    tree: str
    shards: tuple[StoredObject, ...] = ()
    chunks: int = 0
    files: int = 0
    skipped: int = 0


class EmbedChunksInput(Model):
    """Input of ``embed_chunks``.

    Attributes:
        repository: Whose index the chunks belong to: see :func:`index_name`.
    """

    repository: str
    shard: StoredObject


class EmbeddedChunks(Model):
    """Output of ``embed_chunks``.

    Attributes:
        batch_id: What the index calls the job: see :func:`batch_id`.
        chunks: How many there were.
        computed: How many of them were embedded now; the index had the others already.
        model: The embedder's.
    """

    batch_id: str
    chunks: int = 0
    computed: int = 0
    model: str = ""


class SettleIndexInput(Model):
    """Input of ``settle_index``."""

    repository: str


class SettledIndex(Model):
    """Output of ``settle_index``.

    Attributes:
        rows: Chunks of all repositories in the index.
    """

    rows: int = 0


class IndexOptions(Model):
    """How a tree is made searchable.

    Attributes:
        max_parallel: Embedding jobs at the same time.
        shard_size: Chunks that one of them takes.
        lost_worker_timeout: How soon a worker that was killed in the middle of one is noticed.
        by_batch: Whether a batch service outside computes, as ``[index] batch_command`` says.
    """

    max_parallel: int = Field(default=4, ge=1, le=200)
    shard_size: int = Field(default=SHARD_SIZE, ge=1, le=10_000)
    lost_worker_timeout: timedelta = LOST_WORKER_TIMEOUT
    by_batch: bool = False


class IndexInput(IndexOptions):
    """Input of ``IndexRepositoryWorkflow``."""

    target: ReviewTarget


class IndexedTree(Model):
    """What :func:`perdure.workflows.indexing.index_tree` came to.

    Attributes:
        computed: Chunks that were embedded now; the others the index had from before.
        model: The embedder's; empty where there was nothing to embed.
    """

    tree: str
    files: int = 0
    skipped: int = 0
    chunks: int = 0
    computed: int = 0
    model: str = ""


class IndexResult(Model):
    """Output of ``IndexRepositoryWorkflow``.

    Attributes:
        tree: What a search is limited to.
        computed: Chunks that were embedded now; the others the index had from before.
        model: The embedder's; empty where there was nothing to embed.
    """

    tree: str
    head_sha: str
    files: int = 0
    skipped: int = 0
    chunks: int = 0
    computed: int = 0
    model: str = ""


class IndexProgress(Model):
    """What the query ``progress`` of ``IndexRepositoryWorkflow`` answers.

    Attributes:
        waiting_for: Why nothing goes on, such as an embedder that is out of reach.
    """

    stage: str = "fetching"
    chunks: int = 0
    done: int = 0
    computed: int = 0
    waiting_for: str = ""


def batch_id(workflow_id: str, activity_id: str, *content: str) -> str:
    """Return what identifies one embedding job.

    Workflow and activity alone repeat after continue-as-new, and would pass an old job off as done.

    Args:
        workflow_id: The workflow's.
        activity_id: Of the activity in it.
        content: All that its outcome depends on: digests and names.
    """
    text = "\0".join((workflow_id, activity_id, *content))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def index_name(tree: str) -> str:
    """Return whose index a tree's chunks belong to: its repository's."""
    return tree.partition("@")[0]
