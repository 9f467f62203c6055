"""Repositories become searchable, once for each of their states, whatever the embedder does."""

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError

from perdure.activities.failures import original_error
from perdure.ai.index import ChunkIndex
from perdure.config import IndexSettings
from perdure.emulator.repositories import Repository, commit_files
from perdure.engine.outside_jobs import deliver, keep_result
from perdure.engine.workers import run_workers
from perdure.errors import InvalidRepositoryError, ModelAnswerError, ModelRefusedError
from perdure.model import queues
from perdure.model.indexing import IndexInput
from perdure.model.outside_jobs import Delivery
from perdure.model.review import ReviewTarget
from perdure.workflows.indexing import IndexRepositoryWorkflow
from review.embedding_server import MODEL, Failure, running_embedding_server


@pytest.fixture
async def server():
    async with running_embedding_server() as running:
        yield running


@pytest.fixture
def reading_house(house, server, tmp_path):
    """The house with settings for reviews."""
    index = IndexSettings(
        repositories=tmp_path / "repositories",
        path=tmp_path / "index",
        embedder_urls=(server.url,),
        embedder_model=MODEL,
        embeddings_per_second=0,
        gpus=3,
    )
    house.settings = house.settings.model_copy(update={"index": index})
    return house


@pytest.fixture
async def busy_house(reading_house):
    """The house with workers for reviews."""
    async with reviewing_workers(reading_house):
        yield reading_house


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


async def test_a_repository_becomes_searchable(busy_house, tmp_path):
    """Fetched, cut up, embedded in parallel, found."""
    head = commit_files(repository(busy_house), source(20))
    result = await (await start(busy_house, shard_size=5)).result()
    assert (result.head_sha, result.files, result.chunks, result.model) == (head, 21, result.computed, MODEL)
    found = await ChunkIndex(tmp_path / "index").search(MODEL, result.tree, "part 7", None, limit=3)
    assert found[0].path == "lib/part_7.py"


async def test_unchanged_files_cost_nothing_at_the_next_commit(busy_house, server, tmp_path):
    """Only what is new is embedded, and the search covers the new state alone."""
    commit_files(repository(busy_house), source(20))
    first = await (await start(busy_house)).result()
    commit_files(repository(busy_house), {"lib/part_3.py": "def changed():\n    return 'changed'\n"})
    second = await (await start(busy_house)).result()
    assert (second.chunks, second.computed) == (first.chunks, 1)
    assert set(server.computed.values()) == {1}
    index = ChunkIndex(tmp_path / "index")
    for tree, paths in ((first.tree, []), (second.tree, ["lib/part_3.py"])):
        found = await index.search(MODEL, tree, "changed", None, limit=3)
        assert [each.path for each in found] == paths


async def test_an_embedder_that_asks_for_time_gets_it(busy_house, server):
    """A rate limit and an outage are waits that burn no attempt, and say what is waited for."""
    server.failures += [Failure(503), Failure(429, headers={"retry-after": "1"})]
    server.holds_at = 0
    handle = await start(busy_house)
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
async def test_what_waiting_cannot_mend_ends_it(busy_house, server, target, failure, expected):
    """At the first attempt, with the reason."""
    server.failures += [failure] * bool(failure)
    handle = await start(busy_house, target=target)
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(handle.result(), 60)
    assert isinstance(original_error(failed.value), expected)


HAND_OVER = """
import json, os, pathlib, shutil, sys
folder = pathlib.Path(sys.argv[1])
job = folder / os.environ["PERDURE_JOB_ID"]
job.mkdir()
shutil.copy(sys.argv[2], job / "chunks.jsonl")
(job / "token.part").write_text(os.environ["PERDURE_JOB_TOKEN"])
(job / "token.part").rename(job / "token")
"""


@pytest.fixture
def outside(reading_house, tmp_path):
    """A batch service: a folder with what was handed over."""
    folder = tmp_path / "outside"
    folder.mkdir()
    program = tmp_path / "hand_over.py"
    program.write_text(HAND_OVER)
    command = (sys.executable, str(program), str(folder))
    index = reading_house.settings.index.model_copy(update={"batch_command": command})
    reading_house.settings = reading_house.settings.model_copy(update={"index": index})
    return folder


FINISH = """
from perdure.activities.outside_jobs import OutsideJobs
from perdure.activities.store import ContentStore
store = pathlib.Path(sys.argv[1]).parent / "store"
rows = [json.loads(line) for line in open(sys.argv[2])]
lines = [json.dumps({"id": row["id"], "embedding": [1.0, 2.0]}) for row in rows]
result = ContentStore(store).put(chr(10).join(lines).encode())
OutsideJobs(store).finish(os.environ["PERDURE_JOB_ID"], result)
"""


def finish_at_once(house):
    """Have the program that hands over bring the result itself."""
    Path(house.settings.index.batch_command[1]).write_text(HAND_OVER + FINISH)


async def handed_over(folder, count=1):
    async with asyncio.timeout(60):
        while len(list(folder.glob("*/token"))) < count:
            await asyncio.sleep(0.05)
    return sorted(path.parent for path in folder.glob("*/token"))


def computed(job, value=1.0):
    """What the batch service gives back, as OpenAI's does."""
    rows = [json.loads(line) for line in (job / "chunks.jsonl").read_text().splitlines()]
    answers = [
        {"custom_id": row["id"], "response": {"body": {"data": [{"embedding": [value, float(n), 2.0]}]}}}
        for n, row in enumerate(rows)
    ]
    return "\n".join(json.dumps(answer) for answer in answers).encode()


async def bring(house, job, content):
    kept = keep_result(house.settings, (job / "token").read_text(), content)
    return await deliver(house.client, house.settings, kept)


async def test_a_batch_service_outside_may_compute(outside, reading_house, tmp_path):
    """Its token finishes the job; bringing the result again, or another one, changes nothing."""
    async with reviewing_workers(reading_house):
        commit_files(repository(reading_house), source(20))
        handle = await start(reading_house, by_batch=True, shard_size=1_000)
        [job] = await handed_over(outside)
        first = await bring(reading_house, job, computed(job))
        result = await asyncio.wait_for(handle.result(), 90)
        assert first in {Delivery.DELIVERED, Delivery.KEPT}
        assert await bring(reading_house, job, computed(job)) is Delivery.REPEATED
        assert await bring(reading_house, job, computed(job, value=9.0)) is Delivery.IGNORED
        assert result.computed == result.chunks == 21
        again = await (await start(reading_house, id="index/again", by_batch=True)).result()
    assert again.computed == 0
    assert len(list(outside.glob("*/token"))) == 1
    found = await ChunkIndex(tmp_path / "index").search(MODEL, result.tree, "part 7", None, limit=1)
    assert found[0].path == "lib/part_7.py"


async def test_a_result_that_comes_before_anybody_waits_is_taken(outside, reading_house):
    """The program itself may bring it, while the worker still waits for the program to end."""
    finish_at_once(reading_house)
    async with reviewing_workers(reading_house):
        result = await asyncio.wait_for((await start(reading_house, by_batch=True)).result(), 90)
    assert result.computed == result.chunks == 1


async def test_a_result_that_cannot_be_used_is_said(outside, reading_house):
    """A file without a vector for each chunk ends the workflow with the reason."""
    async with reviewing_workers(reading_house):
        handle = await start(reading_house, by_batch=True)
        [job] = await handed_over(outside)
        await bring(reading_house, job, b'{"id": "other", "embedding": [1]}')
        with pytest.raises(WorkflowFailureError) as failed:
            await asyncio.wait_for(handle.result(), 90)
    error = original_error(failed.value)
    assert isinstance(error, ModelAnswerError)
    assert "no vector for 1 of 1" in str(error)


async def test_only_so_many_jobs_run_at_once(busy_house, server):
    """Whatever the repository's size."""
    commit_files(repository(busy_house), source(12))
    server.holds_at = 0
    handle = await start(busy_house, shard_size=2, max_parallel=2)
    async with asyncio.timeout(60):
        while server.held < 2:
            await asyncio.sleep(0.02)
    for _ in range(20):
        assert server.held <= 2
        await asyncio.sleep(0.01)
    server.holds_at = None
    assert (await handle.result()).chunks == 13
