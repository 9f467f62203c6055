"""Concurrency groups on the real engine: one at a time, in order, and nobody is lost."""

import asyncio
import gc
import random
import uuid
from functools import partial
from itertools import pairwise

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from perdure.activities.failures import original_error
from perdure.activities.locking import AskForLockInput, LockActivities
from perdure.engine.pipelines import start_pipeline
from perdure.engine.workers import workflow_runner
from perdure.errors import GroupTakenError, PerdureError, PipelineCancelledError
from perdure.model.locks import LockRequest
from perdure.pipeline import read_pipeline
from perdure.pipeline.running import JobState
from perdure.workflows.lock import LockWorkflow
from workflows.lockers import Collector, Impatient, Locker, Nested


@pytest.fixture
def group():
    return f"group-{uuid.uuid4().hex[:8]}"


def people(house):
    """Return a worker for people's own workflows, on a queue of its own."""
    return Worker(
        house.client,
        task_queue=f"lockers-{uuid.uuid4().hex[:8]}",
        workflows=[Locker, Impatient, Nested, Collector],
        workflow_runner=workflow_runner(),
        workflow_failure_exception_types=[PerdureError],
    )


async def locker(house, group, worker, *, stay=None, policy="queue"):
    """Start a workflow that wants the group."""
    return await house.client.start_workflow(
        Locker.run,
        args=[group, house.task_queue, policy, stay],
        id=f"locker-{uuid.uuid4().hex[:8]}",
        task_queue=worker.task_queue,
    )


@pytest.fixture
async def start(house, group):
    """Start people's workflows that want the group."""
    async with people(house) as worker:
        yield partial(locker, house, group, worker)


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)


async def lock_state(house, group):
    return await house.client.get_workflow_handle(f"lock/{group}").query(LockWorkflow.state)


async def waiting(house, group, count):
    await until(lambda: _waiting(house, group, count))


async def _waiting(house, group, count):
    return len((await lock_state(house, group)).waiting) == count


async def test_many_enter_one_at_a_time(start):
    """Twenty at once, some cancelled while they wait or inside: the rest all get in, never two together."""
    chance = random.Random(7)
    handles = await asyncio.gather(*(start(stay=0.01) for _ in range(20)))
    cancelled = chance.sample(handles, 6)
    for handle in cancelled:
        await handle.cancel()
    outcomes = await asyncio.gather(*(handle.result() for handle in handles), return_exceptions=True)
    stays = sorted(outcome for outcome in outcomes if isinstance(outcome, list))
    assert len(stays) >= 14
    for before, after in pairwise(stays):
        assert before[1] <= after[0]


async def test_a_killed_holder_holds_nothing(house, start, group):
    """Its workflow was terminated without a word: the next gets in."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    behind = await start(stay=0)
    await waiting(house, group, 1)
    await holder.terminate()
    async with asyncio.timeout(20):
        await behind.result()


async def test_a_killed_waiter_holds_nobody_up(house, start, group):
    """Those behind it get in as if it had never asked."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    dead = await start()
    await waiting(house, group, 1)
    last = await start(stay=0)
    await waiting(house, group, 2)
    await dead.terminate()
    await holder.signal(Locker.go)
    async with asyncio.timeout(20):
        await last.result()


async def test_refusing(start):
    """Who would rather not wait is told who has the group."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    refused = await start(policy="refuse")
    with pytest.raises(WorkflowFailureError) as caught:
        await refused.result()
    error = original_error(caught.value)
    assert isinstance(error, GroupTakenError)
    assert holder.id in str(error)
    await holder.signal(Locker.go)
    await holder.result()


async def test_taking_over(start):
    """The newer one gets in, and the older one is cancelled where it stands."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    newer = await start(stay=0, policy="cancel-older")
    await newer.result()
    with pytest.raises(WorkflowFailureError) as caught:
        await holder.result()
    assert newer.id in str(original_error(caught.value))


async def test_who_gave_up_waiting_holds_nobody_up(house, start, group):
    """It lives on without the group. Even where its request arrives only then, the next gets in."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    async with people(house) as worker:
        impatient = await house.client.start_workflow(
            Impatient.run,
            args=[group, house.task_queue, 0.3],
            id=f"impatient-{uuid.uuid4().hex[:8]}",
            task_queue=worker.task_queue,
        )
        await until(lambda: impatient.query(Impatient.gave_up))
        await waiting(house, group, 0)
        (request_id,) = (await lock_state(house, group)).over
        await holder.signal(Locker.go)
        await holder.result()
        # As if the request had been on its way all the time, to a lock that never heard of its end.
        await house.client.get_workflow_handle(f"lock/{group}").terminate()
        request = LockRequest(
            request_id=request_id, workflow_id=impatient.id, run_id=impatient.first_execution_run_id
        )
        await LockActivities(house.client).ask_for_lock(
            AskForLockInput(group=group, request=request, task_queue=house.task_queue)
        )
        behind = await start(stay=0)
        await asyncio.wait_for(behind.result(), 30)
        await impatient.signal(Impatient.go)
        await impatient.result()


async def test_who_is_in_a_group_does_not_wait_for_itself(house, group):
    """Neither in a block inside nor in a task that was started there; afterwards it asks again."""
    async with people(house) as worker:
        nested = await house.client.start_workflow(
            Nested.run,
            args=[group, house.task_queue],
            id=f"nested-{uuid.uuid4().hex[:8]}",
            task_queue=worker.task_queue,
        )
        said = await asyncio.wait_for(nested.result(), 30)
    assert said == ["inside", "in a task", "after"]
    history = await nested.fetch_history()
    assert sum(event.HasField("activity_task_scheduled_event_attributes") for event in history.events) == 2


async def test_what_a_worker_leaves_behind_says_nothing_in_another_workflow(house, group):
    """Python closes it in the middle of whatever runs: nothing of it may get into that one's history."""
    gc.disable()
    try:
        async with people(house) as worker:
            holder = await locker(house, group, worker)
            await until(lambda: holder.query(Locker.inside))
            waiter = await locker(house, group, worker)
            await waiting(house, group, 1)
        async with people(house) as worker:
            collector = await house.client.start_workflow(
                Collector.run, id=f"collector-{uuid.uuid4().hex[:8]}", task_queue=worker.task_queue
            )
            await collector.result()
    finally:
        gc.enable()
    history = await collector.fetch_history()
    said = [event.WhichOneof("attributes") for event in history.events]
    assert said == [
        "workflow_execution_started_event_attributes",
        "workflow_task_scheduled_event_attributes",
        "workflow_task_started_event_attributes",
        "workflow_task_completed_event_attributes",
        "workflow_execution_completed_event_attributes",
    ]
    for handle in (holder, waiter):
        await handle.terminate()


PIPELINE = """
name: deploy
concurrency: {group: GROUP, policy: POLICY}
steps: {pause: {wait: PAUSE}}
"""


def pipeline(house, group, policy="queue", pause="1s"):
    text = PIPELINE.replace("GROUP", group).replace("POLICY", policy).replace("PAUSE", pause)
    return start_pipeline(house.client, read_pipeline(text), task_queue=house.task_queue)


async def test_pipelines_of_one_group_run_one_after_the_other(house, start, group):
    """Each waits, says for what, and runs once the one before it has ended."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    first = await pipeline(house, group)
    await waiting(house, group, 1)
    second = await pipeline(house, group)
    await waiting(house, group, 2)
    assert (await second.progress()).waits_for_group == group
    await holder.signal(Locker.go)
    await asyncio.gather(first.result(), second.result())
    ended, began = (await first.progress()).jobs[0].ended_at, (await second.progress()).jobs[0].started_at
    assert ended <= began


async def test_a_newer_pipeline_cancels_the_older(house, group):
    """As GitHub's cancel-in-progress does; and a waiting one can be cancelled by hand."""
    first = await pipeline(house, group, pause="10m")
    await until(lambda: _runs(first))
    second = await pipeline(house, group, "cancel-older", pause="10m")
    with pytest.raises(GroupTakenError, match="took the concurrency group"):
        await first.result()
    await until(lambda: _runs(second))
    third = await pipeline(house, group)
    await waiting(house, group, 1)
    await third.cancel()
    await waiting(house, group, 0)
    refused = await pipeline(house, group, "refuse")
    with pytest.raises(GroupTakenError, match="runs in the concurrency group"):
        await refused.result()
    for handle in (second, third):
        await handle.cancel()
        with pytest.raises(PipelineCancelledError):
            await handle.result()


async def _runs(handle):
    return (await handle.progress()).jobs[0].state is JobState.RUNNING


STEPS = """
name: steps
steps:
  one: {action: acme/tools/echo.yml, matrix: {n: [1, 2, 3]}, concurrency: GROUP, inputs: {wait_time: '0'}}
"""


async def test_steps_of_one_group_run_one_after_the_other(house, group):
    """A matrix whose step names a group runs its jobs one at a time."""
    file = read_pipeline(STEPS.replace("GROUP", group))
    handle = await start_pipeline(house.client, file, task_queue=house.task_queue)
    await handle.result()
    runs = sorted(house.emulator.runs, key=lambda one: one.id)
    assert len(runs) == 3
    for before, after in pairwise(runs):
        assert before.attempts[-1].updated_at <= after.created_at


TOP = """
name: top
concurrency: GROUP
steps:
  middle: {pipeline: middle.yaml}
"""
MIDDLE = """
name: middle
steps:
  bottom: {pipeline: bottom.yaml, concurrency: GROUP-step}
"""
BOTTOM = """
name: bottom
concurrency: GROUP
steps:
  one: {action: acme/tools/echo.yml, concurrency: GROUP-step}
  two: {needs: one, action: acme/tools/echo.yml, concurrency: GROUP}
"""


async def test_a_group_is_held_for_everything_that_runs_inside(house, group):
    """A pipeline, or a step, that names the group of any pipeline or step around it does not wait for it."""
    top, middle, bottom = (read_pipeline(text.replace("GROUP", group)) for text in (TOP, MIDDLE, BOTTOM))
    files = {"middle.yaml": middle, "bottom.yaml": bottom}
    handle = await start_pipeline(house.client, top, files=files, task_queue=house.task_queue)
    await asyncio.wait_for(handle.result(), 45)
    assert len(house.emulator.runs) == 2


async def test_a_group_that_only_the_inner_one_names_is_asked_for(house, start, group):
    """What is around it is in other groups: the inner one waits its turn."""
    holder = await start()
    await until(lambda: holder.query(Locker.inside))
    other = read_pipeline(TOP.replace("GROUP", f"{group}-other").replace("middle.yaml", "bottom.yaml"))
    bottom = read_pipeline(BOTTOM.replace("GROUP", group))
    handle = await start_pipeline(
        house.client, other, files={"bottom.yaml": bottom}, task_queue=house.task_queue
    )
    await waiting(house, group, 1)
    assert not house.emulator.runs
    await holder.signal(Locker.go)
    await asyncio.wait_for(handle.result(), 45)
    assert len(house.emulator.runs) == 2
