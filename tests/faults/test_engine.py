"""The Temporal server, the way to it, and workers that are told to stop: under load, and while busy."""

import asyncio
import os
import random
import signal
import time
from datetime import timedelta

import pytest

from faults.histories import activities_started, assert_no_failed_task
from faults.proxy import Proxy
from perdure.engine.connection import connect
from perdure.errors import EngineError, EngineUnreachableError
from perdure.model import queues
from perdure.model.watching import watcher_id

pytestmark = pytest.mark.faults

RECOVERY = 10.0


async def started(town, number, **inputs):
    """Start an action as a script does that is run again when it fails: with the same key."""
    while True:
        try:
            return await town.start(key=f"load-{number}", inputs=inputs)
        except EngineError:
            await asyncio.sleep(0.2)


async def assert_each_once(town, handles):
    """Every action has ended with the one run that carries its dispatch id."""
    results = [await asyncio.wait_for(handle.result(), 120) for handle in handles]
    assert {result.conclusion for result in results} == {"success"}
    assert len({result.dispatch_id for result in results}) == len(handles)
    by_id = {run.id: run for run in town.emulator.runs}
    assert sorted(by_id) == sorted(result.actions_run_id for result in results)
    for result in results:
        assert result.dispatch_id in by_id[result.actions_run_id].title
    for handle in handles:
        await assert_no_failed_task(town.client, handle.id)


@pytest.mark.timeout(400)
async def test_a_server_killed_ten_times_under_load_loses_nothing(town):
    """Fifty actions, and SIGKILL in the middle of them, ten times, on one file: each dispatched once."""
    await asyncio.gather(town.start_worker(), town.start_worker())
    dice = random.Random(4)
    starting = []
    for round_ in range(10):
        seconds = str(dice.randint(0, 4))
        starting += [
            asyncio.create_task(started(town, 5 * round_ + number, seconds=seconds)) for number in range(5)
        ]
        await asyncio.sleep(dice.uniform(0.1, 2.5))
        os.kill(town.server.pid, signal.SIGKILL)
        await town.server.wait()
        await town.server.start()
    handles = await asyncio.wait_for(asyncio.gather(*starting), 60)
    assert len(handles) == 50
    await assert_each_once(town, handles)


async def test_a_server_that_stops_for_a_while_loses_nothing(town):
    """SIGSTOP for 20 s: said within 10 s to whoever connects, and nothing is lost."""
    await town.start_worker()
    before = await started(town, 1, seconds="5")
    await town.dispatched()
    os.kill(town.server.pid, signal.SIGSTOP)
    stopped_at = time.monotonic()
    try:
        with pytest.raises(EngineUnreachableError):
            await connect(address=town.server.address)
        assert time.monotonic() - stopped_at < 10
        await asyncio.sleep(20 - (time.monotonic() - stopped_at))
    finally:
        os.kill(town.server.pid, signal.SIGCONT)
    await assert_each_once(town, [before, await started(town, 2)])


@pytest.mark.parametrize("fault", ["reset", "silence", "hold"])
async def test_a_broken_way_to_the_server_heals_within_seconds(town, fault):
    """Connections that break, go silent or stall: work is done again within 10 s, and once."""
    async with Proxy(town.server.port) as proxy:
        town.worker_address = proxy.address
        await town.start_worker()
        before = await started(town, 1, seconds="4")
        await town.dispatched()
        getattr(proxy, fault)()
        if fault != "reset":
            await asyncio.sleep(10)
            proxy.heal()
        healed_at = time.monotonic()
        after = await started(town, 2)
        async with asyncio.timeout(60):
            while len(town.emulator.runs) < 2:
                await asyncio.sleep(0.05)
        took = time.monotonic() - healed_at
        await assert_each_once(town, [before, after])
        await town.stop()
    assert took < RECOVERY, f"{took:.1f} s"


async def test_a_slow_way_to_the_server_is_only_slow(town):
    """With a quarter of a second on each way everything works."""
    async with Proxy(town.server.port) as proxy:
        town.worker_address = proxy.address
        await town.start_worker()
        proxy.latency = 0.25
        await assert_each_once(town, [await started(town, 1, seconds="1")])
        await town.stop()


async def test_a_busy_worker_that_is_told_to_stop_is_drained(town):
    """SIGTERM while it dispatches and watches: it finishes what is short, and no attempt is lost."""
    first = await town.start_worker()
    watched = await started(town, 1, seconds="8")
    await town.dispatched()
    town.emulator.faults.fail_next("POST", "/dispatches", kind="delay", delay=3)
    dispatching = await started(town, 2)
    async with asyncio.timeout(30):
        while not town.emulator.faults.struck["delay"]:
            await asyncio.sleep(0.02)
    first.send(signal.SIGTERM)
    second = await town.start_worker()
    assert await asyncio.wait_for(first.process.wait(), 20) == 0
    await assert_each_once(town, [watched, dispatching])
    assert town.emulator.requests.count("POST", "/dispatches") == 2
    watcher = watcher_id("acme/tools", queues.WORKFLOWS + town.suffix)
    for workflow_id in (watched.id, dispatching.id, watcher):
        async for started_activity in activities_started(town.client, workflow_id):
            assert started_activity.attempt == 1, started_activity
    await second.kill()


@pytest.mark.parametrize("moment", ["planning", "looking"])
async def test_a_worker_killed_while_it_reads_is_missed_within_seconds(town, moment):
    """Recovery takes the grace time and 15 s at most, not the whole time that a read may take."""
    first = await town.start_worker()
    path = "/repos/acme/tools"
    if moment == "looking":
        path += "/actions/workflows/echo.yml/runs"
        town.emulator.faults.fail_next("POST", "/dispatches", kind="drop", after_effect=True)
    town.emulator.faults.fail_next("GET", path, kind="hang", delay=300)
    handle = await started(town, 1)
    async with asyncio.timeout(30):
        while not town.emulator.faults.struck["hang"]:
            await asyncio.sleep(0.02)
    await town.start_worker()
    killed_at = time.monotonic()
    await first.kill()
    await assert_each_once(town, [handle])
    assert timedelta(seconds=time.monotonic() - killed_at) < timedelta(seconds=6 + 15)
