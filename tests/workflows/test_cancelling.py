"""Cancelling ends, whatever GitHub does: it refuses, it is away, or its run goes on."""

import asyncio
import re
from datetime import timedelta

import pytest

from perdure.engine.pipelines import start_input
from perdure.errors import ActionCancelledError, PipelineCancelledError
from perdure.model.progress import Stage
from perdure.pipeline import Conclusion, compile_pipeline, read_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.running import JobState, PipelineInput

SOON = timedelta(seconds=2)


async def until(handle, *stages):
    """Wait until an action stands at one of these stages."""
    async with asyncio.timeout(30):
        async for progress in handle.watch():
            if progress.stage in stages:
                return progress
    raise AssertionError(stages)


@pytest.mark.parametrize("status", [403, 409, 500, 503])
async def test_a_run_that_cannot_be_cancelled_is_left_and_said(house, status):
    """Within the limit the action ends as cancelled, and says which run may go on."""
    handle = await house.start(inputs={"wait_time": "60"}, cancel_timeout=SOON)
    await until(handle, Stage.RUNNING)
    house.emulator.faults.fail_next("POST", "cancel", status=status, times=1_000)
    await handle.cancel()
    with pytest.raises(ActionCancelledError, match="its run may go on at GitHub: ") as caught:
        await asyncio.wait_for(handle.result(), 30)
    assert str(caught.value.html_url).endswith(f"/actions/runs/{house.emulator.runs[0].id}")
    progress = await handle.progress()
    assert (progress.stage, bool(progress.left_running)) == (Stage.DONE, True)
    assert house.emulator.runs[0].conclusion is None


async def test_cancelling_while_github_is_away_ends(house):
    """Nothing was dispatched yet, and nothing will be."""
    house.emulator.faults.fail_next("*", "/", status=503, times=100_000)
    handle = await house.start(cancel_timeout=SOON)
    await until(handle, Stage.CHECKING)
    await handle.cancel()
    with pytest.raises(ActionCancelledError) as caught:
        await asyncio.wait_for(handle.result(), 30)
    assert str(caught.value) == "the action was cancelled"
    assert not (await handle.progress()).left_running
    house.emulator.faults.clear()
    assert not house.emulator.runs


RELEASE = """
name: release
steps:
  publish:
    action: acme/tools/echo.yml
    inputs: {message: publish}
    compensate: {action: acme/tools/echo.yml, inputs: {message: undo publish, wait_time: 'UNDOING'}}
  tag:
    needs: publish
    action: acme/tools/echo.yml
    inputs: {message: tag}
    compensate: {action: acme/tools/echo.yml, inputs: {message: undo tag, wait_time: 'UNDOING'}}
  deploy:
    needs: tag
    action: acme/tools/echo.yml
    timeout: {cancel: 2s}
    inputs: {message: deploy, wait_time: '60'}
"""
OUTER = """
name: outer
steps:
  first:
    action: acme/tools/echo.yml
    inputs: {message: first}
    compensate: {action: acme/tools/echo.yml, inputs: {message: undo first}}
  inner: {needs: first, pipeline: release.yaml}
"""


@pytest.fixture
def release(house):
    """Start the release, by itself or within another pipeline."""

    async def start(*, undoing=0, outer=False, **changes):
        file = read_pipeline(RELEASE.replace("UNDOING", str(undoing)))
        files = {"release.yaml": file} if outer else {}
        compiled = compile_pipeline(read_pipeline(OUTER) if outer else file)
        input = PipelineInput(pipeline=compiled, files=files, digest=plan_digest(compiled), **changes)
        return await start_input(house.client, input, None, house.task_queue)

    return start


def messages(house):
    return [actions_run.inputs["message"] for actions_run in house.emulator.runs]


async def running(house, message):
    """Wait until the newest run is this one, and has been picked up."""
    async with asyncio.timeout(60):
        while message not in messages(house) or house.emulator.runs[-1].status != "in_progress":
            await asyncio.sleep(0.05)


async def ends_cancelled(handle):
    with pytest.raises(PipelineCancelledError) as caught:
        await asyncio.wait_for(handle.result(), 60)
    return str(caught.value)


async def leave_all_as_it_is(handle):
    await handle.decline_compensation()
    await handle.cancel()


async def test_a_pipeline_says_what_it_leaves_running(house, release):
    """GitHub refuses: it ends as cancelled all the same, undoes the rest, and names the run."""
    handle = await release()
    await running(house, "deploy")
    left = house.emulator.runs[-1]
    house.emulator.faults.fail_next("POST", "cancel", status=403, times=1_000)
    await handle.cancel()
    said = await ends_cancelled(handle)
    assert re.search(rf"a run may go on at GitHub: http\S+/actions/runs/{left.id}$", said)
    progress = await handle.progress()
    (one,) = progress.left_running
    assert one.html_url.endswith(f"/actions/runs/{left.id}")
    assert "may go on at GitHub" in progress.jobs[-1].reason
    assert [undone.job_key for undone in progress.compensations] == ["tag", "publish"]


async def test_what_a_child_leaves_running_is_known_above(house, release):
    """Whoever cancels the outer pipeline reads of the run of the inner one."""
    handle = await release(outer=True)
    await running(house, "deploy")
    house.emulator.faults.fail_next("POST", "cancel", status=409, times=1_000)
    await handle.cancel()
    assert "a run may go on at GitHub" in await ends_cancelled(handle)
    (one,) = (await handle.progress()).left_running
    assert one.workflow_id == f"{handle.id}/inner/deploy"
    assert messages(house)[-1] == "undo first"


async def test_cancelling_may_leave_everything_as_it_is(house, release):
    """Decided at the moment of the cancellation, and for the pipelines inside too."""
    handle = await release(outer=True)
    await running(house, "deploy")
    await leave_all_as_it_is(handle)
    await ends_cancelled(handle)
    assert messages(house) == ["first", "publish", "tag", "deploy"]
    progress = await handle.progress()
    assert (progress.compensate, progress.compensations) == (False, ())


async def test_a_second_cancellation_does_not_tear_what_is_being_undone(house, release):
    """It goes on to its end: half a roll-back is worse than none."""
    handle = await release(undoing=1)
    await running(house, "deploy")
    await handle.cancel()
    await running(house, "undo tag")
    await handle.cancel()
    await ends_cancelled(handle)
    undone = (await handle.progress()).compensations
    assert [(one.job_key, one.conclusion) for one in undone] == [
        ("tag", Conclusion.SUCCESS),
        ("publish", Conclusion.SUCCESS),
    ]


async def test_what_is_being_undone_can_be_stopped(house, release):
    """The one that runs is cancelled at GitHub, and no other is started."""
    handle = await release(undoing=60)
    await running(house, "deploy")
    await handle.cancel()
    await running(house, "undo tag")
    await leave_all_as_it_is(handle)
    await ends_cancelled(handle)
    (undone,) = (await handle.progress()).compensations
    assert (undone.job_key, undone.conclusion) == ("tag", Conclusion.CANCELLED)
    assert undone.reason.startswith("stopped")
    assert house.emulator.runs[-1].conclusion == "cancelled"


CLEANUP = """
name: cleanup
steps:
  change:
    action: acme/tools/echo.yml
    inputs: {message: change}
    compensate: {action: acme/tools/echo.yml, inputs: {message: undo, wait_time: '60'}}
  work: {needs: change, wait: 1h}
  tidy: {needs: work, if: always(), action: acme/tools/echo.yml, inputs: {message: tidy, wait_time: '60'}}
"""


async def test_nothing_that_runs_after_a_cancellation_takes_for_ever(house):
    """A roll-back, or a step that is ``always()`` run, gets its own limits and some grace."""
    compiled = compile_pipeline(read_pipeline(CLEANUP))
    input = PipelineInput(pipeline=compiled, digest=plan_digest(compiled), ending_grace=timedelta(seconds=1))
    handle = await start_input(house.client, input, None, house.task_queue)
    async with asyncio.timeout(60):
        while (await handle.progress()).jobs[1].state is not JobState.RUNNING:
            await asyncio.sleep(0.05)
    await handle.cancel()
    await ends_cancelled(handle)
    jobs = {job.key: job for job in (await handle.progress()).jobs}
    assert jobs["tidy"].state is JobState.CANCELLED
    assert jobs["tidy"].reason.startswith("given up: it did not end within 0:00:01")
    (undone,) = (await handle.progress()).compensations
    assert undone.reason == jobs["tidy"].reason
    assert [run.conclusion for run in house.emulator.runs] == ["success", "cancelled", "cancelled"]
