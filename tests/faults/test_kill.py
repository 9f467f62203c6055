"""Processes are killed in the middle of things: nothing is dispatched twice, nothing is lost."""

import asyncio
import os
import signal

import pytest

from perdure.engine.pollers import require_pollers
from perdure.model.progress import Stage


def assert_one_run(town, result):
    [actions_run] = town.emulator.runs
    assert result.conclusion == actions_run.conclusion == "success"
    assert result.actions_run_id == actions_run.id


async def test_a_killed_worker_is_taken_over_by_another(town):
    """Killed after the dispatch: another worker follows the same run to its end."""
    first = await town.start_worker()
    handle = await town.start(inputs={"seconds": "20"})
    await town.dispatched()
    await first.kill()
    await town.start_worker()
    assert_one_run(town, await asyncio.wait_for(handle.result(), 60))
    assert town.emulator.requests.count("POST", "/dispatches") == 1


async def test_a_killed_server_goes_on_from_its_file(town):
    """The Temporal server is killed while the run goes on, and started again on its file."""
    await town.start_worker()
    handle = await town.start(inputs={"seconds": "20"})
    await town.dispatched()
    os.kill(town.server.pid, signal.SIGKILL)
    await town.server.wait()
    await town.server.start()
    assert_one_run(town, await asyncio.wait_for(handle.result(), 90))
    assert town.emulator.requests.count("POST", "/dispatches") == 1


@pytest.mark.faults
async def test_server_and_worker_are_killed_at_once(town):
    """Everything of Perdure's is gone while the run goes on."""
    worker = await town.start_worker()
    handle = await town.start(inputs={"seconds": "20"})
    await town.dispatched()
    os.kill(town.server.pid, signal.SIGKILL)
    await worker.kill()
    await town.server.wait()
    await town.server.start()
    await town.start_worker()
    assert_one_run(town, await asyncio.wait_for(handle.result(), 90))
    assert town.emulator.requests.count("POST", "/dispatches") == 1


@pytest.mark.faults
@pytest.mark.parametrize("after_effect", [False, True], ids=["before-the-effect", "after-the-effect"])
async def test_a_worker_that_is_killed_while_it_dispatches(town, after_effect):
    """Killed between the request and the record of its answer: it is looked for before it is repeated."""
    first = await town.start_worker()
    town.emulator.faults.fail_next("POST", "/dispatches", kind="hang", after_effect=after_effect, delay=300)
    handle = await town.start(inputs={"seconds": "1"})
    async with asyncio.timeout(30):
        while not town.emulator.faults.struck["hang"]:
            await asyncio.sleep(0.02)
    await first.kill()
    await town.start_worker()
    assert_one_run(town, await asyncio.wait_for(handle.result(), 60))


@pytest.mark.faults
async def test_a_stopped_worker_that_wakes_up_sends_nothing(town):
    """SIGSTOP past every deadline, then SIGCONT: one run, whoever sent it."""
    first = await town.start_worker()
    await require_pollers(town.client, "perdure" + town.suffix)
    os.kill(first.process.pid, signal.SIGSTOP)
    # Its polls are still open: the stopped worker is given the first tasks.
    handle = await town.start(inputs={"seconds": "1"})
    second = await town.start_worker()
    result = await asyncio.wait_for(handle.result(), 90)
    os.kill(first.process.pid, signal.SIGCONT)
    assert_one_run(town, result)
    await handle.result()
    assert len(town.emulator.runs) == 1
    await second.kill()


async def test_a_killed_worker_while_a_dispatch_is_held(town):
    """A question to a person survives whoever asked it."""
    first = await town.start_worker()
    town.emulator.faults.fail_next("POST", "/dispatches", kind="drop")
    handle = await town.start(on_ambiguity="hold")
    async for progress in handle.watch():
        if progress.stage is Stage.HELD:
            break
    await first.kill()
    await town.start_worker()
    await handle.resolve("redispatch")
    assert_one_run(town, await asyncio.wait_for(handle.result(), 60))
