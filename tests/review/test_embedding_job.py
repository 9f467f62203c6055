"""Embedding jobs: resumed where they stopped, and nothing computed twice."""

import asyncio
import os
import signal
import sys
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from perdure.activities.indexing import IndexActivities
from perdure.activities.store import ContentStore
from perdure.ai.embedding import LexicalEmbedder
from perdure.ai.embedding_endpoints import EndpointEmbedder
from perdure.ai.index import ChunkIndex
from perdure.model.indexing import Chunk, ChunkShard, EmbedChunksInput, SettleIndexInput
from review.embedding_server import MODEL, Failure, running_embedding_server

SOURCE = Path(__file__).parents[2] / "src"


def chunks(count, first=0):
    return tuple(
        Chunk(chunk_id=f"id-{n}", path="a.py", start_line=1, end_line=1, text=f"text number {n}")
        for n in range(first, first + count)
    )


@dataclass
class Job:
    """A job with an index, a store and an embedder of its own."""

    folder: Path
    embedder: object
    beats: list[object] = field(default_factory=list)
    beat_interval: timedelta = timedelta(milliseconds=20)
    stalled_after: timedelta = timedelta(seconds=60)

    def __post_init__(self):
        self.store = ContentStore(self.folder / "store")
        self.index = ChunkIndex(self.folder / "index")

    def input(self, content, repository="acme/tools"):
        shard = self.store.put(ChunkShard(chunks=content).model_dump_json().encode())
        return EmbedChunksInput(repository=repository, shard=shard)

    async def run(self, input, activity_id="1"):
        activities = IndexActivities(
            self.index,
            self.embedder,
            self.store,
            beat_interval=self.beat_interval,
            stalled_after=self.stalled_after,
        )
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, activity_id=activity_id)
        environment.on_heartbeat = lambda *details: self.beats.append(details[0])
        return await environment.run(activities.embed_chunks, input)


@pytest.fixture
async def server():
    async with running_embedding_server() as running:
        yield running


@pytest.fixture
async def job(server, tmp_path):
    embedder = EndpointEmbedder([server.url], MODEL)
    yield Job(tmp_path, embedder)
    await embedder.close()


async def test_each_chunk_is_computed_once(job, server):
    """Whatever is asked for again, under whatever name."""
    first = await job.run(job.input(chunks(150)))
    again = await job.run(job.input(chunks(150)))
    elsewhere = await job.run(job.input(chunks(150)), activity_id="2")
    more = await job.run(job.input(chunks(20, first=140)))
    assert (first.chunks, first.computed, first.model) == (150, 150, MODEL)
    assert again == first
    assert (elsewhere.computed, more.computed) == (0, 10)
    assert set(server.computed.values()) == {1}
    assert server.total == 160


async def test_a_fork_computes_nothing(job, server):
    """The same content in another repository is taken over."""
    await job.run(job.input(chunks(10)))
    result = await job.run(job.input(chunks(10), repository="mona/tools"))
    assert (result.computed, server.total) == (0, 10)


async def test_a_finished_job_is_not_looked_at_again(job, server):
    """Its answer was lost: the mark that it left last gives it again."""
    input = job.input(chunks(10))
    first = await job.run(input)
    job.index = OnlyFinishedJobs(job.index)
    assert await job.run(input) == first


class OnlyFinishedJobs:
    """An index that can tell of finished jobs and of nothing else."""

    def __init__(self, index):
        self.finished_batch = index.finished_batch


async def test_what_was_written_before_a_failure_is_kept(job, server):
    """The embedder fails in the third batch: the next attempt begins there."""
    server.failures = []
    input = job.input(chunks(300))
    embed = job.embedder.embed
    calls = []

    async def fails_third(texts):
        calls.append(len(texts))
        if len(calls) == 3:
            server.failures.append(Failure(503, headers={"retry-after": "9"}))
        return await embed(texts)

    job.embedder.embed = fails_third
    with pytest.raises(ApplicationError) as failed:
        await job.run(input)
    assert failed.value.type == "ModelUnavailableError"
    assert failed.value.next_retry_delay == timedelta(seconds=9)
    assert not failed.value.non_retryable
    result = await job.run(input)
    assert (result.computed, server.total) == (300 - 2 * 64, 300)


async def test_a_refused_key_is_permanent(job, server):
    """Nobody waits for a key to become right."""
    server.failures.append(Failure(401))
    with pytest.raises(ApplicationError) as failed:
        await job.run(job.input(chunks(3)))
    assert (failed.value.type, failed.value.non_retryable) == ("ModelRefusedError", True)


async def test_beats_tell_how_far_it_is_and_how_the_embedder_is(job, server):
    """People see it in Temporal's page; nothing depends on it."""
    server.holds_at = 64
    running = asyncio.create_task(job.run(job.input(chunks(200))))
    async with asyncio.timeout(30):
        while not any(beat["processed"] == 64 for beat in job.beats):
            await asyncio.sleep(0.01)
    server.holds_at = None
    await running
    assert job.beats[-1]["of"] == 200
    assert job.beats[-1]["embedder"] == {"model": MODEL, "health": "ok"}


async def test_a_job_that_stands_still_stops_beating(job, server):
    """So the engine gives it to another worker instead of waiting for hours."""
    server.holds_at = 0
    job.stalled_after = timedelta(seconds=0.5)
    running = asyncio.create_task(job.run(job.input(chunks(10))))
    async with asyncio.timeout(30):
        while not job.beats:
            await asyncio.sleep(0.01)
        while True:
            seen = len(job.beats)
            await asyncio.sleep(0.7)
            if len(job.beats) == seen:
                break
    assert not running.done()
    server.holds_at = None
    assert (await running).computed == 10


async def test_settling_says_how_much_there_is(job):
    """And may be left out or repeated."""
    activities = IndexActivities(job.index, LexicalEmbedder(), job.store)
    empty = await ActivityEnvironment().run(
        activities.settle_index, SettleIndexInput(repository="acme/tools")
    )
    assert empty.rows == 0
    job.embedder = LexicalEmbedder()
    await job.run(job.input(chunks(30)))
    for _ in range(2):
        settled = await ActivityEnvironment().run(
            activities.settle_index, SettleIndexInput(repository="acme/tools")
        )
        assert settled.rows == 30


_JOB = """
import asyncio, sys
from pathlib import Path
from temporalio.testing import ActivityEnvironment
from perdure.activities.indexing import IndexActivities
from perdure.activities.store import ContentStore
from perdure.ai.embedding_endpoints import EndpointEmbedder
from perdure.ai.index import ChunkIndex
from perdure.model.indexing import EmbedChunksInput

folder, url, model, input = sys.argv[1:]
activities = IndexActivities(
    ChunkIndex(Path(folder) / "index"), EndpointEmbedder([url], model), ContentStore(Path(folder) / "store")
)
asyncio.run(ActivityEnvironment().run(activities.embed_chunks, EmbedChunksInput.model_validate_json(input)))
"""


async def test_a_process_that_is_killed_in_the_middle_has_paid_for_nothing_twice(job, server):
    """SIGKILL after 128 of 300 chunks: exactly the others are computed afterwards."""
    server.holds_at = 128
    input = job.input(chunks(300))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _JOB, str(job.folder), server.url, MODEL, input.model_dump_json()),
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    try:
        async with asyncio.timeout(60):
            # The third batch has been asked for, so the second one is written.
            while not (server.held and server.total == 128):
                assert process.returncode is None
                await asyncio.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        await process.wait()
    async with asyncio.timeout(30):
        while server.held:
            await asyncio.sleep(0.02)
    server.holds_at = None
    result = await job.run(input)
    assert result.computed == 172
    assert (server.total, set(server.computed.values())) == (300, {1})
