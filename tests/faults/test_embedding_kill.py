"""Workers that embed are killed in the middle: what is written stays, and nothing is computed twice."""

import asyncio
import os
import sys
import uuid
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from faults.worker_processes import WorkerProcess
from perdure.ai.chunking import cut_file
from perdure.ai.index import ChunkIndex
from perdure.emulator import EmulatorSettings, create_repository, running_emulator
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.model.indexing import IndexInput
from perdure.model.review import ReviewTarget
from perdure.workflows.indexing import IndexRepositoryWorkflow
from review.embedding_server import MODEL, running_embedding_server

pytestmark = pytest.mark.faults


def source(count):
    """Files of fifty chunks each."""
    return {
        f"lib/part_{part}.py": "\n\n".join(_function(number) for number in range(part, part + 50))
        for part in range(0, count, 50)
    }


def _function(number):
    body = "\n".join(f"    value_{line} = compute({number}, {line}, 'of some text')" for line in range(10))
    return f"def function_{number}():\n{body}\n"


@asynccontextmanager
async def worker(folder, server, emulator, embeddings, suffix):
    log = folder / f"worker-{uuid.uuid4().hex[:6]}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "perdure", "worker", "--address", server.address),
            *("--queues", "perdure,perdure-review,perdure-embed"),
            stdout=output,
            stderr=output,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", str(folder)),
                "GITHUB_TOKEN": "any-token",
                "PERDURE_GITHUB_URL": emulator.api_url,
                "PERDURE_WORKER_QUEUE_SUFFIX": suffix,
                "PERDURE_INDEX_EMBEDDER_URLS": embeddings.url,
                "PERDURE_INDEX_EMBEDDER_MODEL": MODEL,
                "PERDURE_INDEX_EMBEDDINGS_PER_SECOND": "0",
                "PERDURE_INDEX_GPUS": "3",
            },
        )
    started = WorkerProcess(process, log)
    try:
        async with asyncio.timeout(90):
            while "worker ready" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield started
    finally:
        await started.kill()


@pytest.mark.timeout(600)
async def test_a_worker_that_is_killed_while_it_embeds_5000_chunks(tmp_path):
    """Killed twice, in the middle of three jobs at once: exactly 5,000 chunks are computed."""
    files = source(5_000)
    count = sum(len(cut_file(path, text.encode()).chunks) for path, text in files.items())
    assert count == 5_000
    create_repository(tmp_path / "github", "acme/large", files)
    suffix = f"-{uuid.uuid4().hex[:8]}"
    async with (
        LocalServer(tmp_path / "temporal") as server,
        running_emulator(tmp_path / "github", EmulatorSettings(timing="fast")) as emulator,
        running_embedding_server() as embeddings,
    ):
        client = await connect_local(server.address)
        handle = await client.start_workflow(
            IndexRepositoryWorkflow.run,
            IndexInput(
                target=ReviewTarget(repository="acme/large"),
                max_parallel=3,
                lost_worker_timeout=timedelta(seconds=15),
            ),
            id=f"index{suffix}",
            task_queue=f"perdure{suffix}",
        )
        for enough in (900, 2_700):
            embeddings.holds_at = enough
            async with worker(tmp_path, server, emulator, embeddings, suffix) as first:
                async with asyncio.timeout(200):
                    # All three jobs ask for more, so what was answered before is written.
                    while not (embeddings.held == 3 and embeddings.total >= enough):
                        await asyncio.sleep(0.05)
                before = embeddings.total
                await first.kill()
            async with asyncio.timeout(30):
                while embeddings.held:
                    await asyncio.sleep(0.02)
            assert embeddings.total == before
        embeddings.holds_at = None
        async with worker(tmp_path, server, emulator, embeddings, suffix):
            result = await asyncio.wait_for(handle.result(), 200)
        assert result.chunks == 5_000
        assert embeddings.total == 5_000
        assert set(embeddings.computed.values()) == {1}
        assert await ChunkIndex(tmp_path / ".perdure" / "index").settle(MODEL) == 5_000
