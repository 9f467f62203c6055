"""Workers are killed while pipelines wait for their group: one at a time all the same, and nobody is lost."""

import asyncio
import contextlib
from itertools import pairwise

import pytest
from temporalio.service import RPCError

from perdure.engine.pipelines import start_pipeline
from perdure.errors import PipelineCancelledError
from perdure.pipeline import read_pipeline
from perdure.workflows.lock import LockWorkflow

pytestmark = pytest.mark.faults

GROUPED = """
name: grouped
concurrency: killed
steps: {alone: {wait: 5s}}
"""
PIPELINES, CANCELLED, KILLS = 6, 2, 3
TELLS = "signal_external_workflow_execution_initiated_event_attributes"


async def kill_workers(town):
    """Kill the only worker, and start another, each time that the lock is about to tell somebody."""
    lock = town.client.get_workflow_handle("lock/killed")
    kills = 0
    async for event in lock.fetch_history_events(wait_new_event=True):
        if kills < KILLS and event.HasField(TELLS):
            kills += 1
            await town.workers[-1].kill()
            await town.start_worker()
        if kills == KILLS:
            return


async def was_cancelled(handle):
    try:
        await handle.result()
    except PipelineCancelledError:
        return True
    return False


async def all_have_asked(town):
    """Wait until the lock has heard of every pipeline."""
    lock = town.client.get_workflow_handle("lock/killed")
    while True:
        with contextlib.suppress(RPCError):
            state = await lock.query(LockWorkflow.state)
            if len(state.everybody) + len(state.over) == PIPELINES:
                return
        await asyncio.sleep(0.05)


@pytest.mark.timeout(320)
async def test_killed_workers_let_nobody_in_twice_and_forget_nobody(town):
    """Some who wait are cancelled meanwhile; every other pipeline runs, and the group is free at the end."""
    await town.start_worker()
    file, queue = read_pipeline(GROUPED), "perdure" + town.suffix
    handles = [await start_pipeline(town.client, file, task_queue=queue) for _ in range(PIPELINES)]
    async with asyncio.timeout(280):
        await all_have_asked(town)
        for handle in handles[-CANCELLED:]:
            await handle.cancel()
        ended = asyncio.gather(*(was_cancelled(handle) for handle in handles))
        await kill_workers(town)
        cancelled = await ended
        assert not any(cancelled[:-CANCELLED])
        jobs = [(await handle.progress()).jobs[0] for handle in handles]
    stays = sorted((job.started_at, job.ended_at) for job in jobs if job.started_at)
    for before, after in pairwise(stays):
        assert before[1] <= after[0]
    state = await town.client.get_workflow_handle("lock/killed").query(LockWorkflow.state)
    assert state.is_idle
