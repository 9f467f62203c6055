"""Fleets over any number of items: the window, the cursor, failures, pause, cancellation."""

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from fleet.conftest import Yard
from fleet.work import desk_worker
from perdure.activities.store import ContentStore
from perdure.model.fleet import ListedItems, PagedItems, ResultsPage
from perdure.model.fleet_progress import FleetConclusion
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow


def results_of(house, head):
    """Read a fleet's results from the store, in the order of its input."""
    store, found = ContentStore(house.settings.store.path), []
    while head is not None:
        page = ResultsPage.model_validate_json(store.get(head))
        found += page.results
        head = page.previous
    return sorted(found, key=lambda result: result.index)


async def until(condition, within=60.0):
    """Look until the condition holds."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_every_item_is_done_once_and_accounted_for(yard):
    """Results name each item in the order of the input; the window is used and never exceeded."""
    items = ListedItems(items=tuple(f"acme/{n}" for n in range(25)))
    handle = await yard.start(items, max_parallel=4, chunk_size=10)
    result = await handle.result()
    assert result.conclusion is FleetConclusion.SUCCESS
    assert (result.counts.total, result.counts.succeeded, result.counts.cost) == (25, 25, 125)
    assert result.most_parallel == 4
    assert 1 <= yard.desk.most_at_once <= 4
    assert set(yard.desk.done.values()) == {1}
    assert [one.key for one in results_of(yard.house, result.results)] == list(items.items)


async def test_failures_are_collected_and_stop_nothing(yard):
    """Those that fail are named with their reasons; the rest goes on; few of them are tolerated."""
    items = ListedItems(items=("a", "bad-1", "b", "c", "d", "e"))
    result = await (await yard.start(items)).result()
    assert result.conclusion is FleetConclusion.PARTIAL
    assert (result.counts.succeeded, result.counts.failed) == (5, 1)
    [failure] = result.failures
    assert (failure.key, failure.reason) == ("bad-1", "bad-1 is bad")
    failed = results_of(yard.house, result.results)[1]
    assert (failed.item, failed.error) == ("bad-1", "BadItemError")


async def test_more_failures_than_tolerated_are_a_failure(yard):
    """A fleet of which more than the threshold fails does not call itself good."""
    result = await (await yard.start(ListedItems(items=("a", "bad-1", "b", "bad-2")))).result()
    assert result.conclusion is FleetConclusion.FAILURE


async def test_histories_follow_each_other_while_items_run(yard):
    """A new history begins without waiting for what runs, and nothing is done twice."""
    items = PagedItems(activity="fleet_test_pages", task_queue=yard.queue, arguments={"count": 60})
    handle = await yard.start(items, max_parallel=6, chunk_size=10, events_per_history=60)
    result = await handle.result()
    assert result.counts.succeeded == 60
    assert (await yard.progress(handle)).generation >= 2
    assert set(yard.desk.done.values()) == {1}
    assert len(yard.desk.done) == 60
    assert yard.desk.most_at_once <= 6
    assert len(results_of(yard.house, result.results)) == 60


async def test_a_new_history_waits_for_no_item(yard):
    """Items that take long when a history ends are awaited by the next one, beside new ones."""
    yard.desk.gate.clear()
    items = ListedItems(items=tuple(f"slow-{n}" for n in range(40)))
    handle = await yard.start(items, max_parallel=30, events_per_history=50)

    async def continued():
        progress = await yard.progress(handle)
        return progress.generation >= 1 and progress.running_count == 30

    await until(continued)
    assert not yard.desk.done
    yard.desk.gate.set()
    result = await handle.result()
    assert result.counts.succeeded == 40
    assert len(yard.desk.order) == 40
    assert yard.desk.most_at_once <= 30


async def test_a_paused_fleet_begins_nothing_until_it_is_resumed(yard):
    """What runs goes on while it is paused; what waits is done after it was resumed."""
    yard.desk.gate.clear()
    handle = await yard.start(ListedItems(items=("a", "b", "c")), max_parallel=1)

    async def begun():
        return yard.desk.at_once == 1

    await until(begun)
    await handle.signal(ChunkedProcessorWorkflow.pause)
    yard.desk.gate.set()

    async def ended():
        return (await yard.progress(handle)).counts.ended == 1

    await until(ended)
    progress = await yard.progress(handle)
    assert (progress.paused, progress.running_count, yard.desk.order) == (True, 0, ["a"])
    await handle.signal(ChunkedProcessorWorkflow.resume)
    assert (await handle.result()).counts.succeeded == 3


async def test_a_cancelled_fleet_ends_and_keeps_what_has_ended(yard):
    """What runs is asked to end, what waits is never begun, and all of it is accounted for."""
    yard.desk.gate.clear()
    handle = await yard.start(ListedItems(items=tuple("abcdef")), max_parallel=2)

    async def begun():
        return yard.desk.at_once == 2

    await until(begun)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    progress = await yard.progress(handle)
    assert progress.conclusion is FleetConclusion.CANCELLED
    assert (progress.counts.cancelled, progress.counts.total) == (2, 6)
    assert [one.key for one in results_of(yard.house, progress.results)] == ["a", "b"]


async def test_a_fleet_goes_on_when_its_workers_come_back(idle_house):
    """Workers that stop in the middle, and others that take over, do nothing twice."""
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    async with desk_worker(idle_house.client, queue) as desk:
        yard = Yard(idle_house, desk, queue)

        async def some_done():
            return len(desk.done) >= 8

        async with idle_house.workers():
            items = ListedItems(items=tuple(f"item-{number}" for number in range(20)))
            handle = await yard.start(items, max_parallel=3, chunk_size=5)
            await until(some_done)
        async with idle_house.workers():
            result = await handle.result()
    assert result.counts.succeeded == 20
    assert set(desk.done.values()) == {1}
    assert len(results_of(idle_house, result.results)) == 20


async def test_an_item_that_is_there_twice_is_done_once(yard):
    """The engine refuses its id a second time, and what the first one came to counts for both."""
    for parallel in (1, 3):
        items = ListedItems(items=("a", "bad-1", "a", "bad-1"))
        yard.desk.order.clear()
        result = await (await yard.start(items, max_parallel=parallel, failure_threshold=1)).result()
        assert (result.counts.succeeded, result.counts.failed) == (2, 2)
        assert sorted(yard.desk.order) == ["a", "bad-1"]
