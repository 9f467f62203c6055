"""Pipelines on the real engine, with an emulated GitHub."""

import asyncio

import httpx2
import pytest

from perdure.engine.pipelines import start_pipeline
from perdure.errors import PipelineCancelledError, PipelineFailedError
from perdure.pipeline import read_pipeline
from perdure.pipeline.running import JobState

CHAIN = """
name: chain
inputs:
  message: {type: string, required: true}
defaults: {owner: acme}
steps:
  first:
    action: tools/echo.yml
    inputs: {message: '${{ inputs.message }}'}
    outputs: {message: string}
  twice:
    needs: first
    action: tools/echo.yml
    matrix: {n: [1, 2]}
    max-parallel: 1
    inputs: {message: '${{ steps.first.outputs.message }} ${{ string(matrix.n) }}'}
    outputs: {message: string}
  last:
    needs: twice
    if: steps.twice.jobs[1].outputs.message == 'hi 2'
    action: tools/echo.yml
    inputs: {message: '${{ steps.twice.jobs[0].outputs.message }}!'}
    outputs: {message: string}
outputs: {said: '${{ steps.last.outputs.message }}'}
"""
UNDONE = """
name: undone
defaults: {adopt-window: 0s}
steps:
  publish:
    action: acme/tools/echo.yml
    inputs: {message: published}
    compensate: {action: acme/tools/echo.yml, inputs: {message: yanked}}
  deploy:
    needs: publish
    action: acme/tools/echo.yml
    inputs: {message: deployed}
    compensate: {action: acme/tools/echo.yml, inputs: {message: rolled back}}
  smoke:
    needs: deploy
    action: acme/tools/echo.yml
    inputs: {message: smoke, fail: 'true'}
  tell:
    needs: smoke
    if: failure()
    wait: 1s
  never: {needs: smoke, wait: 1h}
"""
ADOPTED = """
name: adopted
steps:
  flaky: {action: acme/flaky/flaky.yml, adopt-window: 1m}
  after: {needs: flaky, wait: 1s}
"""
LONG = """
name: long
steps:
  done:
    action: acme/tools/echo.yml
    inputs: {message: done}
    compensate: {action: acme/tools/echo.yml, inputs: {message: undone}}
  long: {needs: done, action: acme/tools/echo.yml, inputs: {message: long, wait_time: '60'}}
"""
FLAKY = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
run-name: flaky [${{ inputs.dispatch_id }}]
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps: [{run: test "$ATTEMPT" -ge 2, env: {ATTEMPT: '${{ github.run_attempt }}'}}]
"""
PARENT = """
name: parent
steps:
  child:
    pipeline: chain.yaml
    inputs: {message: from the parent}
    outputs: {said: string}
  rest: {needs: child, if: 'steps.child.conclusion == "failure" || failure()', wait: 1s}
"""


@pytest.fixture
def run(house):
    async def start(text, inputs=None, **options):
        return await start_pipeline(
            house.client, read_pipeline(text), inputs, task_queue=house.task_queue, **options
        )

    return start


def states(progress):
    return {job.key: job.state for job in progress.jobs}


async def test_outputs_of_one_repository_become_inputs_of_the_next(house, run):
    """Steps run in order, a matrix side by side, and what they return is typed."""
    handle = await run(CHAIN, {"message": "hi"})
    result = await handle.result()
    assert result.outputs == {"said": "hi 1!"}
    assert len(house.emulator.runs) == 4
    assert set(states(await handle.progress()).values()) == {JobState.SUCCESS}


async def test_a_failure_undoes_what_succeeded_in_reverse_order(house, run):
    """Compensations run the last first, and each one's end is recorded."""
    handle = await run(UNDONE)
    with pytest.raises(PipelineFailedError, match="smoke failure"):
        await handle.result()
    progress = await handle.progress()
    assert [one.job_key for one in progress.compensations] == ["deploy", "publish"]
    assert [actions_run.inputs["message"] for actions_run in house.emulator.runs] == [
        "published",
        "deployed",
        "smoke",
        "rolled back",
        "yanked",
    ]
    assert states(progress)["tell"] is JobState.SUCCESS
    assert states(progress)["never"] is JobState.SKIPPED


async def test_cancelling_reaches_every_run_and_undoes(house, run):
    """The running Action is cancelled at GitHub, and what succeeded is undone."""
    handle = await run(LONG)
    async with asyncio.timeout(30):
        while not any(actions_run.inputs["message"] == "long" for actions_run in house.emulator.runs):
            await asyncio.sleep(0.1)
        while house.emulator.runs[1].status != "in_progress":
            await asyncio.sleep(0.1)
    await handle.cancel()
    with pytest.raises(PipelineCancelledError):
        await handle.result()
    assert [run.conclusion for run in house.emulator.runs] == ["success", "cancelled", "success"]


async def test_a_pipeline_runs_a_pipeline(house, run):
    """As a child, with inputs and outputs of its own."""
    handle = await run(PARENT, files={"chain.yaml": read_pipeline(CHAIN)})
    with pytest.raises(PipelineFailedError):
        await handle.result()
    assert states(await handle.progress())["rest"] is JobState.SUCCESS


async def test_a_failed_step_stays_open_for_a_person_who_runs_it_again(house, run):
    """The pipeline goes on with the attempt that was started at GitHub."""
    house.add("acme/flaky", flaky=FLAKY)
    handle = await run(ADOPTED)
    async with asyncio.timeout(30):
        while not (house.emulator.runs and house.emulator.runs[0].conclusion == "failure"):
            await asyncio.sleep(0.1)
    async with httpx2.AsyncClient(base_url=house.emulator.api_url) as person:
        path = f"/repos/acme/flaky/actions/runs/{house.emulator.runs[0].id}/rerun"
        answer = await person.post(path, headers={"authorization": "Bearer a-person"})
    assert answer.status_code == 201
    await handle.result()
    assert set(states(await handle.progress()).values()) == {JobState.SUCCESS}


RUNNING = """
name: running
steps:
  announce:
    run: workflows.functions:announce
    with: {version: v1, loud: true}
    outputs: {text: string}
  broken:
    needs: announce
    run: workflows.functions:fail
    with: {reason: '${{ steps.announce.outputs.text }}'}
  unknown: {needs: announce, run: 'workflows.functions:missing'}
"""


async def test_a_step_calls_a_function_that_the_workers_settings_name(idle_house):
    """It gets its arguments and returns outputs; one that fails, or that nobody named, fails its step."""
    references = ("workflows.functions:announce", "workflows.functions:fail")
    worker = idle_house.settings.worker.model_copy(update={"activities": references})
    async with idle_house.workers(worker=worker):
        handle = await start_pipeline(
            idle_house.client, read_pipeline(RUNNING), task_queue=idle_house.task_queue
        )
        with pytest.raises(PipelineFailedError):
            await asyncio.wait_for(handle.result(), 30)
        jobs = {job.key: job for job in (await handle.progress()).jobs}
    assert jobs["announce"].state is JobState.SUCCESS
    assert (jobs["broken"].state, jobs["broken"].reason) == (JobState.FAILURE, "RuntimeError: v1!")
    assert "not registered" in jobs["unknown"].reason


async def test_the_same_key_attaches(house, run):
    """A pipeline is started once."""
    first = await run(CHAIN, {"message": "hi"}, key="7")
    again = await run(CHAIN, {"message": "hi"}, key="7")
    assert (first.started, again.started) == (True, False)
    assert (await again.result()).outputs == {"said": "hi 1!"}
    assert len(house.emulator.runs) == 4
