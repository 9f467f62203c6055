"""Perdure inside somebody's own workflow: their worker, their queue, no ``perdure worker`` anywhere."""

import asyncio
import uuid
from contextlib import asynccontextmanager

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from perdure import PerdurePlugin
from perdure.engine.connection import connect_local
from perdure.errors import SettingsError
from perdure.model import queues
from workflows.releases import CarefulRelease, Mistaken, Release, Releases

WORKFLOWS = [Release, CarefulRelease, Releases, Mistaken]


@asynccontextmanager
async def their_worker(house, client):
    """Run their worker, with Perdure's beside it, and return its queue."""
    queue = f"releases-{uuid.uuid4().hex[:8]}"
    async with Worker(client, task_queue=queue, workflows=WORKFLOWS):
        yield queue


@pytest.fixture
def plugin(idle_house):
    return PerdurePlugin(idle_house.settings)


@pytest.fixture
async def client(temporal_server, plugin) -> Client:
    return await connect_local(temporal_server.address, plugins=[plugin])


@pytest.fixture
async def start(idle_house, client):
    """Start one of their workflows on their worker."""
    async with their_worker(idle_house, client) as queue:

        async def started(workflow_type, argument):
            return await client.start_workflow(
                workflow_type.run,
                args=[idle_house.task_queue, argument],
                id=f"release-{uuid.uuid4().hex[:8]}",
                task_queue=queue,
            )

        yield started


async def test_their_workflow_gets_the_result(idle_house, start):
    """Nothing runs but their worker, which has the plugin."""
    handle = await start(Release, {"message": "v1"})
    assert await handle.result() == {"conclusion": "success", "outputs": {"message": "v1"}}
    assert len(idle_house.emulator.runs) == 1


async def test_their_workflow_sees_why_an_action_failed(idle_house, start):
    """The type is the error's name; its details hold conclusion, URL, jobs and log."""
    handle = await start(CarefulRelease, {"fail": "true"})
    type_name, message, details = await handle.result()
    assert type_name == "GitHubActionConclusionError"
    assert "Fail where asked" in message
    assert details["conclusion"] == "failure"
    assert details["html_url"].endswith(f"/actions/runs/{idle_house.emulator.runs[0].id}")
    assert details["failed_jobs"][0]["step"] == "Fail where asked"
    assert "this went wrong" in details["log_tail"]


async def test_an_action_that_nobody_catches_fails_their_workflow(idle_house, start):
    """It ends, with the leaf cause in sight: it is not tried for ever as a failed workflow task."""
    handle = await start(Release, {"fail": "true"})
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    failure = caught.value.cause
    assert isinstance(failure, ApplicationError)
    assert failure.type == "GitHubActionConclusionError"


async def test_a_reserved_input_fails_their_workflow_before_anything_starts(idle_house, start):
    """Perdure's own errors fail a workflow instead of its task."""
    handle = await start(Release, {"dispatch_id": "mine"})
    async with asyncio.timeout(10):
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    assert caught.value.cause.type == "ReservedInputKeyError"
    assert idle_house.emulator.runs == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"repository": "acme"}, "repository"),
        ({"input": {"message": "hi"}}, "did you mean inputs?"),
        ({"poll_interval": "soon"}, "poll_interval"),
    ],
)
async def test_a_mistake_fails_their_workflow_instead_of_its_task(start, options, says):
    """What no dispatch could be made of ends the workflow: its task would be retried for ever."""
    handle = await start(Mistaken, options)
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 20)
    assert caught.value.cause.type == "InvalidInputError"
    assert says in caught.value.cause.message


async def test_cancelling_their_workflow_cancels_the_run_at_github(idle_house, start):
    """The cancellation waits until GitHub has heard of it."""
    handle = await start(Release, {"wait_time": "60"})
    async with asyncio.timeout(20):
        while not any(run.status == "in_progress" for run in idle_house.emulator.runs):
            await asyncio.sleep(0.05)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert idle_house.emulator.runs[0].conclusion == "cancelled"


async def test_terminating_their_workflow_cancels_the_run_too(idle_house, start):
    """Whoever ends a workflow the hard way does not leave its run alone at GitHub."""
    handle = await start(Release, {"wait_time": "60"})
    async with asyncio.timeout(20):
        while not any(run.status == "in_progress" for run in idle_house.emulator.runs):
            await asyncio.sleep(0.05)
    await handle.terminate()
    async with asyncio.timeout(20):
        while idle_house.emulator.runs[0].conclusion is None:
            await asyncio.sleep(0.05)
    assert idle_house.emulator.runs[0].conclusion == "cancelled"


async def test_actions_beside_each_other_are_told_apart(idle_house, start):
    """Each has a run of its own, and the results come in the order of the calls."""
    handle = await start(Releases, 5)
    assert await handle.result() == [{"message": str(number)} for number in range(5)]
    assert len({run.title for run in idle_house.emulator.runs}) == 5


async def test_actions_run_on_perdures_queues_and_not_on_theirs(idle_house, start, client):
    """Their queue keeps its own limits and slots."""
    handle = await start(Release, {})
    await handle.result()
    history = await handle.fetch_history()
    [child] = [
        event.start_child_workflow_execution_initiated_event_attributes
        for event in history.events
        if event.HasField("start_child_workflow_execution_initiated_event_attributes")
    ]
    assert child.task_queue.name == idle_house.task_queue
    action = await client.get_workflow_handle(child.workflow_id).fetch_history()
    asked = {
        event.activity_task_scheduled_event_attributes.task_queue.name
        for event in action.events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    suffix = idle_house.settings.worker.queue_suffix
    assert asked == {queues.WORKFLOWS + suffix, queues.DISPATCH + suffix}


async def test_the_plugin_refuses_perdures_own_queue_for_their_worker(idle_house, client):
    """Two workers with different workflows on one queue would lose each other's tasks."""
    with pytest.raises(SettingsError, match="is Perdure's own") as caught:
        Worker(client, task_queue=idle_house.task_queue, workflows=WORKFLOWS)
    assert "another name" in caught.value.hint


async def test_the_plugin_brings_the_converter_to_a_client_that_has_the_default_one(
    idle_house, temporal_server, plugin
):
    """Nobody has to know that models need a converter."""
    client = await Client.connect(
        temporal_server.address, data_converter=DataConverter.default, plugins=[plugin]
    )
    async with their_worker(idle_house, client) as queue:
        result = await client.execute_workflow(
            Release.run,
            args=[idle_house.task_queue, {"message": "v2"}],
            id=f"release-{uuid.uuid4().hex[:8]}",
            task_queue=queue,
        )
    assert result["outputs"] == {"message": "v2"}


async def test_the_plugin_polls_nothing_where_a_perdure_worker_runs_elsewhere(house, temporal_server):
    """``task_queues=()`` leaves the work to ``perdure worker``."""
    plugin = PerdurePlugin(house.settings, task_queues=())
    client = await connect_local(temporal_server.address, plugins=[plugin])
    async with their_worker(house, client) as queue:
        result = await client.execute_workflow(
            Release.run,
            args=[house.task_queue, {}],
            id=f"release-{uuid.uuid4().hex[:8]}",
            task_queue=queue,
        )
    assert result["conclusion"] == "success"


async def test_a_worker_without_credentials_says_so_at_once(idle_house, temporal_server, monkeypatch):
    """Instead of polling for work that it cannot do."""
    monkeypatch.delenv("HOUSE_TOKEN")
    client = await connect_local(temporal_server.address, plugins=[PerdurePlugin(idle_house.settings)])
    async with asyncio.timeout(10):
        with pytest.raises(SettingsError, match="HOUSE_TOKEN"):
            await Worker(client, task_queue="anything", workflows=WORKFLOWS).run()
