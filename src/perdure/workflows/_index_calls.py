"""The activities that fetch, cut up and embed code, as workflows see them: one typed function each."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from perdure.activities.batch_embedding import BatchActivities
    from perdure.activities.fetching import FetchActivities
    from perdure.activities.indexing import IndexActivities
    from perdure.model import queues
    from perdure.model.indexing import (
        ChunkedTree,
        ChunkTreeInput,
        EmbedChunksInput,
        EmbeddedChunks,
        FetchedChange,
        FetchInput,
        SettledIndex,
        SettleIndexInput,
    )
    from perdure.model.outside_jobs import FinishedJob, HandedOver, TakeEmbeddingsInput, WaitForJobInput

_READ_CODE = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=10), maximum_attempts=5
)
_EMBED = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(minutes=10),
    maximum_attempts=3,
    # An outage is waited for by the workflow, and burns no attempt.
    non_retryable_error_types=["ModelUnavailableError", "ModelRateLimitedError"],
)
_SETTLE = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_attempts=3)

_LOST_WORKER_TIMEOUT = timedelta(seconds=30)
"""How soon a worker that was killed while it fetches or cuts is noticed: it beats every few seconds."""


async def fetch_change(input: FetchInput) -> FetchedChange:
    """Fetch what is to be looked at, and find out what was changed in it."""
    return await workflow.execute_activity_method(
        FetchActivities.fetch_change,
        input,
        task_queue=_queue(queues.REVIEW),
        start_to_close_timeout=timedelta(minutes=30),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ_CODE,
        summary=str(input.target)[:200],
    )


async def chunk_tree(input: ChunkTreeInput) -> ChunkedTree:
    """Cut a tree's files up."""
    return await workflow.execute_activity_method(
        FetchActivities.chunk_tree,
        input,
        task_queue=_queue(queues.REVIEW),
        start_to_close_timeout=timedelta(hours=2),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ_CODE,
        summary=input.tree[:200],
    )


async def embed_chunks(input: EmbedChunksInput, *, lost_worker_timeout: timedelta) -> EmbeddedChunks:
    """Embed what the index does not have yet."""
    return await workflow.execute_activity_method(
        IndexActivities.embed_chunks,
        input,
        task_queue=_queue(queues.EMBED),
        start_to_close_timeout=timedelta(hours=6),
        heartbeat_timeout=lost_worker_timeout,
        retry_policy=_EMBED,
        summary=f"{input.repository} {input.shard.sha256[:12]}",
    )


async def hand_over_chunks(input: EmbedChunksInput) -> HandedOver:
    """Give what the index does not have yet to a batch service outside."""
    return await workflow.execute_activity_method(
        BatchActivities.hand_over_chunks,
        input,
        task_queue=_queue(queues.EMBED),
        start_to_close_timeout=timedelta(hours=1),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ_CODE,
        summary=f"{input.repository} {input.shard.sha256[:12]}",
    )


async def wait_for_job(input: WaitForJobInput) -> FinishedJob:
    """Wait until somebody brings a job's result. No worker is busy meanwhile."""
    return await workflow.execute_activity_method(
        BatchActivities.wait_for_job,
        input,
        task_queue=_queue(queues.EMBED),
        start_to_close_timeout=timedelta(days=7),
        retry_policy=_EMBED,
        summary=input.job_id,
    )


async def take_embeddings(input: TakeEmbeddingsInput) -> EmbeddedChunks:
    """Put what a batch service has computed into the index."""
    return await workflow.execute_activity_method(
        BatchActivities.take_embeddings,
        input,
        task_queue=_queue(queues.EMBED),
        start_to_close_timeout=timedelta(hours=1),
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=_READ_CODE,
        summary=input.result.sha256[:12],
    )


async def settle_index(input: SettleIndexInput) -> SettledIndex:
    """Compact the index after many have written to it."""
    return await workflow.execute_activity_method(
        IndexActivities.settle_index,
        input,
        task_queue=_queue(queues.EMBED),
        start_to_close_timeout=timedelta(hours=1),
        heartbeat_timeout=timedelta(minutes=2),
        retry_policy=_SETTLE,
        summary=input.repository[:200],
    )


def _queue(queue: str) -> str:
    return queues.beside(workflow.info().task_queue, queue)
