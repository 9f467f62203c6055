"""Workers and server are killed in the middle of a fleet: nothing that has ended is done again."""

import asyncio
import os
import signal
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from faults.conftest import town
from faults.worker_processes import WorkerProcess
from perdure.engine.fleet_store import keep_list, read_results
from perdure.engine.fleets import start_fleet
from perdure.errors import PerdureError
from perdure.model.fleet import Work
from perdure.model.fleet_progress import FleetInput

__all__ = ["town"]

pytestmark = pytest.mark.faults

TESTS = Path(__file__).parents[1]
PARALLEL = 20


@asynccontextmanager
async def recording_worker(town, path):
    """Run the worker that records, as a process of its own, and kill it at the end of the block."""
    log = town.folder / f"recording-{os.urandom(4).hex()}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fleet.recording", town.server.address, "recording", str(path)),
            stdout=output,
            stderr=output,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(TESTS), "HOME": str(town.folder)},
        )
    worker = WorkerProcess(process, log)
    try:
        async with asyncio.timeout(60):
            while "worker ready" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
        yield worker
    finally:
        await worker.kill()


async def ended(handle, count):
    """Wait until so many items have ended, through every outage, and return the progress."""
    async with asyncio.timeout(400):
        while True:
            try:
                progress = await handle.progress()
            except PerdureError:
                progress = None
            if progress is not None and progress.counts.ended >= count:
                return progress
            await asyncio.sleep(0.2)


async def run_and_kill(town, count, *, events_per_history):
    """Run a fleet; kill everything twice on the way; return what was recorded, and what was safe before."""
    path = town.folder / "recorded.txt"
    items = [f"acme/repository-{number:04}" for number in range(count)]
    queue = "perdure" + town.suffix
    await town.start_worker()
    safe = []
    async with recording_worker(town, path) as recording:
        kept = await keep_list(town.client, items, task_queue=queue)
        input = FleetInput(
            name="killed",
            items=kept,
            work=Work(workflow="FleetRecordingChild", task_queue="recording"),
            max_parallel=PARALLEL,
            events_per_history=events_per_history,
        )
        handle = await start_fleet(town.client, input, key="one", task_queue=queue)
        progress = await ended(handle, count // 4)
        safe += [one.key for one in await read_results(town.client, progress, task_queue=queue)]
        await town.workers[-1].kill()
        await recording.kill()
    await town.start_worker()
    async with recording_worker(town, path) as recording:
        progress = await ended(handle, count // 2)
        safe += [one.key for one in await read_results(town.client, progress, task_queue=queue)]
        await town.workers[-1].kill()
        await recording.kill()
        os.kill(town.server.pid, signal.SIGKILL)
        await town.server.wait()
    await town.server.start()
    await town.start_worker()
    async with recording_worker(town, path):
        async with asyncio.timeout(500):
            result = await handle.result()
    assert result.counts.succeeded == count
    assert result.most_parallel <= PARALLEL
    found = await read_results(town.client, await handle.progress(), task_queue=queue)
    assert [one.key for one in found] == items
    return Counter(path.read_text().split()), set(safe)


def assert_nothing_again(recorded, safe, count):
    """What had ended was done once; what was under way when all was killed is all that may be done twice."""
    assert len(recorded) == count
    assert len(safe) >= count // 2
    assert {recorded[item] for item in safe} == {1}
    assert recorded.total() - count <= 2 * PARALLEL


@pytest.mark.timeout(900)
async def test_a_fleet_of_2000_items_loses_nothing_to_sigkill(town):
    """Both workers, then both and the server: 2,000 items are done, none that had ended twice."""
    recorded, safe = await run_and_kill(town, 2_000, events_per_history=4_000)
    assert_nothing_again(recorded, safe, 2_000)


@pytest.mark.timeout(300)
async def test_histories_that_follow_each_other_lose_nothing_to_sigkill(town):
    """The same while a new history begins every few items."""
    recorded, safe = await run_and_kill(town, 200, events_per_history=120)
    assert_nothing_again(recorded, safe, 200)
