"""Fetching code and cutting it up: on the queue ``perdure-review``, for strangers wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.store import ContentStore
from perdure.ai.changes import EMPTY_TREE, Diff, read_diff, whole_tree
from perdure.ai.folders import take_snapshot
from perdure.ai.reading import cut_files
from perdure.ai.repositories import RepositoryCache, explained
from perdure.errors import InvalidInputError
from perdure.model.actions import StoredObject
from perdure.model.indexing import (
    Chunk,
    ChunkedTree,
    ChunkShard,
    ChunkTreeInput,
    FetchedChange,
    FetchInput,
)
from perdure.model.pull_requests import PullRequestFacts
from perdure.model.review import Change, ReviewTarget

if TYPE_CHECKING:
    # LanceDB comes with the extra alone, and workflows import this module.
    from perdure.ai.index import ChunkIndex


class FetchActivities:
    """Reads code that strangers wrote. Holds no token that may write."""

    def __init__(self, repositories: RepositoryCache, store: ContentStore, index: ChunkIndex) -> None:
        self._repositories = repositories
        self._store = store
        self._index = index

    @activity.defn
    async def fetch_change(self, input: FetchInput) -> FetchedChange:
        """Fetch what is to be looked at, and find out what was changed in it. Safe to repeat.

        A repository, pull request or revision that does not exist is permanent.
        """
        async with heartbeats():
            with as_application_errors(), explained(str(input.target)):
                if input.target.folder:
                    return self._kept(*await self._folder(input.target))
                if input.pull_request is not None:
                    return self._kept(*await self._pull_request(input.target, input.pull_request))
                if input.target.pull_number is not None:
                    raise InvalidInputError(
                        f"{input.target}: what GitHub says of the pull request is missing"
                    )
                return self._kept(*await self._whole(input.target))

    @activity.defn
    async def chunk_tree(self, input: ChunkTreeInput) -> ChunkedTree:
        """Cut a tree's files up, and tell the index what the tree holds. Safe to repeat."""
        async with heartbeats():
            with as_application_errors():
                folder = await self._repositories.tree(input.tree)
                listed = await self._repositories.listing(input.tree)
                sharding = _Sharding(self._store, input.shard_size)
                paths = [file.path for file in listed if not file.unreadable and not file.is_binary]
                async for _, cut in cut_files(folder, paths):
                    sharding.add(cut.chunks)
                sharding.flush()
                await self._index.record_tree(input.tree, sharding.places)
        return ChunkedTree(
            tree=input.tree,
            shards=tuple(sharding.shards),
            chunks=len(sharding.known),
            files=sharding.files,
            skipped=len(listed) - sharding.files,
        )

    async def _pull_request(
        self, target: ReviewTarget, facts: PullRequestFacts
    ) -> tuple[Change, Diff | None]:
        base = await self._repositories.merge_base(facts.repository, facts.base_sha, facts.head_sha)
        git = await self._repositories.fetch(facts.repository, facts.head_sha)
        tree = f"{facts.repository}@{facts.head_sha}"
        listed = await self._repositories.listing(tree)
        diff = await read_diff(git, base or EMPTY_TREE, facts.head_sha, listed)
        change = Change(
            target=target,
            head_sha=facts.head_sha,
            base_sha=base or "",
            tree=tree,
            files=diff.files,
            title=facts.title,
            head_ref=facts.head_ref,
            head_repository=facts.head_repository,
            author=facts.author,
            author_id=facts.author_id,
        )
        return change, diff

    async def _whole(self, target: ReviewTarget) -> tuple[Change, Diff | None]:
        sha = await self._repositories.resolve(target.repository, target.ref)
        tree = f"{target.repository}@{sha}"
        listed = await self._repositories.listing(tree)
        return Change(target=target, head_sha=sha, tree=tree, files=whole_tree(listed)), None

    async def _folder(self, target: ReviewTarget) -> tuple[Change, Diff | None]:
        taken = await take_snapshot(self._repositories, target.folder, target.base)
        listed = await self._repositories.listing(taken.tree)
        diff = None
        if taken.base:
            diff = await read_diff(taken.git, taken.base, taken.sha, listed, environment=taken.environment)
        change = Change(
            target=target,
            head_sha=taken.sha,
            base_sha=taken.base,
            tree=taken.tree,
            files=diff.files if diff else whole_tree(listed),
        )
        return change, diff

    def _kept(self, change: Change, diff: Diff | None) -> FetchedChange:
        if diff is not None:
            change = change.model_copy(update={"diff": self._store.put(diff.text)})
        return FetchedChange(
            change=self._store.put(change.model_dump_json().encode()),
            head_sha=change.head_sha,
            base_sha=change.base_sha,
            tree=change.tree,
            files=len(change.files),
            added_lines=sum(part.end - part.start + 1 for file in change.files for part in file.added),
            diff_size=len(diff.text) if diff else 0,
        )


class _Sharding:
    """Puts different chunks into shards while they come, so that a large repository need not be in memory."""

    def __init__(self, store: ContentStore, size: int) -> None:
        self._store = store
        self._size = size
        self._open: list[Chunk] = []
        self.shards: list[StoredObject] = []
        self.places: list[Chunk] = []
        self.known: set[str] = set()
        self.files = 0

    def add(self, chunks: Sequence[Chunk]) -> None:
        self.files += bool(chunks)
        for chunk in chunks:
            self.places.append(chunk.model_copy(update={"text": ""}))
            if chunk.chunk_id not in self.known:
                self.known.add(chunk.chunk_id)
                self._open.append(chunk)
            if len(self._open) >= self._size:
                self.flush()

    def flush(self) -> None:
        if self._open:
            self.shards.append(
                self._store.put(ChunkShard(chunks=tuple(self._open)).model_dump_json().encode())
            )
            self._open = []
