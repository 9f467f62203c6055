"""Pipelines that take weeks, in a time that the server skips."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from perdure.engine.pipelines import start_pipeline
from perdure.engine.workers import workflow_runner
from perdure.pipeline import read_pipeline
from perdure.pipeline.running import JobState
from workflows.lockers import Locker
from workflows.test_long_actions import server_options

WEEKS = """
name: weeks
steps:
  pause: {wait: 21d}
  ask:
    needs: pause
    approval: {approvers: [alice], timeout: 3d, on-timeout: approve, remind: 2d}
  act:
    needs: ask
    action: acme/tools/echo.yml
    inputs: {message: '${{ steps.ask.conclusion }}', wait_time: '3'}
    outputs: {message: string}
outputs: {said: '${{ steps.act.outputs.message }}'}
"""


@pytest.fixture
async def environment():
    flags = [
        "frontend.WorkflowTimeSkippingEnabled=true",
        "history.transferProcessorMaxPollRPS=1000",
        "history.timerProcessorMaxPollRPS=1000",
    ]
    async with await WorkflowEnvironment.start_time_skipping_v2(**server_options(*flags)) as environment:
        yield environment


@pytest.fixture
async def temporal_client(environment):
    return environment.client


@pytest.fixture
async def house(idle_house):
    """It looks for itself every six hours: the run's seconds are the workflow's days."""
    watch = idle_house.settings.watch.model_copy(update={"reconcile_interval": timedelta(hours=6)})
    async with idle_house.workers(watch=watch):
        yield idle_house


async def history_of(house, workflow_id):
    return (await house.client.get_workflow_handle(workflow_id).fetch_history()).events


def duration(events):
    """Return the time by the workflow's own clock, which begins at its parent's."""
    begun = (event for event in events if event.HasField("workflow_task_started_event_attributes"))
    first = next(begun, events[-1])
    return events[-1].event_time.ToDatetime() - first.event_time.ToDatetime()


async def test_a_pipeline_waits_for_weeks(house):
    """For a date, for people and for a run: at the end all is there, and the waiting has cost nothing."""
    handle = await start_pipeline(house.client, read_pipeline(WEEKS), task_queue=house.task_queue)
    async with asyncio.timeout(100):
        result = await handle.result()
    assert result.outputs == {"said": "success"}
    assert {job.state for job in result.jobs} == {JobState.SUCCESS}
    own = await history_of(house, handle.id)
    approval = await history_of(house, f"approval/{handle.id}/ask")
    action = await history_of(house, f"{handle.id}/act")
    assert timedelta(days=21) <= duration(own) < timedelta(days=22)
    assert timedelta(days=3) <= duration(approval) < timedelta(days=4)
    assert duration(action) > timedelta(days=1)
    assert len(own) < 40
    assert [one.conclusion for one in house.emulator.runs] == ["success"]


ALONE = """
name: alone
concurrency: weeks
steps:
  pause: {wait: 1d}
"""


@pytest.mark.faults
async def test_a_pipeline_waits_for_its_group_for_weeks(house):
    """Asking for it again and again does not fill its history: it is still there when the group is free."""
    queue = f"lockers{house.settings.worker.queue_suffix}"
    people = Worker(house.client, task_queue=queue, workflows=[Locker], workflow_runner=workflow_runner())
    async with people, asyncio.timeout(100):
        holder = await house.client.start_workflow(
            Locker.run, args=["weeks", house.task_queue, "queue", None], id="holder", task_queue=queue
        )
        while not await holder.query(Locker.inside):
            await asyncio.sleep(0.05)
        handle = await start_pipeline(house.client, read_pipeline(ALONE), task_queue=house.task_queue)
        while duration(events := await history_of(house, handle.id)) < timedelta(days=21):
            await asyncio.sleep(0.2)
        assert len(events) < 21 * 4 * 15
        await holder.signal(Locker.go)
        assert (await handle.result()).jobs[0].state is JobState.SUCCESS
