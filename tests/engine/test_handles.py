"""What is told of an action or a pipeline while nobody does its work."""

import asyncio
import uuid

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError

from perdure.activities.failures import application_error
from perdure.engine.actions import ActionHandle
from perdure.engine.pipelines import PipelineHandle
from perdure.errors import (
    ActionNotKnownError,
    EngineError,
    GroupTakenError,
    PipelineCancelledError,
    PipelineFailedError,
)


@pytest.fixture
async def nobodys(temporal_client):
    """A workflow on a queue that nobody polls."""
    handle = await temporal_client.start_workflow(
        "Anything", id=f"nobodys-{uuid.uuid4().hex}", task_queue=f"nobodys-{uuid.uuid4().hex}"
    )
    yield handle
    await handle.terminate()


@pytest.mark.faults
async def test_who_watches_is_told_that_no_worker_answers(nobodys):
    """Of a pipeline as of an action: silence must not be taken for progress."""

    async def told(handle):
        with pytest.raises(EngineError, match="no worker answered") as caught:
            await anext(handle.watch())
        return caught.value.hint

    hints = await asyncio.gather(told(ActionHandle(nobodys)), told(PipelineHandle(nobodys)))
    assert all("perdure worker" in hint for hint in hints)


@pytest.mark.parametrize("kind", [ActionHandle, PipelineHandle])
async def test_what_is_not_there_is_said(temporal_client, kind):
    """Asked, watched, cancelled or waited for: there is no such workflow."""
    handle = kind(temporal_client.get_workflow_handle("nowhere"))
    for done in (handle.progress, handle.cancel, handle.result, lambda: anext(handle.watch())):
        with pytest.raises(ActionNotKnownError, match="'nowhere'"):
            await asyncio.wait_for(done(), 30)


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (CancelledError("gone"), PipelineCancelledError),
        (TerminatedError("gone"), PipelineFailedError),
        (application_error(PipelineFailedError("a step failed")), PipelineFailedError),
        (application_error(GroupTakenError("taken")), GroupTakenError),
        (ApplicationError("odd"), EngineError),
    ],
)
async def test_each_end_of_a_pipeline_is_an_error_of_its_own(temporal_client, cause, expected):
    """Whoever waits for it learns whether it failed, was cancelled, or was ended by force."""
    handle = PipelineHandle(temporal_client.get_workflow_handle("any"))
    assert type(await handle._error(WorkflowFailureError(cause=cause))) is expected
