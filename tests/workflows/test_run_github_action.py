"""The workflow type ``RunGitHubAction``, as a client in another language calls it: plain JSON, no models."""

import asyncio
import json
import uuid

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError

WORKFLOW_TYPE = "RunGitHubAction"


@pytest.fixture
async def stranger(temporal_server) -> Client:
    """A client that knows nothing of Perdure: the SDK's default data converter."""
    return await Client.connect(temporal_server.address)


@pytest.fixture
def start(house, stranger):
    async def started(**fields):
        wanted = {"Org": "acme", "Repo": "tools", "Ref": "main", "WorkflowFile": "echo.yml", "Inputs": []}
        return await stranger.start_workflow(
            WORKFLOW_TYPE, wanted | fields, id=f"foreign-{uuid.uuid4().hex[:8]}", task_queue=house.task_queue
        )

    return started


async def failure_of(handle):
    async with asyncio.timeout(20):
        with pytest.raises(WorkflowFailureError) as caught:
            await handle.result()
    return caught.value.cause


async def test_plain_json_goes_in_and_comes_out(house, start):
    """The fields have the names that were agreed on, in both directions."""
    handle = await start(Inputs=[{"Key": "message", "Value": "hi"}])
    result = await handle.result()
    [actions_run] = house.emulator.runs
    assert result == {
        "Status": "completed",
        "Conclusion": "success",
        "URL": f"{house.emulator.url}/acme/tools/actions/runs/{actions_run.id}",
    }
    assert actions_run.inputs["message"] == "hi"


async def test_the_payloads_are_plain_json(house, start):
    """No class name, no encoding of Python's own: any SDK can read them."""
    handle = await start()
    await handle.result()
    history = await handle.fetch_history()
    started = history.events[0].workflow_execution_started_event_attributes.input.payloads[0]
    ended = history.events[-1].workflow_execution_completed_event_attributes.result.payloads[0]
    for payload in (started, ended):
        assert payload.metadata["encoding"] == b"json/plain"
        assert isinstance(json.loads(payload.data), dict)


@pytest.mark.parametrize("left_out", ["Ref", "Inputs"])
async def test_what_may_be_left_out(house, start, left_out, stranger):
    """The default branch, and no inputs."""
    wanted = {"Org": "acme", "Repo": "tools", "Ref": "main", "WorkflowFile": "echo.yml", "Inputs": []}
    del wanted[left_out]
    result = await stranger.execute_workflow(
        WORKFLOW_TYPE, wanted, id=f"foreign-{uuid.uuid4().hex[:8]}", task_queue=house.task_queue
    )
    assert result["Conclusion"] == "success"


async def test_null_inputs_are_no_inputs(house, start):
    """Go sends ``null`` for a slice that was never filled."""
    assert (await (await start(Inputs=None)).result())["Conclusion"] == "success"


async def test_a_failed_run_is_a_failure_that_any_language_can_match(house, start):
    """By type, with conclusion and URL in the details."""
    failure = await failure_of(await start(Inputs=[{"Key": "fail", "Value": "true"}]))
    assert isinstance(failure, ApplicationError)
    assert (failure.type, failure.non_retryable) == ("GitHubActionConclusionError", True)
    assert failure.details[0]["conclusion"] == "failure"
    assert failure.details[0]["html_url"].endswith(f"/actions/runs/{house.emulator.runs[0].id}")


@pytest.mark.parametrize(
    ("fields", "type_name", "says"),
    [
        ({"Inputs": [{"Key": "dispatch_id", "Value": "x"}]}, "ReservedInputKeyError", "reserved input key"),
        ({"Inputs": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}, "InvalidInputError", "twice"),
        ({"WorkflowFile": "none.yml"}, "WorkflowFileNotFoundError", "none.yml"),
        ({"WorkflowFile": "../../etc/passwd"}, "InvalidInputError", "workflow_file"),
        ({"Repo": "no such/thing"}, "InvalidInputError", "repository"),
        ({"Repo": "nowhere"}, "RepositoryNotFoundError", "acme/nowhere"),
        ({"Ref": "nowhere"}, "InvalidRefError", "nowhere"),
    ],
)
async def test_a_wrong_call_fails_at_once_and_says_why(house, start, fields, type_name, says):
    """It does not hang as a workflow task that is tried for ever."""
    failure = await failure_of(await start(**fields))
    assert failure.type == type_name
    assert says in failure.message
    assert house.emulator.runs == []


async def test_an_argument_of_another_shape_fails_at_once(house, stranger):
    """A client's mistake is the client's to see: also where there is no argument, or one too many."""
    wrong = [[], [None], [7], ["text"], [[]], [{}], [{"Org": "acme"}], [{"Org": 1, "Repo": []}], [{}, {}]]
    handles = [
        await stranger.start_workflow(
            WORKFLOW_TYPE, args=arguments, id=f"foreign-{uuid.uuid4().hex[:8]}", task_queue=house.task_queue
        )
        for arguments in wrong
    ]
    for handle in handles:
        assert (await failure_of(handle)).type == "InvalidInputError"


async def test_cancelling_it_cancels_the_run_at_github(house, start):
    """From any language."""
    handle = await start(Inputs=[{"Key": "wait_time", "Value": "60"}])
    async with asyncio.timeout(20):
        while not any(run.status == "in_progress" for run in house.emulator.runs):
            await asyncio.sleep(0.05)
    await handle.cancel()
    assert isinstance(await failure_of(handle), CancelledError)
    assert house.emulator.runs[0].conclusion == "cancelled"
