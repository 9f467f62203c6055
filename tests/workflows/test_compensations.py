"""What ``compensations`` promises to people who write workflows."""

import asyncio
import uuid
from contextlib import asynccontextmanager

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import Replayer, Worker

from perdure.engine.workers import workflow_runner
from perdure.errors import PerdureError
from workflows.sagas import Deployment, Saga


@asynccontextmanager
async def worker(client, **options):
    queue = f"sagas-{uuid.uuid4().hex[:8]}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Saga, Deployment],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[PerdureError],
        **options,
    ):
        yield queue


@pytest.fixture
async def start(temporal_client):
    """Start a saga on a worker of its own."""
    async with worker(temporal_client) as queue:
        yield lambda *arguments: started(temporal_client, queue, *arguments)


async def started(client, queue, end, broken=()):
    return await client.start_workflow(
        Saga.run, args=[end, list(broken)], id=f"saga-{uuid.uuid4().hex[:8]}", task_queue=queue
    )


async def failure_of(handle):
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 60)
    return caught.value.cause


async def details_of(handle):
    return (await handle.query("__temporal_workflow_metadata")).current_details


async def test_success_undoes_nothing(start):
    """A block that comes to its end leaves everything as it is."""
    handle = await start("succeeds")
    assert await handle.result() == []
    assert await details_of(handle) == "my own words"


async def test_a_failure_undoes_the_last_first(start):
    """And the workflow fails with the error that ended the block."""
    handle = await start("fails")
    failure = await failure_of(handle)
    assert isinstance(failure, ApplicationError)
    assert (failure.type, failure.message) == ("Deployment", "the deployment failed")
    assert await handle.query(Saga.trail) == ["three", "two", "one"]


async def test_one_that_fails_does_not_stop_the_others(start):
    """Each outcome is known to the workflow; the error is still the block's."""
    handle = await start("caught", ["two"])
    assert await handle.result() == [
        *("three", "one"),
        "the deployment failed",
        *("three True", "two False", "one True"),
    ]


async def test_the_workflows_page_shows_each_outcome(start):
    """Below what the workflow has written about itself."""
    handle = await start("fails", ["two"])
    await failure_of(handle)
    assert (await details_of(handle)).splitlines() == [
        "my own words",
        "",
        "**Undoing**",
        "",
        "- ✓ _undo three ['two']",
        "- ✗ _undo two ['two']: two cannot be undone",
        "- ✓ _undo one ['two']",
    ]


async def test_a_cancellation_undoes_too(start):
    """The workflow ends as cancelled when all is undone."""
    handle = await start("waits")
    await handle.query(Saga.trail)
    await handle.cancel()
    assert isinstance(await failure_of(handle), CancelledError)
    assert await handle.query(Saga.trail) == ["three", "two", "one"]


async def test_no_second_cancellation_tears_it(start):
    """What is being undone is undone to its end, and the block ends as cancelled."""
    handle = await start("impatient")
    assert await handle.result() == ["inner", "held", "cancelled"]


async def test_there_may_be_no_way_back(start):
    """What was cleared is not undone; what was added later is."""
    handle = await start("no way back")
    await failure_of(handle)
    assert await handle.query(Saga.trail) == ["four"]


async def test_a_refusal_undoes_without_an_error(start):
    """``run`` undoes everything at once, and once only."""
    handle = await start("refused")
    assert await handle.result() == ["three", "two", "one", "3"]


async def test_a_cancellation_while_a_refusal_is_undone_is_not_lost(start):
    """All is undone first, then the workflow ends as cancelled."""
    handle = await start("cancelled while refused")
    async with asyncio.timeout(60):
        while await handle.query(Saga.trail) != ["refused"]:
            await asyncio.sleep(0.05)
    await handle.cancel()
    await handle.signal(Saga.go)
    assert isinstance(await failure_of(handle), CancelledError)
    assert await handle.query(Saga.trail) == ["refused", "held", "three", "two", "one", "left"]


async def test_continuing_as_new_undoes_nothing(start):
    """The workflow goes on: nothing has failed."""
    handle = await start("goes on")
    assert await handle.result() == []


async def test_a_worker_that_forgets_the_workflow_undoes_nothing_twice(temporal_client):
    """A worker without memory replays it after every step, and its history replays."""
    async with worker(temporal_client, max_cached_workflows=0) as queue:
        handle = await started(temporal_client, queue, "fails", ["two"])
        failure = await failure_of(handle)
        assert failure.type == "Deployment"
        assert await handle.query(Saga.trail) == ["three", "one"]
    replayer = Replayer(workflows=[Saga], workflow_runner=workflow_runner())
    await replayer.replay_workflow(await handle.fetch_history())


async def test_cancelling_a_release_undoes_it_at_github(house):
    """The run in progress is cancelled there first, then what had succeeded is undone."""
    async with worker(house.client) as queue:
        handle = await house.client.start_workflow(
            Deployment.run, house.task_queue, id=f"saga-{uuid.uuid4().hex[:8]}", task_queue=queue
        )
        async with asyncio.timeout(60):
            while [run.status for run in house.emulator.runs] != ["completed", "in_progress"]:
                await asyncio.sleep(0.05)
        await handle.cancel()
        assert isinstance(await failure_of(handle), CancelledError)
    runs = [(run.title.split()[1], run.conclusion) for run in house.emulator.runs]
    assert runs == [("publish", "success"), ("deploy", "cancelled"), ("yank", "success")]
