"""What reading GitHub for an action gives, and how it fails."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.conftest import REPOSITORY, since
from perdure.activities.actions import FindActionsRunsInput, PlanDispatchInput, PollActionsRunInput
from perdure.model.actions import ActionsRunRef
from perdure.model.dispatch import Correlation


def plan(workflow_file="echo.yml", **fields):
    return PlanDispatchInput(**{"repository": REPOSITORY, "workflow_file": workflow_file, **fields})


def find(dispatch_id="pd1", **fields):
    return FindActionsRunsInput(
        repository=REPOSITORY,
        workflow_file=fields.pop("workflow_file", "echo.yml"),
        ref="main",
        dispatch_id=dispatch_id,
        correlation=fields.pop("correlation", Correlation.RUN_NAME),
        since=since(),
        **fields,
    )


async def failure_of(environment, activity, input):
    with pytest.raises(ApplicationError) as caught:
        await environment.run(activity, input)
    return caught.value


async def test_a_plan_resolves_what_was_left_out(environment, actions, emulator):
    """The default branch, its commit, where the file shows its id, and this installation's patience."""
    made = await environment.run(actions.plan_dispatch, plan())
    assert (made.ref, len(made.head_sha)) == ("main", 40)
    assert (made.takes_dispatch_id, made.correlation) == (True, Correlation.RUN_NAME)
    assert (made.grace_time, made.reconcile_interval) == (timedelta(seconds=7), timedelta(seconds=9))
    assert made.warnings == ()


@pytest.mark.parametrize(
    ("file", "says"), [("plain.yml", "takes no dispatch_id input"), ("hidden-id.yml", "put it into run-name")]
)
async def test_a_plan_warns_of_a_file_whose_runs_cannot_be_recognised(environment, actions, file, says):
    """The warning says what to add."""
    made = await environment.run(actions.plan_dispatch, plan(file))
    assert made.correlation is Correlation.NONE
    assert says in made.warnings[0]


@pytest.mark.parametrize(
    ("input", "type_name"),
    [
        (plan(repository="acme/none"), "RepositoryNotFoundError"),
        (plan("none.yml"), "WorkflowFileNotFoundError"),
        (plan("pushed.yml"), "WorkflowNotDispatchableError"),
        (plan(ref="nowhere"), "InvalidRefError"),
        (plan(inputs={"colour": "red"}), "InvalidInputError"),
        (plan(inputs={"size": "large"}), "InvalidInputError"),
        (plan(inputs={"dispatch_id": "mine"}), "ReservedInputKeyError"),
    ],
)
async def test_a_dispatch_that_cannot_work_is_a_permanent_error(environment, actions, input, type_name):
    """It is found before anything is sent, and trying again would not help."""
    failure = await failure_of(environment, actions.plan_dispatch, input)
    assert (failure.type, failure.non_retryable) == (type_name, True)


async def test_a_disabled_file_is_refused_with_the_command_that_enables_it(environment, actions, emulator):
    """GitHub disables files by itself after sixty quiet days."""
    emulator.faults.fail_next(
        "GET",
        "/workflows/echo.yml",
        status=200,
        body='{"id": 1, "path": ".github/workflows/echo.yml", "name": "e", "state": "disabled_inactivity"}',
    )
    failure = await failure_of(environment, actions.plan_dispatch, plan())
    assert (failure.type, failure.non_retryable) == ("WorkflowNotDispatchableError", True)
    assert failure.details[0]["hint"].startswith("gh workflow enable echo.yml")


async def test_a_failed_plan_is_read_again(environment, actions, emulator):
    """Facts are shared among those who ask at the same moment; errors are not."""
    emulator.faults.fail_next("GET", "/repos/", status=502)
    failure = await failure_of(environment, actions.plan_dispatch, plan())
    assert (failure.type, failure.non_retryable) == ("GitHubUnavailableError", False)
    assert (await environment.run(actions.plan_dispatch, plan())).ref == "main"


async def test_many_plans_at_once_read_github_once(actions, emulator):
    """Two hundred actions that start together do not use up the quota on the same file."""
    from temporalio.testing import ActivityEnvironment

    await ActivityEnvironment().run(actions.plan_dispatch, plan())
    alone = sum(emulator.requests.counts.values())
    await asyncio.gather(*(ActivityEnvironment().run(actions.plan_dispatch, plan()) for _ in range(20)))
    assert sum(emulator.requests.counts.values()) == alone


@pytest.mark.parametrize(
    ("told", "delay"),
    [({"status": 429, "headers": {"retry-after": "7"}}, 7), ({"kind": "secondary_limit"}, 60)],
)
async def test_a_rate_limit_is_tried_again_when_github_says(environment, actions, emulator, told, delay):
    """``next_retry_delay`` is GitHub's own, and a minute where it does not say."""
    emulator.faults.fail_next("GET", "/actions/runs/1", **told)
    ref = ActionsRunRef(repository=REPOSITORY, actions_run_id=1)
    failure = await failure_of(environment, actions.get_actions_run, ref)
    assert (failure.type, failure.non_retryable) == ("GitHubRateLimitedError", False)
    assert failure.next_retry_delay == timedelta(seconds=delay)


async def test_a_deleted_run_is_a_permanent_error(environment, actions):
    """It will not come back."""
    ref = ActionsRunRef(repository=REPOSITORY, actions_run_id=1)
    failure = await failure_of(environment, actions.get_actions_run, ref)
    assert (failure.type, failure.non_retryable) == ("ActionsRunNotFoundError", True)


async def test_finding_looks_again_until_lists_show_the_run(environment, actions, emulator, dispatched):
    """Lists lag; heartbeats go on meanwhile, so that a lost worker is noticed."""
    emulator.faults.list_lag = 3.0
    wanted = await dispatched()
    assert await environment.run(actions.find_actions_runs, find()) == []
    [found] = await environment.run(actions.find_actions_runs, find(within=timedelta(seconds=10)))
    assert found.actions_run_id == wanted.actions_run_id
    assert environment.beats[0][0]["looks"] >= 1


async def test_finding_matches_the_whole_id(environment, actions, dispatched, ended):
    """An id that is a part of another one finds nothing."""
    await ended(await dispatched(dispatch_id="pd12"))
    assert await environment.run(actions.find_actions_runs, find("pd1")) == []
    assert len(await environment.run(actions.find_actions_runs, find("pd12"))) == 1


async def test_of_unmarked_runs_only_newer_ones_are_candidates(environment, actions, dispatched, ended):
    """Runs that were there before the dispatch are not its own."""
    unmarked = {"workflow_file": "plain.yml", "correlation": Correlation.NONE}
    await ended(await dispatched("plain.yml", dispatch_id=None))
    second = await ended(await dispatched("plain.yml", dispatch_id=None))
    everything = await environment.run(actions.find_actions_runs, find(**unmarked))
    newer = await environment.run(actions.find_actions_runs, find(**unmarked, after_number=1))
    assert len(everything) == 2
    assert [run.actions_run_id for run in newer] == [second.actions_run_id]


async def test_polling_shows_status_and_url_while_it_waits(environment, actions, dispatched):
    """The heartbeat's details are what a person sees of a pending activity."""
    known = await dispatched("sleep.yml")
    input = PollActionsRunInput(
        known=known, interval=timedelta(milliseconds=100), within=timedelta(seconds=1), until_completed=True
    )
    seen = await environment.run(actions.poll_actions_run, input)
    assert not seen.is_completed
    assert environment.beats[-1][0] == {
        "status": "in_progress",
        "conclusion": None,
        "html_url": known.html_url,
    }


async def test_polling_returns_with_the_first_news(environment, actions, dispatched):
    """Or with the end, where only that counts."""
    known = (await dispatched()).model_copy(update={"status": "requested", "updated_at": None})
    input = PollActionsRunInput(known=known, interval=timedelta(milliseconds=50))
    assert (await environment.run(actions.poll_actions_run, input)).status != "requested"
    ends = await environment.run(actions.poll_actions_run, input.model_copy(update={"until_completed": True}))
    assert ends.conclusion == "success"


async def test_a_failed_run_is_explained(environment, actions, dispatched, ended):
    """Failed job, failed step and the end of its log."""
    actions_run = await ended(await dispatched("flaky.yml"))
    explained = await environment.run(actions.explain_actions_run, actions_run.ref)
    [job] = explained.jobs
    assert (job.name, job.conclusion) == ("flaky", "failure")
    assert [step.name for step in job.steps if step.conclusion == "failure"] == ["Pass the second time"]
    assert "attempt 1" in explained.log_tail


async def test_small_outputs_travel_and_large_ones_are_stored(environment, actions, store, dispatched, ended):
    """Nothing over 16 kB goes through the engine; the store has it by its hash."""
    small = await ended(await dispatched())
    assert (await environment.run(actions.read_outputs, small)).outputs == {"text": "x"}
    large = await ended(await dispatched(size="20000"))
    read = await environment.run(actions.read_outputs, large)
    assert read.outputs == {}
    assert store.get(read.stored) == b'{"text":"' + b"x" * 20_000 + b'"}'


async def test_a_run_without_outputs_has_none(environment, actions, dispatched, ended):
    """No artifact is no error."""
    plain = await ended(await dispatched("plain.yml", dispatch_id=None))
    read = await environment.run(actions.read_outputs, plain)
    assert (read.outputs, read.stored) == ({}, None)
