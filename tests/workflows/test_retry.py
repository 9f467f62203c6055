"""Pipelines that are started again: what succeeded stays, if it is given the same."""

import pytest

from perdure.engine.pipelines import start_pipeline
from perdure.engine.retries import retry_pipeline
from perdure.errors import PipelineFailedError, UsageError
from perdure.pipeline import read_pipeline

RELEASE = """
name: release
inputs: {version: {type: string, default: v1}}
defaults: {owner: acme, adopt-window: 0s}
steps:
  publish:
    action: tools/echo.yml
    inputs: {message: '${{ inputs.version }}'}
    outputs: {message: string}
  build:
    needs: publish
    action: tools/echo.yml
    inputs: {message: 'build ${{ steps.publish.outputs.message }}'}
  deploy: {needs: build, action: tools/echo.yml, inputs: {message: deploy, fail: 'true'}}
outputs: {said: '${{ steps.publish.outputs.message }}'}
"""
FIXED = RELEASE.replace("message: deploy, fail: 'true'", "message: deployed")
UNDONE = RELEASE.replace(
    "    outputs: {message: string}\n",
    "    outputs: {message: string}\n    compensate: {action: tools/echo.yml, inputs: {message: yanked}}\n",
)


@pytest.fixture
def failed(house):
    """A pipeline whose last step has failed."""

    async def fail(text, key=None):
        handle = await start_pipeline(house.client, read_pipeline(text), key=key, task_queue=house.task_queue)
        with pytest.raises(PipelineFailedError):
            await handle.result()
        return handle

    return fail


def messages(house):
    return [one.inputs["message"] for one in house.emulator.runs]


async def test_what_succeeded_stays(house, failed):
    """With an edited file only the step that failed runs, and outputs are those of the first run."""
    first = await failed(RELEASE)
    again = await retry_pipeline(house.client, first.id, file=read_pipeline(FIXED))
    assert again.id == f"{first.id}-retry-1"
    assert (await again.result()).outputs == {"said": "v1"}
    assert messages(house) == ["v1", "build v1", "deploy", "deployed"]
    assert [job.kept for job in (await again.progress()).jobs] == [True, True, False]


async def test_other_inputs_are_done_again(house, failed):
    """Whatever reads them, and whatever reads what that returns."""
    first = await failed(RELEASE)
    again = await retry_pipeline(house.client, first.id, file=read_pipeline(FIXED), inputs={"version": "v2"})
    await again.result()
    assert messages(house)[3:] == ["v2", "build v2", "deployed"]


async def test_from_a_step_on(house, failed):
    """What stands behind it is done again, what stands before is kept."""
    first = await failed(RELEASE)
    again = await retry_pipeline(house.client, first.id, from_step="build")
    with pytest.raises(PipelineFailedError):
        await again.result()
    assert messages(house)[3:] == ["build v1", "deploy"]
    with pytest.raises(UsageError, match="did you mean build"):
        await retry_pipeline(house.client, first.id, from_step="buid")


async def test_what_was_undone_is_done_again(house, failed):
    """With everything after it; and two who retry at once start one."""
    first = await failed(UNDONE)
    assert messages(house) == ["v1", "build v1", "deploy", "yanked"]
    again = await retry_pipeline(house.client, first.id)
    beside = await retry_pipeline(house.client, first.id)
    assert (again.id, again.started, beside.started) == (beside.id, True, False)
    with pytest.raises(UsageError, match="still runs"):
        await retry_pipeline(house.client, again.id)
    with pytest.raises(PipelineFailedError):
        await again.result()
    assert messages(house)[4:] == ["v1", "build v1", "deploy", "yanked"]
