"""Workers for the queues of reviews, ``perdure-review`` and ``perdure-embed``, from the extra ``review``.

What reads strangers' code runs here, and nothing here writes at GitHub: give such a worker an App or a token
that may only read.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec

from temporalio.client import Client
from temporalio.worker import Worker

from perdure.activities.batch_embedding import BatchActivities
from perdure.activities.fetching import FetchActivities
from perdure.activities.indexing import IndexActivities
from perdure.activities.outside_jobs import OutsideJobs
from perdure.ai.repositories import Origin, RepositoryCache
from perdure.config import Settings
from perdure.engine.deployments import deployment_config
from perdure.engine.sealed_store import content_store
from perdure.errors import PerdureError, UsageError
from perdure.github import GitHubClient
from perdure.model import queues
from perdure.model.base import Model
from perdure.workflows.code_review import CodeReviewWorkflow
from perdure.workflows.counting import CountingInterceptor
from perdure.workflows.indexing import IndexRepositoryWorkflow
from perdure.workflows.interceptor import MessageInterceptor
from perdure.workflows.repository_analysis import RepositoryAnalysisWorkflow
from perdure.workflows.review_units import ReviewUnitsWorkflow

_WORKFLOWS = (
    CodeReviewWorkflow,
    IndexRepositoryWorkflow,
    RepositoryAnalysisWorkflow,
    ReviewUnitsWorkflow,
)
_NEEDED = ("lancedb", "numpy", "tree_sitter", "semble_grammars")


def has_review() -> bool:
    """Say whether the extra ``review`` is installed."""
    return all(find_spec(name) is not None for name in _NEEDED)


def require_review() -> None:
    """Refuse to go on without the extra.

    Raises:
        UsageError: It is not installed.
    """
    if not has_review():
        msg = f"the queues {', '.join(queues.REVIEWING)} need the extra review"
        raise UsageError(msg, hint="pip install 'perdure[review]'")


@asynccontextmanager
async def open_review_workers(
    client: Client, settings: Settings, github: GitHubClient, task_queues: Collection[str]
) -> AsyncIterator[Sequence[Worker]]:
    """Make one worker for each of the queues, and close what they share at the end.

    Raises:
        UsageError: The extra is not installed.
        SecretError: The embedder's key cannot be read.
    """
    require_review()
    from perdure.activities.fix_verifying import FixVerification
    from perdure.activities.reviewing import ReviewActivities
    from perdure.ai.embedders import open_embedder
    from perdure.ai.index import ChunkIndex
    from perdure.ai.indexed_code import IndexedCode
    from perdure.ai.model_list import ModelList
    from perdure.engine.workers import workflow_runner

    store, index = content_store(settings), ChunkIndex(settings.index.path)
    async with open_embedder(settings.index) as embedder, ModelList(settings.review) as models:
        repositories = repository_cache(settings, github)
        fetching = FetchActivities(repositories, store, index)
        reviewing = ReviewActivities(
            settings.review,
            models,
            repositories=repositories,
            store=store,
            related=IndexedCode(index, embedder),
        )
        indexing = IndexActivities(index, embedder, store)
        jobs = OutsideJobs(settings.store.path)
        batches = BatchActivities(indexing, index, store, jobs, settings.index.batch_command)
        reading: list[Callable[..., Awaitable[Model]]] = [
            fetching.fetch_change,
            fetching.chunk_tree,
            reviewing.probe_models,
            reviewing.plan_units,
            reviewing.list_units,
            reviewing.analyse,
            reviewing.review_unit,
            reviewing.keep_results,
            reviewing.finish_review,
            FixVerification(store, settings.review.analysers).verify_fix,
        ]
        suffix = settings.worker.queue_suffix
        builders: dict[str, Callable[[], Worker]] = {
            queues.REVIEW: lambda: Worker(
                client,
                task_queue=queues.REVIEW + suffix,
                # Fleets start reviews on the queues of their tiers.
                workflows=_WORKFLOWS,
                activities=reading,
                workflow_runner=workflow_runner(),
                workflow_failure_exception_types=[PerdureError],
                interceptors=[CountingInterceptor(), MessageInterceptor()],
                max_cached_workflows=settings.worker.max_cached_workflows,
                max_concurrent_activities=settings.worker.max_concurrent_activities,
                max_task_queue_activities_per_second=settings.review.requests_per_second,
                graceful_shutdown_timeout=settings.worker.graceful_shutdown,
                deployment_config=deployment_config(settings.worker),
            ),
            queues.EMBED: lambda: Worker(
                client,
                task_queue=queues.EMBED + suffix,
                activities=[
                    indexing.embed_chunks,
                    indexing.settle_index,
                    batches.hand_over_chunks,
                    batches.wait_for_job,
                    batches.take_embeddings,
                ],
                max_concurrent_activities=settings.index.gpus,
                max_task_queue_activities_per_second=settings.index.embeddings_per_second,
                graceful_shutdown_timeout=settings.worker.graceful_shutdown,
                deployment_config=deployment_config(settings.worker),
            ),
        }
        yield [build() for queue, build in builders.items() if queue in task_queues]


def repository_cache(settings: Settings, github: GitHubClient) -> RepositoryCache:
    """Return the cache of fetched repositories that the settings name."""
    return RepositoryCache(
        settings.index.repositories,
        Origin(github.git_url, token=github.git_token, merge_base=github.find_merge_base),
        limit=settings.index.repositories_megabytes * 1_000_000,
    )
