"""Records the histories of reviews.

PYTHONPATH=tests .venv/bin/python -m replay.record_reviews
"""

import asyncio
import os
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.client import Client

from perdure.config import GitHubSettings, Settings, StoreSettings, WorkerSettings
from perdure.emulator import EmulatorSettings, RunningEmulator, running_emulator
from perdure.engine.stored import read_stored
from perdure.engine.workers import run_workers
from perdure.model import queues
from perdure.model.approvals import Verdict
from perdure.model.code_review import RepositoryAnalysisInput
from perdure.model.review import ReviewPolicy
from perdure.workflows import _reviewing
from perdure.workflows.repository_analysis import RepositoryAnalysisWorkflow
from replay.files import save
from replay.house import Kind, _server
from review.model_server import MODEL, model_server
from workflows.reviewing import DECIDES, ReviewHouse, reviewing


@dataclass
class House:
    """What the scenes of reviews work with."""

    client: Client
    emulator: RunningEmulator
    root: Path
    settings: Settings
    task_queue: str = "perdure"


async def record(house: House, name: str, workflow_id: str) -> None:
    """Write the history of a workflow that has ended."""
    path = save(name, await house.client.get_workflow_handle(workflow_id).fetch_history())
    print(f"{path.name}: {path.stat().st_size:,} bytes")


async def reviewed(review: ReviewHouse) -> None:
    """A push makes the first question stale; the second one is answered, and the fix committed."""
    handle = await review.start(DECIDES.model_copy(update={"use_model": False}))
    stale, _ = await review.asked(handle)
    review.push({"other.py": '"""Nothing."""\n'})
    await review.start()
    await review.asked(handle, other_than=stale)
    await review.decide(handle)
    await handle.result()
    await record(review.house, "review-pushed", handle.id)


async def rejected(review: ReviewHouse) -> None:
    """People say no."""
    handle = await review.start(DECIDES)
    await review.decide(handle, Verdict.REJECTED, comment="not now")
    await handle.result()
    await record(review.house, "review-rejected", handle.id)


async def analysed(review: ReviewHouse) -> None:
    """A whole repository, its parts shared out among children."""
    handle = await review.house.client.start_workflow(
        RepositoryAnalysisWorkflow.run,
        RepositoryAnalysisInput(repository=review.name),
        id="recorded/analysis",
        task_queue=review.house.task_queue,
    )
    await handle.result()
    await record(review.house, "repository-analysis", handle.id)
    review.push({"other.py": 'def other():\n    """Return it."""\n    return 3\n'})
    report = (await handle.result()).report
    await read_stored(review.house.client, report)
    async for reading in review.house.client.list_workflows('WorkflowType = "ReadStoredWorkflow"'):
        await record(review.house, "read-stored", reading.id)
    _reviewing.UNITS_AT_ONCE, at_once = 1, _reviewing.UNITS_AT_ONCE
    try:
        shared = await review.start(ReviewPolicy())
        await shared.result()
    finally:
        _reviewing.UNITS_AT_ONCE = at_once
    async for child in review.house.client.list_workflows('WorkflowType = "ReviewUnitsWorkflow"'):
        await record(review.house, "review-units", child.id)
        return


@asynccontextmanager
async def _house(folder: Path):
    async with (
        await _server(Kind()) as server,
        running_emulator(folder / "github", EmulatorSettings(timing="fast")) as emulator,
    ):
        settings = Settings(
            github=GitHubSettings(url=emulator.api_url, token="env:RECORDER_TOKEN"),
            worker=WorkerSettings(dispatches_per_second=0),
            store=StoreSettings(path=folder / "store"),
        )
        house = House(server.client, emulator, folder / "github", settings)
        stop, ready = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(run_workers(house.client, settings, queues.ALL, stop=stop, ready=ready))
        await ready.wait()
        try:
            yield house
        finally:
            stop.set()
            await running


async def main() -> None:
    """Record everything, each scene in a house of its own."""
    os.environ["RECORDER_TOKEN"] = "any-token"
    for scene in (reviewed, rejected, analysed):
        with tempfile.TemporaryDirectory() as folder:
            async with (
                _house(Path(folder)) as house,
                model_server() as models,
                reviewing(house, Path(folder), models=(f"openai:{MODEL}@{models.base_url}",)) as review,
            ):
                await scene(review)


if __name__ == "__main__":
    asyncio.run(main())
