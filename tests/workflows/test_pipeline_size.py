"""Pipelines of many steps: their histories are cut, and nothing is lost by it."""

import asyncio
import secrets
import uuid
from functools import partial

import pytest

from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.pipelines import start_input
from perdure.engine.retries import retry_pipeline
from perdure.errors import PipelineCancelledError, PipelineFailedError, UsageError
from perdure.model.approvals import Verdict
from perdure.pipeline import compile_pipeline, read_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.running import JobState, PipelineInput, SizeLimits

FUNCTIONS = ("workflows.functions:announce", "workflows.functions:fail", "workflows.functions:noise")
SHORT = SizeLimits(cut_events=60, hold_events=120)


@pytest.fixture
async def house(idle_house):
    """Its workers know the functions that the steps call."""
    worker = idle_house.settings.worker.model_copy(update={"activities": FUNCTIONS})
    async with idle_house.workers(worker=worker):
        yield idle_house


async def started(house, text, limits, inputs=None):
    pipeline = compile_pipeline(read_pipeline(text), inputs)
    input = PipelineInput(pipeline=pipeline, digest=plan_digest(pipeline), limits=limits)
    return await start_input(house.client, input, None, house.task_queue)


@pytest.fixture
def run(house):
    return partial(started, house)


async def histories(house, handle):
    """Return the pipeline's histories, the last first."""
    found = [await house.client.get_workflow_handle(handle.id).fetch_history()]
    while (
        before := found[-1].events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    ):
        found.append(await house.client.get_workflow_handle(handle.id, run_id=before).fetch_history())
    return found


async def until(condition):
    async with asyncio.timeout(100):
        while not await condition():
            await asyncio.sleep(0.1)


async def result_of(handle):
    async with asyncio.timeout(100):
        return await handle.result()


async def stands_at(handle, key, state):
    async def does():
        return {job.key: job.state for job in (await handle.progress()).jobs}[key] is state

    await until(does)


def matrix(count):
    return f"{{n: [{', '.join(map(str, range(count)))}]}}"


LARGE = (
    f"""
name: large
concurrency: GROUP
defaults: {{owner: acme}}
steps:
  first: {{action: tools/echo.yml, inputs: {{message: hello}}, outputs: {{message: string}}}}
  all:
    needs: first
    run: workflows.functions:announce
    matrix: {matrix(143)}
    max-parallel: 20
    with: {{version: '${{{{ steps.first.outputs.message }}}} ${{{{ string(matrix.n) }}}}'}}
    outputs: {{text: string}}
  skipped: {{needs: all, if: 'false', wait: 1h}}
"""
    + "".join(
        f"""
  after{number}:
    needs: {"all" if number == 0 else f"after{number - 1}"}
    run: workflows.functions:announce
    with: {{version: '${{{{ steps.all.jobs[{number}].outputs.text }}}}', loud: true}}
    outputs: {{text: string}}
"""
        for number in range(5)
    )
    + "outputs: {said: '${{ steps.after4.outputs.text }}'}\n"
)


async def test_a_history_that_is_cut_loses_no_result_and_no_group(house, run):
    """150 steps in several histories: each done once, each result read later, and nobody else got in."""
    text = LARGE.replace("GROUP", f"large-{uuid.uuid4().hex[:8]}")
    handle = await run(text, SHORT)
    await stands_at(handle, "all[0]", JobState.SUCCESS)
    behind = await run(text, SizeLimits())
    assert (await result_of(handle)).outputs == {"said": "hello 4!"}
    progress = await handle.progress()
    found = await histories(house, handle)
    assert len(found) > 2
    assert max(len(history.events) for history in found) < 300
    done = [job.key for job in progress.jobs if job.state is JobState.SUCCESS]
    assert (len(done), len(progress.jobs)) == (149, 150)
    assert sum(activities(history) for history in found) == 148
    await result_of(behind)
    entered = min(job.started_at for job in (await behind.progress()).jobs if job.started_at)
    assert entered >= max(job.ended_at for job in progress.jobs)
    assert len(house.emulator.runs) == 2


def activities(history):
    """Count the functions that were called."""
    return sum(
        event.activity_task_scheduled_event_attributes.activity_type.name in FUNCTIONS
        for event in history.events
    )


UNDONE = f"""
name: undone
defaults: {{owner: acme, adopt-window: 0s}}
steps:
  published:
    action: tools/echo.yml
    matrix: {{n: [1, 2, 3]}}
    max-parallel: 1
    inputs: {{message: 'published ${{{{ string(matrix.n) }}}}'}}
    compensate: {{action: tools/echo.yml, inputs: {{message: 'yanked ${{{{ string(matrix.n) }}}}'}}}}
  all: {{needs: published, run: 'workflows.functions:announce', matrix: {matrix(20)}, with: {{version: v1}}}}
  last: LAST
"""


async def test_a_cancellation_after_the_cut_reaches_what_runs_and_undoes_what_was_before(house, run):
    """A new history still knows what succeeded in those before."""
    text = UNDONE.replace(
        "LAST", "{needs: all, action: tools/echo.yml, inputs: {message: last, wait_time: '300'}}"
    )
    handle = await run(text, SizeLimits(cut_events=30, hold_events=40))
    await until(partial(_is_running, house, "last"))
    assert len(await histories(house, handle)) > 1
    await handle.cancel()
    with pytest.raises(PipelineCancelledError):
        await result_of(handle)
    ends = {one.inputs["message"]: one.conclusion for one in house.emulator.runs}
    assert ends["last"] == "cancelled"
    assert list(ends)[-3:] == ["yanked 3", "yanked 2", "yanked 1"]
    assert len(house.emulator.runs) == 7


async def _is_running(house, message):
    return any(
        one.inputs["message"] == message and one.status == "in_progress" for one in house.emulator.runs
    )


async def test_what_is_undone_in_several_histories_is_undone_once(house, run):
    """The history may be cut between two compensations; a retry after that keeps what was not undone."""
    text = UNDONE.replace("LAST", "{needs: all, run: 'workflows.functions:fail', with: {reason: broken}}")
    handle = await run(text, SizeLimits(cut_events=25, hold_events=40))
    with pytest.raises(PipelineFailedError, match="last failure"):
        await result_of(handle)
    progress = await handle.progress()
    assert [one.job_key for one in progress.compensations] == [f"published[{n}]" for n in (3, 2, 1)]
    messages = [one.inputs["message"] for one in house.emulator.runs]
    assert messages[3:] == ["yanked 3", "yanked 2", "yanked 1"]
    assert (
        not (await histories(house, handle))[0].events[0].HasField("activity_task_scheduled_event_attributes")
    )
    again = await retry_pipeline(
        house.client, handle.id, file=read_pipeline(text.replace("needs: published, ", ""))
    )
    with pytest.raises(PipelineFailedError):
        await result_of(again)
    kept = [job.step for job in (await again.progress()).jobs if job.kept]
    assert kept == ["all"] * 20


BESIDE = f"""
name: beside
steps:
  gate: {{approval: {{approvers: [alice]}}}}
  all: {{run: 'workflows.functions:announce', matrix: {matrix(60)}, max-parallel: 10, with: {{version: v1}}}}
"""


async def approve(house, handle):
    """Let the step end that all others run beside."""
    approval = get_approval(house.client, f"approval/{handle.id}/gate")
    await approval.decide(local_decision(await approval.progress(), "alice", Verdict.APPROVED))


async def states_of(handle, step):
    return [job.state for job in (await handle.progress()).jobs if job.step == step]


async def test_what_runs_for_long_holds_nobody_up(house, run):
    """The history is not cut under it, and grows far beyond what is suggested before anybody waits for it."""
    handle = await run(BESIDE, SizeLimits(cut_events=30))
    await until(partial(_all_ended, handle, "all"))
    assert await states_of(handle, "gate") == [JobState.RUNNING]
    await approve(house, handle)
    await result_of(handle)
    assert len(await histories(house, handle)) == 1


async def _all_ended(handle, step):
    return set(await states_of(handle, step)) == {JobState.SUCCESS}


async def test_before_a_history_is_too_long_nothing_more_is_started(house, run):
    """What runs is left alone; when it has ended, the rest is done with a new history."""
    handle = await run(BESIDE, SizeLimits(cut_events=30, hold_events=60))

    async def holds():
        states = await states_of(handle, "all")
        return {JobState.SUCCESS, JobState.WAITING} == set(states) or JobState.WAITING not in states

    await until(holds)
    assert JobState.WAITING in await states_of(handle, "all")
    assert await states_of(handle, "gate") == [JobState.RUNNING]
    await approve(house, handle)
    await result_of(handle)
    assert len(await histories(house, handle)) > 1


async def test_no_more_run_at_once_than_the_engine_bears(house, run):
    """However many the file allows; and those that wait for their start are cancelled with the rest."""
    text = f"""
name: wide
steps:
  all: {{action: acme/tools/echo.yml, matrix: {matrix(12)}, inputs: {{wait_time: '300'}}}}
"""
    handle = await run(text, SizeLimits(at_once=3, per_task=2))

    async def three_run():
        return [one.status for one in house.emulator.runs] == ["in_progress"] * 3

    await until(three_run)
    await handle.cancel()
    with pytest.raises(PipelineCancelledError):
        await result_of(handle)
    assert [one.conclusion for one in house.emulator.runs] == ["cancelled"] * 3
    assert set(await states_of(handle, "all")) == {JobState.CANCELLED}


async def test_results_that_cannot_be_carried_over_end_the_pipeline_in_time(run):
    """With a reason and a hint, before the engine ends it without a word."""
    text = f"""
name: noisy
steps:
  all:
    run: workflows.functions:noise
    matrix: {matrix(40)}
    max-parallel: 4
    with: {{size: 100000}}
    outputs: {{text: string}}
  after: {{needs: all, wait: 1s}}
"""
    handle = await run(text, SizeLimits(cut_events=80, hold_events=120))
    with pytest.raises(PipelineFailedError, match="too large to be carried over") as caught:
        await result_of(handle)
    assert "divide it" in caught.value.hint


async def test_a_pipeline_that_the_engine_would_not_take_is_not_started(house, run):
    """Whoever starts it is told how large it is, and what to change."""
    names = [f"input{number}" for number in range(60)]
    declared = "".join(f"  {name}: {{type: string, required: true}}\n" for name in names)
    text = f"name: large\ninputs:\n{declared}steps:\n  pause: {{wait: 1s}}\n"
    with pytest.raises(UsageError, match="bytes, compressed") as caught:
        await run(text, SizeLimits(), {name: secrets.token_hex(32_000) for name in names})
    assert "divide it" in caught.value.hint


@pytest.mark.faults
async def test_a_thousand_steps_beside_one_that_runs_on(house, run):
    """All end while the one still runs, in one history, at few events for each."""
    text = BESIDE.replace(matrix(60), matrix(999)).replace("10, with", "500, with")
    handle = await run(text, SizeLimits())
    async with asyncio.timeout(300):
        while not await _all_ended(handle, "all"):
            await asyncio.sleep(1)
    assert await states_of(handle, "gate") == [JobState.RUNNING]
    await approve(house, handle)
    await result_of(handle)
    [history] = await histories(house, handle)
    assert activities(history) == 999
    assert len(history.events) < 8 * 1_000


@pytest.mark.faults
async def test_a_thousand_actions(house, run):
    """Each is dispatched once, and the pipeline's history stays far below the limit."""
    house.add("acme/nothing", nothing=NOTHING)
    text = f"""
name: thousand
steps:
  all: {{action: acme/nothing/nothing.yml, matrix: {matrix(1_000)}, max-parallel: 50}}
"""
    handle = await run(text, SizeLimits())
    async with asyncio.timeout(540):
        await handle.result()
    assert len(house.emulator.runs) == 1_000
    found = await histories(house, handle)
    assert max(len(history.events) for history in found) < 15_000


NOTHING = """
run-name: Nothing [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
jobs:
  nothing:
    runs-on: ubuntu-latest
    steps: [{run: 'true', if: false}]
"""
