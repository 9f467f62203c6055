"""Pipelines that are started again: what succeeded stays, if it is given the same."""

import pytest

from perdure.engine.pipelines import get_pipeline, start_pipeline
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


WHOLE = """
name: whole
defaults: {owner: acme, adopt-window: 0s}
steps:
  docs: {pipeline: docs.yaml}
  lib: {needs: docs, pipeline: parts/lib.yaml, inputs: {version: v1}, outputs: {said: string}}
outputs: {said: '${{ steps.lib.outputs.said }}'}
"""
DOCS = """
name: docs
defaults: {owner: acme}
steps: {write: {action: tools/echo.yml, inputs: {message: docs}}}
"""
LIB = """
name: lib
inputs: {version: string}
steps:
  inner: {pipeline: parts/inner.yaml, inputs: {version: '${{ inputs.version }}'}, outputs: {said: string}}
outputs: {said: '${{ steps.inner.outputs.said }}'}
"""
INNER = """
name: inner
inputs: {version: string}
defaults: {owner: acme, adopt-window: 0s}
steps:
  publish:
    action: tools/echo.yml
    inputs: {message: '${{ inputs.version }}'}
    outputs: {message: string}
  deploy: {needs: publish, action: tools/echo.yml, inputs: {message: deploy, fail: 'true'}}
outputs: {said: '${{ steps.publish.outputs.message }}'}
"""
FIXED_INNER = INNER.replace("message: deploy, fail: 'true'", "message: deployed")
UNDONE_INNER = INNER.replace(
    "    outputs: {message: string}\n",
    "    outputs: {message: string}\n    compensate: {action: tools/echo.yml, inputs: {message: yanked}}\n",
)


def below(inner=INNER, docs=DOCS):
    texts = {"docs.yaml": docs, "parts/lib.yaml": LIB, "parts/inner.yaml": inner}
    return {name: read_pipeline(text) for name, text in texts.items()}


@pytest.fixture
def failed_below(house):
    """A pipeline of pipelines of pipelines, whose last step has failed."""

    async def fail(files):
        handle = await start_pipeline(
            house.client, read_pipeline(WHOLE), files=files, task_queue=house.task_queue
        )
        with pytest.raises(PipelineFailedError):
            await handle.result()
        return handle

    return fail


async def test_a_pipeline_that_failed_within_another_goes_on_within(house, failed_below):
    """However deep it lies: what had succeeded there stays, and its outputs are those of the first run."""
    first = await failed_below(below())
    assert messages(house) == ["docs", "v1", "deploy"]
    again = await retry_pipeline(house.client, first.id)
    with pytest.raises(PipelineFailedError):
        await again.result()
    assert messages(house) == ["docs", "v1", "deploy", "deploy"]
    last = await retry_pipeline(house.client, again.id, file=read_pipeline(WHOLE), files=below(FIXED_INNER))
    assert (await last.result()).outputs == {"said": "v1"}
    assert messages(house)[4:] == ["deployed"]
    assert [job.kept for job in (await last.progress()).jobs] == [True, False]
    inner = await get_pipeline(house.client, f"{last.id}/lib/inner").progress()
    assert [job.kept for job in inner.jobs] == [True, False]


async def test_a_pipeline_whose_file_was_edited_keeps_what_is_given_the_same(house, failed_below):
    """It is done again, and within it only what is given something else."""
    first = await failed_below(below())
    again = await retry_pipeline(
        house.client,
        first.id,
        file=read_pipeline(WHOLE),
        files=below(FIXED_INNER, docs=DOCS.replace("name: docs", "name: other-docs")),
    )
    assert (await again.result()).outputs == {"said": "v1"}
    assert messages(house)[3:] == ["deployed"]
    progress = await again.progress()
    assert [job.kept for job in progress.jobs] == [False, False]


async def test_what_was_undone_within_is_done_again(house, failed_below):
    """A pipeline that has undone its own steps begins with the first of them."""
    first = await failed_below(below(UNDONE_INNER))
    assert messages(house) == ["docs", "v1", "deploy", "yanked"]
    again = await retry_pipeline(house.client, first.id)
    with pytest.raises(PipelineFailedError):
        await again.result()
    assert messages(house)[4:] == ["v1", "deploy", "yanked"]
