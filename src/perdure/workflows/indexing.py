"""Makes a repository, or a folder, searchable: fetch, cut up, embed."""

from collections.abc import Callable
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

from perdure.workflows import _index_calls as calls
from perdure.workflows.gathering import gather_bounded

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.activities.failures import original_error
    from perdure.errors import ModelUnavailableError
    from perdure.model.actions import StoredObject
    from perdure.model.indexing import (
        ChunkTreeInput,
        EmbedChunksInput,
        EmbeddedChunks,
        FetchInput,
        IndexedTree,
        IndexInput,
        IndexOptions,
        IndexProgress,
        IndexResult,
        SettleIndexInput,
        index_name,
    )
    from perdure.model.outside_jobs import TakeEmbeddingsInput, WaitForJobInput

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(minutes=10)


@workflow.defn
class IndexRepositoryWorkflow:
    """Makes everything of one commit, or of one folder, searchable; ends when it is.

    Message: the query ``progress``. Survives the loss of its workers in the middle of an embedding job:
    whoever takes over computes only what the index does not have. An embedder that is out of reach, or asks
    to be left alone, is waited for.
    """

    @workflow.init
    def __init__(self, input: IndexInput) -> None:
        """Start with nothing fetched."""
        self._progress = IndexProgress()

    @workflow.run
    async def run(self, input: IndexInput) -> IndexResult:
        """Fetch, cut up, embed."""
        fetched = await calls.fetch_change(FetchInput(target=input.target))
        indexed = await index_tree(fetched.tree, input, on_change=self._show)
        return IndexResult(
            tree=fetched.tree,
            head_sha=fetched.head_sha,
            files=indexed.files,
            skipped=indexed.skipped,
            chunks=indexed.chunks,
            computed=indexed.computed,
            model=indexed.model,
        )

    @workflow.query
    def progress(self) -> IndexProgress:
        """Tell how far it is."""
        return self._progress

    def _show(self, progress: IndexProgress) -> None:
        self._progress = progress
        waiting = f"; waiting: {progress.waiting_for}" if progress.waiting_for else ""
        workflow.set_current_details(
            f"**{progress.stage}**: {progress.done:,} of {progress.chunks:,} chunks,"
            f" {progress.computed:,} computed{waiting}"
        )


async def index_tree(
    tree: str,
    options: IndexOptions | None = None,
    *,
    on_change: Callable[[IndexProgress], None] | None = None,
) -> IndexedTree:
    """Make a fetched tree searchable, from any workflow. What the index has already costs nothing.

    Args:
        tree: As it was fetched.
        options: How; the defaults where they are left out.
        on_change: Is told whenever there is something to tell.
    """
    options = options or IndexOptions()
    account = _Account(on_change)
    account.tell(stage="chunking")
    chunked = await calls.chunk_tree(ChunkTreeInput(tree=tree, shard_size=options.shard_size))
    account.tell(stage="embedding", chunks=chunked.chunks)
    repository = index_name(tree)
    embedding = _Embedding(repository, options, account)
    jobs = await gather_bounded(
        (partial(embedding.run, shard) for shard in chunked.shards), limit=options.max_parallel
    )
    computed = sum(job.computed for job in jobs)
    if computed:
        account.tell(stage="settling")
        await calls.settle_index(SettleIndexInput(repository=repository))
    account.tell(stage="done")
    return IndexedTree(
        tree=tree,
        files=chunked.files,
        skipped=chunked.skipped,
        chunks=chunked.chunks,
        computed=computed,
        model=jobs[0].model if jobs else "",
    )


class _Embedding:
    """Runs embedding jobs, and waits where their embedder cannot work now."""

    def __init__(self, repository: str, options: IndexOptions, account: "_Account") -> None:
        self._repository = repository
        self._options = options
        self._account = account

    async def run(self, shard: StoredObject) -> EmbeddedChunks:
        job = EmbedChunksInput(repository=self._repository, shard=shard)
        result = await self._by_batch(job) if self._options.by_batch else None
        if result is None:
            result = await self._here(job)
        self._account.count(result)
        return result

    async def _by_batch(self, job: EmbedChunksInput) -> EmbeddedChunks | None:
        """Have somebody outside compute it; ``None`` where there is nothing to compute."""
        handed_over = await calls.hand_over_chunks(job)
        if not handed_over.job_id:
            return None
        finished = await calls.wait_for_job(WaitForJobInput(job_id=handed_over.job_id))
        return await calls.take_embeddings(TakeEmbeddingsInput(job=job, result=finished.result))

    async def _here(self, job: EmbedChunksInput) -> EmbeddedChunks:
        pause = _FIRST_PAUSE
        while True:
            try:
                return await calls.embed_chunks(job, lost_worker_timeout=self._options.lost_worker_timeout)
            except ActivityError as failure:
                error = original_error(failure)
                if not isinstance(error, ModelUnavailableError):
                    raise
                self._account.tell(waiting_for=str(error))
                await workflow.sleep(error.retry_after or pause, summary="the embedder cannot work now")
                pause = min(2 * pause, _LONGEST_PAUSE)


class _Account:
    """What can be told of the work so far."""

    def __init__(self, on_change: Callable[[IndexProgress], None] | None) -> None:
        self._on_change = on_change
        self._progress = IndexProgress()

    def tell(self, **changes: object) -> None:
        self._progress = self._progress.model_copy(update=changes)
        if self._on_change is not None:
            self._on_change(self._progress)

    def count(self, job: EmbeddedChunks) -> None:
        self.tell(
            done=self._progress.done + job.chunks,
            computed=self._progress.computed + job.computed,
            waiting_for="",
        )
