import asyncio
from datetime import timedelta

import httpx2
import pytest

from perdure.engine.actions import get_action, list_actions
from perdure.errors import (
    ActionCancelledError,
    ActionTimedOutError,
    GitHubActionConclusionError,
    InvalidInputError,
    InvalidRefError,
    KeyConflictError,
    NoWorkerError,
    RepositoryNotFoundError,
    ReservedInputKeyError,
    UnexpectedCommitError,
    WorkflowFileNotFoundError,
)
from perdure.model.actions import ActionRetry, RetryBy, WaitBy
from perdure.model.progress import Stage

FLAKY = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
run-name: flaky [${{ inputs.dispatch_id }}]
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps:
      - run: test "$ATTEMPT" -ge 2
        env: {ATTEMPT: '${{ github.run_attempt }}'}
"""
BROKEN = FLAKY.replace('test "$ATTEMPT" -ge 2', "exit 1").replace("flaky", "broken")
SKIPPED = """
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
jobs:
  nothing: {runs-on: ubuntu-latest, if: false, steps: [{run: 'true'}]}
"""


async def until(house, handle, stage):
    """Wait until the action stands at a stage."""
    async with asyncio.timeout(20):
        async for progress in handle.watch():
            if progress.stage is stage:
                return progress
    raise AssertionError(stage)


async def test_an_action_runs_to_success_and_returns_its_outputs(house):
    """Dispatch, find, follow, finish: the result has conclusion, URL, dispatch id and outputs."""
    handle = await house.start(inputs={"message": "hi"})
    result = await handle.result()
    assert (result.status, result.conclusion) == ("completed", "success")
    assert result.outputs == {"message": "hi"}
    [actions_run] = house.emulator.runs
    assert result.html_url == f"{house.emulator.url}/acme/tools/actions/runs/{actions_run.id}"
    assert result.dispatch_id in actions_run.title
    assert result.warnings == ()


async def test_a_failed_run_is_an_error_that_says_where(house):
    """The error carries conclusion, URL, failed job and step, and the end of the log."""
    handle = await house.start(inputs={"fail": "true"})
    with pytest.raises(GitHubActionConclusionError) as caught:
        await handle.result()
    error = caught.value
    [actions_run] = house.emulator.runs
    assert error.conclusion == "failure"
    assert error.html_url == f"{house.emulator.url}/acme/tools/actions/runs/{actions_run.id}"
    assert error.failed_jobs[0]["step"] == "Fail where asked"
    assert "this went wrong" in error.log_tail
    for part in ("acme/tools echo.yml @ main", "fail=true", error.dispatch_id, error.html_url):
        assert part in str(error)


async def test_progress_tells_the_whole_account(house):
    """Inputs, dispatch id, URL and every note are there while it runs and afterwards."""
    handle = await house.start(inputs={"message": "x"})
    await handle.result()
    progress = await handle.progress()
    assert progress.stage is Stage.DONE
    assert progress.inputs == {"message": "x"}
    assert progress.dispatch_id.startswith("pd")
    assert [note.text for note in progress.notes][-1] == "completed: success"


@pytest.mark.parametrize("conclusion", ["skipped"])
async def test_a_skipped_run_passes_only_where_asked_for(house, conclusion):
    """The error says how to accept it."""
    house.add("acme/odd", skipped=SKIPPED)
    handle = await house.start("skipped.yml", repository="acme/odd")
    with pytest.raises(GitHubActionConclusionError) as caught:
        await handle.result()
    assert caught.value.conclusion == conclusion
    assert f"--accept {conclusion}" in caught.value.hint
    accepted = await house.start("skipped.yml", repository="acme/odd", accept={conclusion})
    assert (await accepted.result()).conclusion == conclusion


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({"inputs": {"mesage": "x"}}, InvalidInputError, "message"),
        ({"ref": "nope"}, InvalidRefError, "nope"),
        ({"ref": "0" * 40}, InvalidRefError, "not commits"),
        ({"workflow_file": "ecko.yml"}, WorkflowFileNotFoundError, "echo.yml"),
        ({"repository": "acme/none"}, RepositoryNotFoundError, "acme/none"),
    ],
)
async def test_what_github_would_refuse_is_never_sent(house, fields, error, says):
    """What can be known beforehand fails with what to change, and dispatches nothing."""
    handle = await house.start(**fields)
    with pytest.raises(error) as caught:
        await handle.result()
    assert says in f"{caught.value} {caught.value.hint}"
    assert house.emulator.requests.count("POST", "/dispatches") == 0


async def test_the_reserved_input_is_refused_before_anything_starts(house):
    """``dispatch_id`` is Perdure's own."""
    with pytest.raises(ReservedInputKeyError, match="dispatch_id input is a reserved input key"):
        await house.start(inputs={"dispatch_id": "mine"})


async def test_the_same_key_attaches_and_never_starts_twice(house):
    """A retried CI job gets the result of the first."""
    first = await house.start(key="release-7", inputs={"message": "a"})
    again = await house.start(key="release-7", inputs={"message": "a"})
    assert (first.started, again.started) == (True, False)
    assert await first.result() == await again.result()
    late = await house.start(key="release-7", inputs={"message": "a"})
    assert (await late.result()).outputs == {"message": "a"}
    assert len(house.emulator.runs) == 1
    with pytest.raises(KeyConflictError, match="release-7"):
        await house.start(key="release-7", inputs={"message": "b"})


async def test_a_key_that_dispatched_nothing_is_free_again(house):
    """A misspelled input is put right under the same key."""
    first = await house.start(key="again", inputs={"mesage": "a"})
    with pytest.raises(InvalidInputError):
        await first.result()
    second = await house.start(key="again", inputs={"message": "a"})
    assert second.started
    assert (await second.result()).outputs == {"message": "a"}
    failed = await house.start(key="failed", inputs={"fail": "true"})
    with pytest.raises(GitHubActionConclusionError):
        await failed.result()
    assert not (await house.start(key="failed", inputs={"fail": "true"})).started


async def test_failed_jobs_are_run_again_in_the_same_run(house):
    """``rerun-failed`` keeps the run and raises its attempt."""
    house.add("acme/flaky", flaky=FLAKY)
    retry = ActionRetry(attempts=3, delay=timedelta(0))
    handle = await house.start("flaky.yml", repository="acme/flaky", retry=retry)
    result = await handle.result()
    assert (result.attempts, result.actions_run_attempt) == (2, 2)
    assert len(house.emulator.runs) == 1


async def test_a_new_dispatch_has_a_new_id(house):
    """``dispatch`` makes another run for each attempt, each with an id of its own, and stops in time."""
    house.add("acme/broken", broken=BROKEN)
    retry = ActionRetry(attempts=3, delay=timedelta(0), by=RetryBy.DISPATCH)
    handle = await house.start("broken.yml", repository="acme/broken", retry=retry)
    with pytest.raises(GitHubActionConclusionError):
        await handle.result()
    assert len({actions_run.title for actions_run in house.emulator.runs}) == 3
    assert all(actions_run.conclusion == "failure" for actions_run in house.emulator.runs)


async def test_retries_without_limit_stop_at_a_permanent_error(house):
    """``attempts=0`` goes on until it passes, but not where GitHub will never take it."""
    handle = await house.start("none.yml", retry=ActionRetry(attempts=0, delay=timedelta(0)))
    with pytest.raises(WorkflowFileNotFoundError):
        await handle.result()


async def test_cancelling_reaches_the_run_at_github(house):
    """The action ends as cancelled, and so does its run."""
    handle = await house.start(inputs={"wait_time": "60"})
    await until(house, handle, Stage.RUNNING)
    await handle.cancel()
    with pytest.raises(ActionCancelledError):
        await handle.result()
    assert house.emulator.runs[0].conclusion == "cancelled"


async def test_a_refused_cancellation_is_said_and_still_ends(house):
    """GitHub refuses to cancel some runs that hang: the action ends all the same, and says so."""
    house.emulator.faults.next_run("zombie_queued")
    handle = await house.start()
    await until(house, handle, Stage.QUEUED)
    await handle.cancel()
    with pytest.raises(ActionCancelledError):
        await handle.result()
    notes = " ".join(note.text for note in (await handle.progress()).notes)
    assert "GitHub refused to force-cancel the run" in notes


async def test_a_run_that_no_runner_picks_up_times_out(house):
    """The queue has a time limit of its own, and the run is cancelled."""
    house.emulator.faults.next_run("never_starts")
    handle = await house.start(queue_timeout=timedelta(seconds=1))
    with pytest.raises(ActionTimedOutError, match="no runner picked the run up"):
        await handle.result()
    assert house.emulator.runs[0].conclusion == "cancelled"


async def test_a_run_that_takes_too_long_times_out(house):
    """The run's time limit counts from when it was picked up."""
    handle = await house.start(inputs={"wait_time": "60"}, run_timeout=timedelta(seconds=1))
    with pytest.raises(ActionTimedOutError, match="the run did not end within"):
        await handle.result()
    assert house.emulator.runs[0].conclusion == "cancelled"


@pytest.mark.parametrize(
    ("oddity", "outcome"), [("superseded", "superseded"), ("startup_failure", "never-started")]
)
async def test_odd_ends_are_told_apart_from_failures(house, oddity, outcome):
    """Superseded and never-started runs are not failures of the release."""
    house.emulator.faults.next_run(oddity)
    handle = await house.start()
    with pytest.raises(GitHubActionConclusionError) as caught:
        await handle.result()
    assert caught.value.outcome == outcome


async def test_a_moved_branch_is_refused_before_the_dispatch(house):
    """``expect_sha`` is checked against the ref first."""
    handle = await house.start(expect_sha="a" * 40)
    with pytest.raises(UnexpectedCommitError, match="not at the expected"):
        await handle.result()
    assert house.emulator.runs == []


async def test_polling_reads_the_one_run(house):
    """``wait="poll"`` needs no watcher."""
    handle = await house.start(wait=WaitBy.POLL, poll_interval=timedelta(milliseconds=100))
    assert (await handle.result()).conclusion == "success"
    assert house.emulator.requests.count("GET", "/acme/tools/actions/runs?") == 0


async def test_large_outputs_are_kept_in_the_store(house):
    """Over 16 kB the result carries a reference."""
    handle = await house.start(inputs={"message": "m" * 20_000})
    result = await handle.result()
    assert result.outputs == {}
    assert result.stored_outputs is not None
    assert result.stored_outputs.size > 20_000


async def test_nobody_polls_is_said_and_nothing_is_started(idle_house):
    """Waiting silently for a worker that never comes is worse than an error."""
    with pytest.raises(NoWorkerError, match="no worker polls"):
        await idle_house.start(repository="acme/nowhere")
    assert [row async for row in list_actions(idle_house.client, repository="acme/nowhere")] == []


async def test_actions_are_listed_by_repository_and_status(house):
    """What runs and what failed can be told apart across repositories."""
    house.add("acme/listed", echo=FLAKY)
    done = await house.start(repository="acme/listed")
    with pytest.raises(GitHubActionConclusionError):
        await done.result()
    async with asyncio.timeout(10):
        while not [
            row async for row in list_actions(house.client, repository="acme/listed", status="failed")
        ]:
            await asyncio.sleep(0.1)
    rows = [row async for row in list_actions(house.client, repository="acme/listed")]
    assert [row.id for row in rows] == [done.id]
    assert rows[0].workflow_file == "echo.yml"
    assert [row async for row in list_actions(house.client, repository="acme/listed", status="running")] == []


async def test_an_action_is_found_by_its_key(house):
    """The command line takes the key that a person gave."""
    handle = await house.start(key="by-key")
    assert get_action(house.client, "by-key").id == handle.id
    assert (await get_action(house.client, "by-key").result()).conclusion == "success"


async def test_a_run_that_a_person_runs_again_is_adopted(house):
    """Before another dispatch the run is read: no attempt starts beside one that is alive."""
    house.add("acme/flaky", flaky=FLAKY)
    retry = ActionRetry(attempts=2, delay=timedelta(seconds=2), by=RetryBy.DISPATCH)
    handle = await house.start("flaky.yml", repository="acme/flaky", retry=retry)
    await until(house, handle, Stage.RETRYING)
    [actions_run] = house.emulator.runs
    async with httpx2.AsyncClient(base_url=house.emulator.api_url) as person:
        path = f"/repos/acme/flaky/actions/runs/{actions_run.id}/rerun"
        answer = await person.post(path, headers={"authorization": "Bearer a-person"})
    assert answer.status_code == 201
    result = await handle.result()
    assert (result.attempts, result.actions_run_attempt) == (2, 2)
    assert len(house.emulator.runs) == 1
