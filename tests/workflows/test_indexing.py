"""Repositories become searchable, once for each of their states, whatever the embedder does."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from temporalio.client import WorkflowFailureError

from perdure.activities.failures import original_error
from perdure.ai.index import ChunkIndex
from perdure.config import IndexSettings
from perdure.emulator.repositories import Repository, commit_files
from perdure.engine.workers import run_workers
from perdure.errors import InvalidRepositoryError, ModelRefusedError
from perdure.model import queues
from perdure.model.indexing import IndexInput
from perdure.model.review import ReviewTarget
from perdure.workflows.indexing import IndexRepositoryWorkflow
from review.embedding_server import MODEL, Failure, running_embedding_server


@pytest.fixture
async def server():
    async with running_embedding_server() as running:
        yield running


@pytest.fixture
async def reading_house(house, server, tmp_path):
    """The house with workers for reviews."""
    index = IndexSettings(
        repositories=tmp_path / "repositories",
        path=tmp_path / "index",
        embedder_urls=(server.url,),
        embedder_model=MODEL,
        embeddings_per_second=0,
        gpus=3,
    )
    house.settings = house.settings.model_copy(update={"index": index})
    async with reviewing_workers(house):
        yield house


@asynccontextmanager
async def reviewing_workers(house):
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        run_workers(house.client, house.settings, queues.REVIEWING, stop=stop, ready=ready)
    )
    is_ready = asyncio.create_task(ready.wait())
    await asyncio.wait({running, is_ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        is_ready.cancel()
        stop.set()
        await running


async def start(house, id="index/acme/tools", **fields):
    target = ReviewTarget(repository="acme/tools", **fields.pop("target", {}))
    return await house.client.start_workflow(
        IndexRepositoryWorkflow.run,
        IndexInput(target=target, **fields),
        id=f"{id}{house.settings.worker.queue_suffix}",
        task_queue=house.task_queue,
    )


def repository(house):
    return Repository("acme/tools", house.root / "acme/tools.git")


def source(count, first=0):
    """Files of one chunk each."""
    return {f"lib/part_{n}.py": f"def part_{n}():\n    return {n}\n" for n in range(first, first + count)}


async def test_a_repository_becomes_searchable(reading_house, tmp_path):
    """Fetched, cut up, embedded in parallel, found."""
    head = commit_files(repository(reading_house), source(20))
    result = await (await start(reading_house, shard_size=5)).result()
    assert (result.head_sha, result.files, result.chunks, result.model) == (head, 21, result.computed, MODEL)
    found = await ChunkIndex(tmp_path / "index").search(MODEL, result.tree, "part 7", None, limit=3)
    assert found[0].path == "lib/part_7.py"


async def test_unchanged_files_cost_nothing_at_the_next_commit(reading_house, server, tmp_path):
    """Only what is new is embedded, and the search covers the new state alone."""
    commit_files(repository(reading_house), source(20))
    first = await (await start(reading_house)).result()
    commit_files(repository(reading_house), {"lib/part_3.py": "def changed():\n    return 'changed'\n"})
    second = await (await start(reading_house)).result()
    assert (second.chunks, second.computed) == (first.chunks, 1)
    assert set(server.computed.values()) == {1}
    index = ChunkIndex(tmp_path / "index")
    for tree, paths in ((first.tree, []), (second.tree, ["lib/part_3.py"])):
        found = await index.search(MODEL, tree, "changed", None, limit=3)
        assert [each.path for each in found] == paths


async def test_an_embedder_that_asks_for_time_gets_it(reading_house, server):
    """A rate limit and an outage are waits that burn no attempt, and say what is waited for."""
    server.failures += [Failure(503), Failure(429, headers={"retry-after": "1"})]
    server.holds_at = 0
    handle = await start(reading_house)
    async with asyncio.timeout(90):
        while "429" not in (await handle.query(IndexRepositoryWorkflow.progress)).waiting_for:
            await asyncio.sleep(0.05)
        server.holds_at = None
        result = await handle.result()
    assert result.computed == result.chunks == server.total
    progress = await handle.query(IndexRepositoryWorkflow.progress)
    assert (progress.stage, progress.done, progress.waiting_for) == ("done", result.chunks, "")


@pytest.mark.parametrize(
    ("target", "failure", "expected"),
    [
        ({"ref": "no-such-branch"}, None, InvalidRepositoryError),
        ({}, Failure(401, {"error": {"message": "wrong key"}}), ModelRefusedError),
    ],
    ids=["no-branch", "wrong-key"],
)
async def test_what_waiting_cannot_mend_ends_it(reading_house, server, target, failure, expected):
    """At the first attempt, with the reason."""
    server.failures += [failure] * bool(failure)
    handle = await start(reading_house, target=target)
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 60)
    assert isinstance(original_error(failed.value), expected)


async def test_only_so_many_jobs_run_at_once(reading_house, server):
    """Whatever the repository's size."""
    commit_files(repository(reading_house), source(12))
    server.holds_at = 0
    handle = await start(reading_house, shard_size=2, max_parallel=2)
    async with asyncio.timeout(60):
        while server.held < 2:
            await asyncio.sleep(0.02)
    for _ in range(20):
        assert server.held <= 2
        await asyncio.sleep(0.01)
    server.holds_at = None
    assert (await handle.result()).chunks == 13
