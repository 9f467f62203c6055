"""Workers are killed at the step boundaries of the release example: the same result, each Action once."""

import asyncio
import contextlib
from collections import Counter

import pytest

from perdure.cli._local_setup import create_examples, release_example
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.pipelines import start_pipeline
from perdure.errors import ApprovalNotKnownError, EngineError
from perdure.model.approvals import Person, Verdict
from perdure.pipeline import read_pipeline

pytestmark = pytest.mark.faults

JOBS = (
    "test[linux,3.11]",
    "test[linux,3.13]",
    "test[mac,3.11]",
    "test[mac,3.13]",
    "publish",
    "build",
    "approve",
    "deploy",
    "smoke",
)
STEPS = ("test", "publish", "build", "approve", "deploy", "smoke")
TITLES = {
    "Test with 3.11 on linux": 1,
    "Test with 3.13 on linux": 1,
    "Test with 3.11 on mac": 1,
    "Test with 3.13 on mac": 1,
    "Publish v1.2.3": 1,
    "Build with library-1.2.3.tar.gz": 1,
    "Deploy registry.example.com/service:1.2.3": 1,
    "Smoke test": 1,
}
BEGUN = "child_workflow_execution_started_event_attributes"
ENDED = "child_workflow_execution_completed_event_attributes"


async def boundaries(client, id, kind):
    """Yield the step of each job that has begun or ended, as soon as the engine knows."""
    async for event in client.get_workflow_handle(id).fetch_history_events(wait_new_event=True):
        if event.HasField(kind):
            child = getattr(event, kind).workflow_execution.workflow_id
            yield child.removeprefix("approval/").removeprefix(f"{id}/").partition("[")[0]


async def approve(client, id):
    """Approve as two people, through every loss of the worker that takes it."""
    for login in ("alice", "bob"):
        decided = False
        while not decided:
            with contextlib.suppress(EngineError, ApprovalNotKnownError):
                progress = await get_approval(client, id).progress()
                decided = any(one.approver.login == login for one in progress.decisions)
                if progress.waiting_on and not decided:
                    decision = local_decision(progress, login, Verdict.APPROVED)
                    await get_approval(client, id).decide(decision)
            await asyncio.sleep(0.05)


async def kill_at(town, id, steps, kind):
    """Kill the worker, and start another, once for each of the steps."""
    left = list(steps)
    async for step in boundaries(town.client, id, kind):
        if step in left:
            left.remove(step)
            await town.workers[-1].kill()
            await town.start_worker()
        if not left:
            return


@pytest.mark.timeout(320)
@pytest.mark.parametrize("kind", [BEGUN, ENDED], ids=["begun", "ended"])
async def test_workers_that_are_killed_at_every_step_boundary_change_nothing(town, kind):
    """However often they are killed, each Action runs once, both approvals count, the release succeeds."""
    await asyncio.to_thread(create_examples, town.root)
    await town.start_worker()
    handle = await start_pipeline(
        town.client,
        read_pipeline(release_example()),
        {"version": "v1.2.3"},
        requester=Person(login="carol"),
        task_queue="perdure" + town.suffix,
    )
    async with asyncio.timeout(280), asyncio.TaskGroup() as tasks:
        tasks.create_task(approve(town.client, f"{handle.id}/approve"))
        tasks.create_task(kill_at(town, handle.id, STEPS, kind))
        result = tasks.create_task(handle.result())
    assert [(job.key, job.state.value) for job in result.result().jobs] == [(key, "success") for key in JOBS]
    titles = Counter(run.title.partition(" [")[0] for run in town.emulator.runs)
    assert titles == TITLES
    assert {run.conclusion for run in town.emulator.runs} == {"success"}
