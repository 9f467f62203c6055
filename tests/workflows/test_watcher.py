"""One watcher for each repository tells everybody who waits there, and nobody depends on it."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from perdure.config import WatchSettings
from perdure.errors import ActionsRunNotFoundError, GitHubError
from perdure.model.actions import ActionRetry
from perdure.model.progress import Stage
from perdure.model.watching import watcher_id

FLAKY = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
run-name: flaky [${{ inputs.dispatch_id }}]
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps:
      - run: test "$ATTEMPT" -ge 2
        env: {ATTEMPT: '${{ github.run_attempt }}'}
"""


async def until(wanted):
    """Wait until the (async) condition holds."""
    async with asyncio.timeout(20):
        while not await wanted():
            await asyncio.sleep(0.05)


async def stands_at(handle, stage):
    async def reached():
        return (await handle.progress()).stage is stage

    await until(reached)


async def result_of(handle):
    async with asyncio.timeout(30):
        return await handle.result()


def a_person(house):
    """Somebody with a browser."""
    return httpx2.AsyncClient(base_url=house.emulator.api_url, headers={"authorization": "token any"})


def watcher(house):
    return house.client.get_workflow_handle(watcher_id("acme/tools", house.task_queue))


async def status_of(handle):
    try:
        return (await handle.describe()).status
    except RPCError:
        return None


async def is_watched(house):
    return await status_of(watcher(house)) is WorkflowExecutionStatus.RUNNING


def lists_of_runs(house):
    return sum(
        1
        for served in house.emulator.requests.served
        if served.method == "GET" and served.path.endswith("/acme/tools/actions/runs")
    )


async def test_one_watcher_serves_thirty_actions(house):
    """GitHub sees a few list requests, however many wait, and no request for a single run."""
    started = asyncio.get_running_loop().time()
    handles = await asyncio.gather(*(house.start(inputs={"wait_time": "1"}) for _ in range(30)))
    results = await asyncio.gather(*(result_of(handle) for handle in handles))
    took = asyncio.get_running_loop().time() - started
    assert {result.conclusion for result in results} == {"success"}
    assert len(house.emulator.runs) == 30
    # One look at most each shortest interval of 0.1 s, and not one for each action.
    assert lists_of_runs(house) <= took / 0.1 + 5
    looks = [
        served
        for served in house.emulator.requests.served
        if served.method == "GET" and served.path.rpartition("/")[2].isdecimal() and "/runs/" in served.path
    ]
    assert len(looks) <= 3


async def test_the_watcher_ends_after_the_last_waiter_and_starts_with_the_next(house):
    """Nothing polls GitHub while nobody waits."""
    await result_of(await house.start())
    first = watcher(house)

    async def ended():
        return await status_of(first) is WorkflowExecutionStatus.COMPLETED

    await until(ended)
    first_run = (await first.describe()).run_id
    await result_of(await house.start(inputs={"wait_time": "1"}))
    assert (await watcher(house).describe()).run_id != first_run


async def test_a_waiter_whose_news_are_lost_reads_its_run_itself(idle_house):
    """The watcher is gone, and with it all news: the timer behind the wait finds the end all the same."""
    watch = WatchSettings(
        shortest_interval=timedelta(milliseconds=100), reconcile_interval=timedelta(seconds=3)
    )
    async with idle_house.workers(watch=watch):
        handle = await idle_house.start(inputs={"wait_time": "2"})
        await stands_at(handle, Stage.RUNNING)
        await watcher(idle_house).terminate()
        assert (await result_of(handle)).conclusion == "success"


async def test_a_terminated_watcher_comes_back_with_the_next_reading(idle_house):
    """A run that goes on is watched again, not read again and again."""
    watch = WatchSettings(
        shortest_interval=timedelta(milliseconds=100), reconcile_interval=timedelta(seconds=1)
    )
    async with idle_house.workers(watch=watch):
        handle = await idle_house.start(inputs={"wait_time": "60"})
        await stands_at(handle, Stage.RUNNING)
        await watcher(idle_house).terminate()
        await until(lambda: is_watched(idle_house))
        await handle.cancel()


async def test_a_worker_that_shuts_down_hands_the_watch_back(idle_house):
    """The next worker goes on at once: nobody waits for a heartbeat that is missing."""
    async with idle_house.workers():
        handle = await idle_house.start(inputs={"wait_time": "3"})
        await stands_at(handle, Stage.RUNNING)
    async with asyncio.timeout(12), idle_house.workers():
        assert (await handle.result()).conclusion == "success"


async def test_a_deleted_run_ends_with_an_error_that_says_so(idle_house):
    """Somebody deleted the run at GitHub while nobody looked: it will never be seen again."""
    house = idle_house
    async with house.workers():
        handle = await house.start(inputs={"wait_time": "60"})
        await stands_at(handle, Stage.RUNNING)
    [actions_run] = house.emulator.runs
    async with a_person(house) as person:
        await person.post(f"/repos/acme/tools/actions/runs/{actions_run.id}/cancel")
        await house.emulator.idle()
        answer = await person.delete(f"/repos/acme/tools/actions/runs/{actions_run.id}")
        assert answer.status_code == 204
    async with house.workers():
        with pytest.raises(ActionsRunNotFoundError, match=str(actions_run.id)):
            await result_of(handle)


async def test_a_removed_repository_ends_with_an_error_that_names_it(house):
    """Its waiters are told to look themselves, and meet the error where it can be shown."""
    handle = await house.start(inputs={"wait_time": "60"})
    await stands_at(handle, Stage.RUNNING)
    house.emulator.faults.fail_next(
        "*", "/repos/acme/tools", status=404, times=1000, body='{"message": "Not Found", "status": "404"}'
    )
    with pytest.raises(GitHubError, match="acme/tools"):
        await result_of(handle)


async def test_a_quota_that_is_used_up_is_waited_for(house):
    """GitHub refuses once. Nobody asks again before the hour is over, and then the end is found."""
    handle = await house.start(inputs={"wait_time": "1"})
    await stands_at(handle, Stage.RUNNING)
    house.emulator.limits.exhaust(reset_in=timedelta(seconds=3))
    assert (await result_of(handle)).conclusion == "success"
    refused = [served for served in house.emulator.requests.served if served.status in {403, 429}]
    assert 1 <= len(refused) <= 2


async def test_a_rerun_by_a_person_between_attempts_is_adopted(house):
    """While the retry waits for its turn somebody presses the button: no third attempt is made."""
    house.add("acme/flaky", flaky=FLAKY)
    retry = ActionRetry(attempts=2, delay=timedelta(seconds=3))
    handle = await house.start("flaky.yml", repository="acme/flaky", retry=retry)
    await stands_at(handle, Stage.RETRYING)
    [actions_run] = house.emulator.runs
    async with a_person(house) as person:
        answer = await person.post(f"/repos/acme/flaky/actions/runs/{actions_run.id}/rerun-failed-jobs")
        assert answer.status_code == 201
    result = await result_of(handle)
    assert (result.conclusion, result.actions_run_attempt) == ("success", 2)
    assert house.emulator.requests.count("POST", "/rerun-failed-jobs") == 1
    assert len(actions_run.attempts) == 2
