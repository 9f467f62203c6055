"""Start arguments that nobody should send: typed by hand in Temporal's UI, or sent from another language."""

import asyncio
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError, WorkflowQueryFailedError
from temporalio.common import RawValue
from temporalio.service import RPCError
from temporalio.worker import Replayer

from perdure.engine.workers import workflow_runner
from perdure.workflows.registry import WORKFLOWS

NAMES = [workflow._Definition.must_from_class(one).name for one in WORKFLOWS]
WRONG = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
ENDS_TASK = ("workflow_task_completed_event_attributes", "workflow_task_failed_event_attributes")


async def start(house, name, arguments):
    return await house.client.start_workflow(
        name, args=arguments, id=f"wrong-{uuid.uuid4().hex}", task_queue=house.task_queue
    )


async def failure_of(handle):
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(handle.result(), 40)
    return caught.value.cause


async def first_task_of(handle):
    """Wait for the end of a workflow's first task, and return which kind of end it was."""
    async for event in handle.fetch_history_events(wait_new_event=True):
        for kind in ENDS_TASK:
            if event.HasField(kind):
                return kind
    raise AssertionError("it ended without a task")


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(arguments=st.lists(WRONG, max_size=3))
async def test_no_workflow_type_is_ever_stuck_with_what_it_was_started_with(house, arguments):
    """Whatever it is: the first task of every type ends well, for failing is an end."""
    handles = await asyncio.gather(*(start(house, name, arguments) for name in NAMES))
    async with asyncio.timeout(60):
        ends = await asyncio.gather(*(first_task_of(handle) for handle in handles))
    assert dict(zip(NAMES, ends, strict=True)) == dict.fromkeys(NAMES, ENDS_TASK[0])
    for handle in handles:
        if (await handle.describe()).close_time is None:
            await handle.terminate()


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("ActionWorkflow", [], "ActionWorkflow: takes 1 argument, not 0"),
        ("ActionWorkflow", [1, 2], "ActionWorkflow: takes 1 argument, not 2"),
        ("ActionWorkflow", ["hello"], "the argument: Input should be an object"),
        ("ActionWorkflow", [{"repository": "acme/library"}], "workflow_file: Field required"),
        ("ActionWorkflow", [None], "the argument is null"),
        ("PipelineWorkflow", [{"pipeline": 3}], "pipeline: Input should be an object"),
        ("ApprovalWorkflow", [{"request": 3}], "request: Input should be an object"),
        ("RunGitHubAction", [{}, {}], "RunGitHubAction: takes 0 to 1 arguments, not 2"),
        ("LockWorkflow", [RawValue(Payload(data=b"{"))], "the argument cannot be read"),
    ],
)
async def test_who_started_it_is_told_what_is_wrong(house, name, arguments, says):
    """By a failure that names the value."""
    handle = await start(house, name, arguments)
    failure = await failure_of(handle)
    assert failure.type == "InvalidInputError"
    assert says in failure.message
    await Replayer(workflows=WORKFLOWS, workflow_runner=workflow_runner()).replay_workflow(
        await handle.fetch_history()
    )


async def test_a_query_of_one_that_was_refused_is_answered(house):
    """With an error, and at once: nobody who looks at it waits in vain."""
    handle = await start(house, "ActionWorkflow", [None])
    await failure_of(handle)
    with pytest.raises((WorkflowQueryFailedError, RPCError)):
        await asyncio.wait_for(handle.query("progress"), 40)
