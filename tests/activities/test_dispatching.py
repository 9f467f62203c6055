"""What changing GitHub for an action gives, and what may be repeated."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.conftest import request
from perdure.activities.dispatching import CancelInput, RerunInput


async def test_a_dispatch_says_which_run_it_started(environment, dispatching, emulator):
    """Where GitHub says so."""
    answer = await environment.run(dispatching.dispatch_actions_workflow, request())
    assert (answer.kind, answer.actions_run_id) == ("started", emulator.runs[0].id)


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_dispatch_is_sent_once_whatever_comes_back(environment, dispatching, emulator, after_effect):
    """A 5xx is an answer that nobody knows the meaning of: neither an error nor sent again."""
    emulator.faults.fail_next("POST", "/dispatches", status=502, after_effect=after_effect)
    answer = await environment.run(dispatching.dispatch_actions_workflow, request())
    assert answer.kind == "ambiguous"
    assert emulator.requests.count("POST", "/dispatches") == 1


async def test_a_limited_dispatch_says_when_to_come_back(environment, dispatching, emulator):
    """It started nothing, so the workflow sends the same id later."""
    emulator.faults.fail_next("POST", "/dispatches", status=403, headers={"retry-after": "30"}, body="{}")
    answer = await environment.run(dispatching.dispatch_actions_workflow, request())
    assert (answer.kind, answer.retry_after) == ("later", timedelta(seconds=30))


@pytest.mark.parametrize(
    ("input", "type_name"),
    [
        (request("none.yml"), "WorkflowFileNotFoundError"),
        (request("pushed.yml"), "WorkflowNotDispatchableError"),
        (request(colour="red"), "InvalidInputError"),
        (request().model_copy(update={"ref": "nowhere"}), "InvalidRefError"),
    ],
)
async def test_what_github_refuses_is_a_permanent_error(environment, dispatching, input, type_name):
    """Nothing was started, and nothing will be."""
    with pytest.raises(ApplicationError) as caught:
        await environment.run(dispatching.dispatch_actions_workflow, input)
    assert (caught.value.type, caught.value.non_retryable) == (type_name, True)


async def test_a_dispatch_whose_attempt_is_stale_is_not_sent(dispatching, emulator):
    """A worker that wakes up after its attempt was given up does not start a second run."""
    for late in (timedelta(0), timedelta(minutes=1)):
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, started_time=datetime.now(UTC) - late)
        answer = await environment.run(dispatching.dispatch_actions_workflow, request())
        assert answer.kind == ("started" if not late else "not-sent")
    assert len(emulator.runs) == 1


async def test_a_dispatch_that_takes_long_shows_that_it_lives(environment, dispatching, emulator):
    """A lost worker is noticed by its missing heartbeats, long before the attempt's time limit."""
    emulator.faults.fail_next("POST", "/dispatches", kind="delay", delay=2.5)
    await environment.run(dispatching.dispatch_actions_workflow, request())
    assert environment.beats == [()]


async def test_a_rerun_is_repeated_without_another_one(environment, dispatching, emulator, dispatched, ended):
    """The answer to a re-run may be lost: repeated, the attempt that is there is adopted."""
    failed = await ended(await dispatched("flaky.yml"))
    input = RerunInput(ref=failed.ref, actions_run_attempt=1)
    emulator.faults.fail_next("POST", "/rerun-failed-jobs", status=502, after_effect=True)
    with pytest.raises(ApplicationError) as caught:
        await environment.run(dispatching.rerun_failed_jobs, input)
    assert (caught.value.type, caught.value.non_retryable) == ("GitHubUnavailableError", False)
    for _ in range(3):
        answer = await environment.run(dispatching.rerun_failed_jobs, input)
        assert (answer.actions_run.actions_run_attempt, answer.refused) == (2, "")
    assert emulator.requests.count("POST", "/rerun-failed-jobs") == 1
    assert (await ended(failed)).conclusion == "success"


async def test_a_rerun_that_github_refuses_says_why(environment, dispatching, emulator, dispatched, ended):
    """The workflow then dispatches anew."""
    failed = await ended(await dispatched("flaky.yml"))
    body = '{"message": "This workflow run cannot be retried"}'
    emulator.faults.fail_next("POST", "/rerun-failed-jobs", status=403, body=body)
    answer = await environment.run(
        dispatching.rerun_failed_jobs, RerunInput(ref=failed.ref, actions_run_attempt=1)
    )
    assert "cannot be retried" in answer.refused


async def test_a_cancellation_is_safe_to_repeat(environment, dispatching, dispatched, ended):
    """What GitHub refuses because the run has ended is told, not raised."""
    actions_run = await dispatched("sleep.yml")
    assert await environment.run(dispatching.cancel_actions_run, CancelInput(ref=actions_run.ref)) == ""
    assert (await ended(actions_run)).conclusion == "cancelled"
    assert await environment.run(dispatching.cancel_actions_run, CancelInput(ref=actions_run.ref)) != ""


async def test_a_cancelled_activity_stops_its_heartbeats(environment, dispatching, emulator):
    """Nothing goes on in the background after the attempt is over."""
    emulator.faults.fail_next("POST", "/dispatches", kind="delay", delay=30)
    running = asyncio.create_task(environment.run(dispatching.dispatch_actions_workflow, request()))
    async with asyncio.timeout(5):
        while not environment.beats:
            await asyncio.sleep(0.01)
    before = asyncio.all_tasks()
    environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() < before
