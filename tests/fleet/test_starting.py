"""Starting, following and steering fleets from ordinary code and from workflows of one's own."""

import uuid
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError

from fleet.test_chunked_processor import until
from fleet.work import Caller
from perdure.engine.fleet_retries import retry_fleet
from perdure.engine.fleet_store import keep_list, read_results
from perdure.engine.fleets import find_fleet, list_fleets, start_fleet
from perdure.errors import FleetNotKnownError, KeyConflictError, UsageError
from perdure.model.fleet import ListedItems, Outcome, PagedItems, StoredItems
from perdure.model.fleet_progress import FleetInput
from perdure.pipeline import read_pipeline
from perdure.pipeline.fleet_compiling import compile_fleet
from perdure.pipeline.fleet_file import read_fleet
from workflows.conftest import House

LONG = [{"name": f"acme/repository-{number}", "text": "x" * 10_000} for number in range(30)]
"""Too much to travel at once."""


def key():
    return uuid.uuid4().hex[:8]


async def start(yard, items, **fields):
    given = {"name": "code", "work": yard.work(), "digest": str(items), **fields}
    house: House = yard.house
    return await start_fleet(
        house.client, FleetInput(items=items, **given), key=key(), task_queue=house.task_queue
    )


async def test_a_long_list_is_kept_where_the_workers_are(yard):
    """It travels in parts, is read by a cursor, and every item of it is done."""
    house = yard.house
    items = await keep_list(house.client, LONG, task_queue=house.task_queue)
    assert isinstance(items, StoredItems)
    assert items.total == len(LONG)
    work = yard.work(workflow="", activity="fleet_test_echo", input={"name": "${{ item.name }}"})
    handle = await start(yard, items, work=work, max_parallel=20, chunk_size=10)
    result = await handle.result()
    assert (result.counts.total, result.counts.succeeded) == (len(LONG), len(LONG))
    found = await read_results(house.client, await handle.progress(), task_queue=house.task_queue)
    names = [item["name"] for item in LONG]
    assert [one.key for one in found] == names
    assert found[7].value == {"name": names[7]}


async def test_the_same_key_attaches_and_another_fleet_is_refused(yard):
    """Whoever starts it twice gets the one that is there, and never by mistake another one."""
    house, name = yard.house, key()
    input = FleetInput(name="keyed", items=ListedItems(items=("a",)), work=yard.work(), digest="one")
    first = await start_fleet(house.client, input, key=name, task_queue=house.task_queue)
    again = await start_fleet(house.client, input, key=name, task_queue=house.task_queue)
    assert (first.started, again.started, first.id) == (True, False, again.id)
    assert (await again.result()).counts.succeeded == 1
    other = input.model_copy(update={"digest": "two"})
    with pytest.raises(KeyConflictError):
        await start_fleet(house.client, other, key=name, task_queue=house.task_queue)
    assert yard.desk.done == {"a": 1}


async def test_a_retry_does_what_failed_and_nothing_else(yard):
    """What succeeded is not done again; what failed is done under a new id that follows from the old one."""
    house = yard.house
    handle = await start(yard, ListedItems(items=("a", "bad-1", "b", "bad-2")))
    await handle.result()
    before = dict(yard.desk.done)
    again = await retry_fleet(house.client, handle.id)
    assert again.id == f"{handle.id}-retry-1"
    result = await again.result()
    assert (result.counts.total, result.counts.failed) == (2, 2)
    assert yard.desk.order.count("bad-1") == 2
    assert dict(yard.desk.done) == before
    with pytest.raises(UsageError, match="nothing failed"):
        await retry_fleet(house.client, (await done(yard)).id)


async def done(yard):
    handle = await start(yard, ListedItems(items=("fine",)))
    await handle.result()
    return handle


async def test_a_fleet_that_runs_is_listed_and_is_not_retried(yard):
    """It is found by its id, with or without what comes before it."""
    house = yard.house
    yard.desk.gate.clear()
    handle = await start(yard, ListedItems(items=("a",)))
    assert (await find_fleet(house.client, handle.id.removeprefix("fleet/"))).id == handle.id

    async def is_listed():
        found = {one.id: one.status for one in await list_fleets(house.client, limit=200)}
        return found.get(handle.id) == "running"

    await until(is_listed)
    with pytest.raises(UsageError, match="still runs"):
        await retry_fleet(house.client, handle.id)
    yard.desk.gate.set()
    await handle.result()
    with pytest.raises(FleetNotKnownError):
        await find_fleet(house.client, "nobody/knows")


async def test_progress_is_followed_from_one_history_to_the_next(yard):
    """Whoever watches sees the end, however many histories there are on the way."""
    items = ListedItems(items=tuple(f"item-{number}" for number in range(40)))
    handle = await start(yard, items, max_parallel=4, events_per_history=60)
    seen = [progress async for progress in handle.watch()]
    assert seen[-1].conclusion is not None
    assert seen[-1].generation >= 1
    assert seen[-1].counts.succeeded == 40


async def test_a_workflow_of_ones_own_calls_a_fleet_over_any_list(yard):
    """A list that is too long for one input is kept first; the work runs on the caller's own queue."""
    found = await yard.house.client.execute_workflow(
        Caller.run,
        args=[LONG, yard.house.task_queue],
        id=f"caller-{key()}",
        task_queue=yard.queue,
        execution_timeout=timedelta(minutes=2),
    )
    assert found == ["success", 30, 30]


async def test_an_option_that_does_not_fit_fails_the_caller_and_not_its_task(yard):
    """A task that fails would be tried again for ever."""
    with pytest.raises(WorkflowFailureError) as caught:
        await yard.house.client.execute_workflow(
            Caller.run,
            args=[["a", "a"], yard.house.task_queue],
            id=f"caller-{key()}",
            task_queue=yard.queue,
            execution_timeout=timedelta(minutes=2),
        )
    assert caught.value.cause.type == "UsageError"


async def test_results_say_what_was_not_done_when_it_was_cancelled(yard):
    """A cancelled fleet's report names what it had begun."""
    house = yard.house
    yard.desk.gate.clear()
    handle = await start(yard, ListedItems(items=("a", "b", "c")), max_parallel=2)

    async def begun():
        return yard.desk.at_once == 2

    await until(begun)
    await handle.cancel()

    async def ended():
        return not await handle.is_running()

    await until(ended)
    found = await read_results(house.client, await handle.progress(), task_queue=house.task_queue)
    assert [(one.key, one.outcome) for one in found] == [
        ("a", Outcome.CANCELLED),
        ("b", Outcome.CANCELLED),
    ]


async def test_a_retry_goes_on_where_a_fleet_was_cancelled(yard):
    """What had succeeded is not done again; what was under way and what was never begun is done."""
    house = yard.house
    items = PagedItems(activity="fleet_test_pages", task_queue=yard.queue, arguments={"count": 25})
    handle = await start(yard, items, max_parallel=1, chunk_size=5)

    async def some_ended():
        return len(yard.desk.done) >= 7

    await until(some_ended)
    yard.desk.gate.clear()
    await handle.cancel()

    async def ended():
        return not await handle.is_running()

    await until(ended)
    cancelled = await handle.progress()
    assert cancelled.counts.ended < 25
    yard.desk.gate.set()
    result = await (await retry_fleet(house.client, handle.id)).result()
    assert result.counts.succeeded == 25 - cancelled.counts.succeeded
    assert result.counts.total == result.counts.ended
    assert len(yard.desk.done) == 25
    found = await read_results(house.client, cancelled, task_queue=house.task_queue)
    done_before = {one.key for one in found if one.outcome is Outcome.SUCCEEDED}
    assert {yard.desk.order.count(key) for key in done_before} == {1}


async def test_a_pipeline_is_run_for_every_item(yard):
    """Its inputs come from the item; an item that does not fit fails alone."""
    pipeline = read_pipeline("""
name: each
inputs: {repository: {type: string, required: true, pattern: "acme/.*"}}
steps: {pause: {wait: 1s}}
outputs: {done: "${{ inputs.repository }}"}
""")
    file = read_fleet(
        'name: pipelines\nitems: [a]\npipeline: each.yaml\ninput: {repository: "${{ item }}"}\n'
        "failure-threshold: 50%"
    )
    items = ListedItems(items=("acme/one", "other/two"))
    input = compile_fleet(file, items, pipeline=(pipeline, {}))
    house = yard.house
    handle = await start_fleet(house.client, input, key=key(), task_queue=house.task_queue)
    result = await handle.result()
    assert (result.counts.succeeded, result.counts.failed) == (1, 1)
    assert "repository" in result.failures[0].reason
    [good, _] = await read_results(house.client, await handle.progress(), task_queue=house.task_queue)
    assert good.value["outputs"] == {"done": "acme/one"}
