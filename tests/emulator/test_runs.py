"""Runs as the API shows them: states, lists, cancellation, re-runs, results."""

import hashlib
import io
import json
import zipfile
from datetime import timedelta

import pytest

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator, Timing

RUNS = f"/repos/{REPOSITORY}/actions/runs"


async def test_a_run_goes_from_dispatch_to_success(client, emulator):
    """A run has its title at once, then its job, its steps by number, and its end."""
    number = await client.dispatch(dispatch_id="d-1")
    first = await client.run(number)
    run = await client.completed(number)
    (job,) = await client.jobs(number)

    assert (first["display_title"], first["status"]) == ("echo [d-1]", "queued")
    assert (run["status"], run["conclusion"], run["run_attempt"]) == ("completed", "success", 1)
    assert 2e10 < number < 3e10
    assert [step["name"] for step in job["steps"]][:2] == ["Set up job", "Dispatch d-1"]
    assert {step["conclusion"] for step in job["steps"]} == {"success"}
    assert job["runner_name"].startswith("GitHub Actions ")


async def test_a_queued_job_has_no_steps_and_no_runner(root, connect):
    """Until a runner picks the job up it shows neither, and then only ``Set up job``."""
    never = Timing(list_lag=(0, 0), jobs_lag=(0, 0), pick_up_delay=(1e6, 1e6))
    async with GitHubEmulator(root, timing=never) as emulator, connect(emulator) as client:
        number = await client.dispatch()
        await client.until(number, lambda _: emulator.jobs(emulator.runs[0]))
        (job,) = await client.jobs(number)

    assert (job["status"], job["steps"], job["runner_name"], job["runner_id"]) == ("queued", [], None, None)


async def test_lists_lag_behind_the_run_itself(client, emulator, clock):
    """A run is visible by its number at once, and in lists only after the lag."""
    emulator.faults.list_lag = 5.0
    number = await client.dispatch()

    assert (await client.run(number))["id"] == number
    assert (await client.get(RUNS)).json()["total_count"] == 0
    clock.ahead = timedelta(seconds=6)
    assert (await client.get(RUNS)).json()["total_count"] == 1


async def test_real_timing_lets_lists_jobs_and_runners_wait(root, connect, clock):
    """With GitHub's own timing lists show a run after 1-5 s, its jobs come later, runners after 2-10 s."""
    async with GitHubEmulator(root, timing="real", clock=clock) as emulator, connect(emulator) as client:
        number = await client.dispatch()
        early = ((await client.get(RUNS)).json()["total_count"], await client.jobs(number))
        clock.ahead = timedelta(seconds=5)
        late = (await client.get(RUNS)).json()["total_count"]

    assert (early, late) == ((0, []), 1)
    assert emulator.settings.delays.pick_up_delay == (2.0, 10.0)


async def test_lists_are_filtered_and_paged(client, emulator, clock):
    """Each filter does what GitHub's does, and ``Link`` leads through the pages."""
    numbers = [await client.dispatch(dispatch_id=str(at)) for at in range(3)]
    await emulator.idle()
    clock.ahead = timedelta(hours=1)
    later = await client.dispatch("flaky.yml")
    await emulator.idle()
    created = emulator.runs[-1].created_at

    async def listed(path=RUNS, **query):
        return [run["id"] for run in (await client.get(path, params=query)).json()["workflow_runs"]]

    assert await listed() == [later, *reversed(numbers)]
    assert await listed(status="failure") == [later]
    assert (
        await listed(status="completed", branch="main", event="workflow_dispatch", actor="octocat")
        == await listed()
    )
    assert await listed(event="push") == []
    assert await listed(actor="somebody") == []
    assert await listed(head_sha="0" * 40) == []
    assert await listed(created=f">={created - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}") == [later]
    assert (
        await listed(created=f"*..{created - timedelta(minutes=1):%Y-%m-%dT%H:%M:%S+00:00}") == numbers[::-1]
    )
    assert await listed(f"/repos/{REPOSITORY}/actions/workflows/echo.yml/runs") == numbers[::-1]
    assert (await client.get(RUNS, params={"created": "soon"})).status_code == 422

    page = await client.get(RUNS, params={"per_page": 3, "event": "workflow_dispatch"})
    following = await client.get(page.links["next"]["url"])
    assert page.json()["total_count"] == 4
    assert [run["id"] for run in following.json()["workflow_runs"]] == numbers[:1]
    assert "next" not in following.links


async def test_results_come_as_artifact_annotation_and_log(client, emulator):
    """The artifact matches its digest; the notice is an annotation; logs come by job and as a zip."""
    number = await client.dispatch(message="a secret word")
    await emulator.idle()
    (artifact,) = (await client.get(f"{RUNS}/{number}/artifacts")).json()["artifacts"]
    lead = await client.get(artifact["archive_download_url"])
    content = (await client.get(lead.headers["location"], headers={"authorization": ""})).content
    (job,) = await client.jobs(number)
    notes = (await client.get(f"{job['check_run_url']}/annotations")).json()
    log = await client.get(f"/repos/{REPOSITORY}/actions/jobs/{job['id']}/logs", follow_redirects=True)
    logs = await client.get(f"{RUNS}/{number}/logs", follow_redirects=True)

    assert lead.status_code == 302
    assert artifact["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert artifact["size_in_bytes"] == len(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("outputs.json")) == {"said": "yes"}
    assert [(note["message"], note["title"]) for note in notes] == [("a secret word", "said")]
    assert "a secret word" in log.text
    with zipfile.ZipFile(io.BytesIO(logs.content)) as archive:
        assert {"0_say.txt", "say/1_Set up job.txt"} <= set(archive.namelist())


async def test_download_addresses_are_signed_and_expire(client, emulator, clock):
    """A log's address works for a minute, for nobody who changes it."""
    number = await client.dispatch()
    await emulator.idle()
    location = (await client.get(f"{RUNS}/{number}/logs")).headers["location"]

    assert (await client.get(location)).status_code == 200
    assert (await client.get(location.replace(str(number), str(number + 1)))).status_code == 403
    clock.ahead = timedelta(seconds=90)
    assert (await client.get(location)).status_code == 403


async def test_storage_elsewhere_refuses_credentials(root, connect):
    """Where downloads lead to another host, a client that sends its token there is refused."""
    async with (
        GitHubEmulator(root, download_url="http://storage.localhost") as emulator,
        connect(emulator) as client,
    ):
        number = await client.dispatch()
        await emulator.idle()
        location = (await client.get(f"{RUNS}/{number}/logs")).headers["location"]
        careless = await client.get(location)
        del client.headers["authorization"]
        careful = await client.get(location)

    assert location.startswith("http://storage.localhost/")
    assert (careless.status_code, careful.status_code) == (400, 200)


async def test_an_expired_artifact_is_gone(client, emulator, clock):
    """After 90 days an artifact is listed as expired and answers 410."""
    number = await client.dispatch()
    await emulator.idle()
    clock.ahead = timedelta(days=91)
    (artifact,) = (await client.get(f"{RUNS}/{number}/artifacts")).json()["artifacts"]

    assert artifact["expired"] is True
    assert (await client.get(artifact["archive_download_url"])).status_code == 410


@pytest.mark.parametrize("how", ["cancel", "force-cancel"])
async def test_a_run_in_progress_is_cancelled(client, emulator, how):
    """Cancelling ends the step; ``if: always()`` still runs, unless it is forced; once over, it is 409."""
    number = await client.dispatch("slow.yml")
    await client.in_step(number)
    answer = await client.post(f"{RUNS}/{number}/{how}")
    run = await client.completed(number)
    steps = {step["name"]: step["conclusion"] for step in (await client.jobs(number))[0]["steps"]}
    again = await client.post(f"{RUNS}/{number}/{how}")

    assert answer.status_code == 202
    assert run["conclusion"] == "cancelled"
    assert steps["Run sleep 60"] == "cancelled"
    assert (steps["Run echo tidy"] == "success") == (how == "cancel")
    assert (again.status_code, again.json()["message"]) == (
        409,
        "Cannot cancel a workflow run that is completed.",
    )


async def test_failed_jobs_run_again_and_the_others_are_kept(client, emulator):
    """A re-run of failed jobs is the same run's next attempt; what succeeded keeps its result."""
    number = await client.dispatch("flaky.yml")
    await emulator.idle()
    before = {job["name"]: job for job in await client.jobs(number)}
    answer = await client.post(f"{RUNS}/{number}/rerun-failed-jobs")
    await emulator.idle()
    run = await client.run(number)
    after = {job["name"]: job for job in await client.jobs(number)}
    first = (await client.get(f"{RUNS}/{number}/attempts/1")).json()

    assert answer.status_code == 201
    assert {name: job["conclusion"] for name, job in before.items()} == {
        "good": "success",
        "bad": "failure",
        "after": "skipped",
    }
    assert (run["conclusion"], run["run_attempt"]) == ("success", 2)
    assert {job["conclusion"] for job in after.values()} == {"success"}
    assert {job["run_attempt"] for job in after.values()} == {2}
    assert after["good"]["completed_at"] == before["good"]["completed_at"]
    assert (first["conclusion"], first["run_attempt"]) == ("failure", 1)
    assert run["previous_attempt_url"].endswith(f"/runs/{number}/attempts/1")
    assert len(await client.jobs(number, filter="all")) == 6


async def test_one_job_runs_again_with_those_that_need_it(client, emulator):
    """A re-run of one job takes its dependents along and leaves the rest."""
    number = await client.dispatch("flaky.yml")
    await emulator.idle()
    jobs = {job["name"]: job for job in await client.jobs(number)}
    await client.post(f"/repos/{REPOSITORY}/actions/jobs/{jobs['bad']['id']}/rerun")
    await emulator.idle()
    after = {job["name"]: job for job in await client.jobs(number)}

    assert after["good"]["started_at"] == jobs["good"]["started_at"]
    assert (after["bad"]["conclusion"], after["after"]["conclusion"]) == ("success", "success")


async def test_what_cannot_run_again_says_why(client, emulator, clock):
    """A running run, one without failures and one older than a month are refused with 403."""
    slow = await client.dispatch("slow.yml")
    running = await client.post(f"{RUNS}/{slow}/rerun")
    await client.post(f"{RUNS}/{slow}/force-cancel")
    number = await client.dispatch()
    await emulator.idle()
    spotless = await client.post(f"{RUNS}/{number}/rerun-failed-jobs")
    clock.ahead = timedelta(days=31)
    old = await client.post(f"{RUNS}/{number}/rerun")

    assert {one.status_code for one in (running, spotless, old)} == {403}
    assert running.json()["message"] == "This workflow is already running"
    assert spotless.json()["message"] == "This workflow run cannot be retried"
    assert old.json()["message"].endswith("because it was created over a month ago")


async def test_a_deleted_run_is_gone(client, emulator):
    """After a deletion run, jobs and artifacts are 404, and its number is never used again."""
    number = await client.dispatch()
    await emulator.idle()
    (job,) = await client.jobs(number)
    answer = await client.delete(f"{RUNS}/{number}")

    assert answer.status_code == 204
    assert (await client.get(f"{RUNS}/{number}")).status_code == 404
    assert (await client.get(f"/repos/{REPOSITORY}/actions/jobs/{job['id']}")).status_code == 404
    assert await client.dispatch() > number
