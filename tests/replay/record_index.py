"""Records the histories of indexing a repository.

PYTHONPATH=tests .venv/bin/python -m replay.record_index
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from perdure.config import GitHubSettings, IndexSettings, Settings, StoreSettings
from perdure.emulator.repositories import commit_files
from perdure.engine.workers import run_workers
from perdure.model import queues
from perdure.model.indexing import IndexInput
from perdure.model.review import ReviewTarget
from perdure.workflows.indexing import IndexRepositoryWorkflow
from replay.house import Kind, RecordingHouse, recording_house
from review.embedding_server import MODEL, EmbeddingServer, Failure, running_embedding_server

PROGRAM = """
import json, os, sys
from pathlib import Path
from perdure.activities.outside_jobs import OutsideJobs
from perdure.activities.store import ContentStore
rows = [json.loads(line) for line in open(sys.argv[2])]
lines = [json.dumps({"id": row["id"], "embedding": [1.0] * 64}) for row in rows]
result = ContentStore(Path(sys.argv[1])).put(chr(10).join(lines).encode())
OutsideJobs(Path(sys.argv[1])).finish(os.environ["PERDURE_JOB_ID"], result)
"""
"""A batch service that has done its work before the program that hands it over ends."""


async def indexed(house: RecordingHouse, embeddings: EmbeddingServer) -> None:
    """The embedder asks to be left alone once, then all is done; the second time nothing is to be done."""
    embeddings.failures.append(Failure(429, headers={"retry-after": "1"}))
    for name in ("index-waited", "index-unchanged"):
        await house.client.start_workflow(
            IndexRepositoryWorkflow.run,
            IndexInput(target=ReviewTarget(repository="acme/tools"), shard_size=1),
            id=f"recorded/{name}",
            task_queue="perdure",
        )
        await house.record(name)
    watched = house.emulator.services.repositories.find("acme", "watched")
    assert watched is not None
    commit_files(watched, {"app.py": "def main():\n    print('new')\n"})
    await house.client.start_workflow(
        IndexRepositoryWorkflow.run,
        IndexInput(target=ReviewTarget(repository="acme/watched"), by_batch=True),
        id="recorded/index-by-batch",
        task_queue="perdure",
    )
    await house.record("index-by-batch")
    await house.client.start_workflow(
        IndexRepositoryWorkflow.run,
        IndexInput(target=ReviewTarget(repository="acme/unknown")),
        id="recorded/index-refused",
        task_queue="perdure",
    )
    await house.record("index-refused")


@asynccontextmanager
async def _workers(house: RecordingHouse, embeddings: EmbeddingServer, folder: Path) -> AsyncIterator[None]:
    (folder / "program.py").write_text(PROGRAM)
    settings = Settings(
        github=GitHubSettings(url=house.emulator.api_url, token="env:RECORDER_TOKEN"),
        store=StoreSettings(path=folder / "store"),
        index=IndexSettings(
            repositories=folder / "repositories",
            path=folder / "index",
            embedder_urls=(embeddings.url,),
            embedder_model=MODEL,
            batch_command=(sys.executable, str(folder / "program.py"), str(folder / "store")),
        ),
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(
        run_workers(house.client, settings, queues.REVIEWING, stop=stop, ready=ready)
    )
    is_ready = asyncio.create_task(ready.wait())
    await asyncio.wait({running, is_ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        is_ready.cancel()
        stop.set()
        await running


async def main() -> None:
    """Record everything."""
    os.environ["RECORDER_TOKEN"] = "any-token"
    with tempfile.TemporaryDirectory() as folder:
        async with (
            recording_house(Kind()) as house,
            running_embedding_server() as embeddings,
            _workers(house, embeddings, Path(folder)),
        ):
            await indexed(house, embeddings)


if __name__ == "__main__":
    asyncio.run(main())
