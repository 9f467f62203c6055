"""Parallel analyses: a limit, results in order, errors beside them."""

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from perdure.model.fleet import Outcome
from perdure.model.parallel import ParallelAnalysisInput
from perdure.workflows.parallel_analysis import ParallelAnalysisWorkflow


async def start(yard, *items, **fields):
    given = {"work": yard.work(), **fields}
    return await yard.house.client.start_workflow(
        ParallelAnalysisWorkflow.run,
        ParallelAnalysisInput(items=items, **given),
        id=f"parallel-{uuid.uuid4().hex[:8]}",
        task_queue=yard.house.task_queue,
    )


async def test_results_stand_in_the_order_of_the_input_with_errors_beside_them(yard):
    """One that fails stops no other, and everybody can tell which it was and why."""
    items = ("bad-1", *(f"item-{n}" for n in range(12)), "bad-2")
    result = await (await start(yard, *items, max_parallel=3)).result()
    assert [one.key for one in result.results] == list(items)
    assert [one.outcome for one in result.results].count(Outcome.SUCCEEDED) == 12
    assert [(one.key, one.reason) for one in result.errors] == [
        ("bad-1", "bad-1 is bad"),
        ("bad-2", "bad-2 is bad"),
    ]
    assert [value["item"] for value in result.values] == [f"item-{n}" for n in range(12)]
    assert result.most_parallel == 3
    assert yard.desk.most_at_once <= 3


async def test_it_runs_activities_as_well_as_workflows(yard):
    """What costs no workflow of its own need not be one."""
    work = yard.work(workflow="", activity="fleet_test_work", attempts=1)
    result = await (await start(yard, "a", "bad-1", work=work)).result()
    assert [one.outcome for one in result.results] == [Outcome.SUCCEEDED, Outcome.FAILED]
    assert result.results[1].error == "BadItemError"
    assert result.results[0].cost == 5


async def test_a_large_result_is_kept_in_the_store(yard):
    """A result that is too large to return is referred to."""
    work = yard.work(input={"text": "${{ item }}" * 600}, workflow="", activity="fleet_test_echo")
    result = await (await start(yard, "0123456789", work=work)).result()
    [one] = result.results
    assert one.value is None
    assert one.stored.size > 6_000


async def test_an_item_that_the_template_does_not_fit_fails_alone(yard):
    """A list whose items are not all alike does not fail as a whole."""
    work = yard.work(input="${{ item.name }}")
    result = await (await start(yard, {"name": "a"}, {"id": 3}, work=work)).result()
    assert [one.outcome for one in result.results] == [Outcome.SUCCEEDED, Outcome.FAILED]
    assert "this item has no 'name'" in result.errors[0].reason


async def test_a_cancellation_cancels_what_runs(yard):
    """Nothing goes on behind the back of whoever cancelled it."""
    yard.desk.gate.clear()
    handle = await start(yard, "a", "b", "c", max_parallel=2)
    async with asyncio.timeout(60):
        while yard.desk.at_once < 2:
            await asyncio.sleep(0.05)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert sorted(yard.desk.order) == ["a", "b"]
