"""The client against an emulated GitHub that executes workflow files."""

import asyncio
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from perdure.emulator import EmulatorSettings, GitHubEmulator, commit_files
from perdure.emulator.repositories import Repository, git
from perdure.errors import (
    ActionsRunNotFoundError,
    GitHubAuthenticationError,
    GitHubRefusedError,
    InvalidRefError,
    WorkflowFileNotFoundError,
    WorkflowNotDispatchableError,
)
from perdure.model.actions import ActionsRunRef
from perdure.model.dispatch import Correlation, DispatchRequest
from wire.polling import completed, until

REPOSITORY = "octo-org/octo-repo"


def request(workflow_file="echo.yml", dispatch_id="pd1", **inputs):
    return DispatchRequest(
        repository=REPOSITORY,
        workflow_file=workflow_file,
        ref="main",
        inputs={"dispatch_id": dispatch_id, **inputs},
    )


def since():
    return datetime.now(UTC) - timedelta(minutes=2)


async def test_every_request_can_be_watched(client):
    """By its method, its route without names, and the status of its answer."""
    seen = []

    @contextmanager
    def watch(method, route):
        yield lambda status: seen.append((method, route, status))

    client.watch_requests(watch)
    await client.dispatch(request())
    assert ("POST", "/repos/{repository}/actions/workflows/{workflow}/dispatches", 200) in seen
    with pytest.raises(ActionsRunNotFoundError):
        await client.get_actions_run(ActionsRunRef(repository=REPOSITORY, actions_run_id=1))
    assert ("GET", "/repos/{repository}/actions/runs/{id}", 404) in seen


async def dispatched(client, *args, **inputs):
    answer = await client.dispatch(request(*args, **inputs))
    assert answer.kind == "started"
    return ActionsRunRef(repository=REPOSITORY, actions_run_id=answer.actions_run_id)


async def test_a_run_is_dispatched_followed_and_gives_its_outputs(emulator, client):
    """From the dispatch to the outputs, on a GitHub that runs the file."""
    ref = await dispatched(client, "echo.yml", "pd1", message="moin")
    ended = await completed(client, ref)

    assert (ended.conclusion, ended.display_title) == ("success", "Echo [pd1]")
    assert ended.path == ".github/workflows/echo.yml"
    assert ended.event == "workflow_dispatch"
    assert await client.read_outputs(ref, 1) == {"message": "moin"}
    assert [job.conclusion for job in await client.list_jobs(ref)] == ["success"]


async def test_the_oldest_host_is_climbed_down_to(root, app, connect):
    """A GitHub Enterprise Server 3.19 accepts without telling the run, which is then found by its name."""
    async with GitHubEmulator(root, EmulatorSettings(apps=(app,), profile="ghes-3.19")) as emulator:
        async with connect(emulator, url="http://localhost/api/v3") as client:
            assert (await client.dispatch(request())).kind == "accepted"
            assert (await client.dispatch(request(dispatch_id="pd2"))).kind == "accepted"
            found = await client.find_actions_runs(
                REPOSITORY, "echo.yml", "pd2", since(), Correlation.RUN_NAME
            )

        assert len(found) == 1
        assert len(emulator.runs) == 2
        refused = [served for served in emulator.requests.served if served.status in {400, 422}]
        assert len(refused) == 2


async def test_the_id_is_matched_whole(emulator, client):
    """An id that is part of another one finds nothing, and an empty one never does."""
    await dispatched(client, "echo.yml", "pd12")

    async def find(dispatch_id):
        return await client.find_actions_runs(
            REPOSITORY, "echo.yml", dispatch_id, since(), Correlation.RUN_NAME
        )

    assert len(await find("pd12")) == 1
    assert await find("pd1") == []
    assert await find("") == []


async def test_a_run_without_run_name_is_found_by_its_step(emulator, client):
    """The last rung: the id in a step's name, once a runner has picked the job up."""
    refs = [await dispatched(client, "by-step.yml", f"pd{number}") for number in range(3)]
    await asyncio.gather(*(completed(client, ref) for ref in refs))

    found = await client.find_actions_runs(REPOSITORY, "by-step.yml", "pd1", since(), Correlation.STEP_NAME)

    assert [each.actions_run_id for each in found] == [refs[1].actions_run_id]


async def test_a_run_whose_file_was_removed_is_still_found(emulator, client, root):
    """The repository's own list knows what the workflow's list no longer does."""
    await dispatched(client)
    emulator.faults.fail_next(
        "GET", "/actions/workflows/echo.yml/runs", status=404, body='{"message":"Not Found"}'
    )

    found = await client.find_actions_runs(REPOSITORY, "echo.yml", "pd1", since(), Correlation.RUN_NAME)

    assert len(found) == 1


async def test_lists_that_did_not_change_cost_no_quota(emulator, client):
    """A watcher's second look is a 304."""
    ref = await dispatched(client)
    await completed(client, ref)
    first = await client.list_actions_runs(REPOSITORY)
    left = client.rate_limit(REPOSITORY)
    second = await client.list_actions_runs(REPOSITORY)

    assert first == second
    assert len(first) == 1
    assert emulator.requests.served[-1].status == 304
    assert client.rate_limit(REPOSITORY) == left


async def test_a_failure_is_told_with_the_end_of_its_log(emulator, client):
    """The failed step and its last lines, without colours and without secrets."""
    ref = await dispatched(client, "fail.yml")
    assert (await completed(client, ref)).conclusion == "failure"
    (job,) = await client.list_jobs(ref)
    tail = await client.read_log_tail(REPOSITORY, job.actions_job_id)

    assert "Break it" in [step.name for step in job.steps if step.conclusion == "failure"]
    assert "red ***" in tail
    assert "\x1b" not in tail
    assert await client.read_outputs(ref) is None


async def test_failed_jobs_are_run_again_as_the_next_attempt(emulator, client):
    """The same run id; its attempts can be told apart."""
    ref = await dispatched(client, "fail.yml")
    await completed(client, ref)
    await client.rerun_failed_jobs(ref)
    again = await completed(client, ref, attempt=2)
    await client.rerun(ref)

    assert again.actions_run_attempt == 2
    assert (await completed(client, ref, attempt=3)).actions_run_attempt == 3
    assert len(await client.list_jobs(ref, attempt=1)) == 1


async def test_cancelling_says_whether_github_will(emulator, client):
    """A running run is cancelled; an ended one refuses with GitHub's words, also when forced."""
    ref = await dispatched(client, "sleep.yml")

    async def running():
        return (await client.get_actions_run(ref)).status == "in_progress"

    await until(running)
    with pytest.raises(GitHubRefusedError, match="already running"):
        await client.rerun(ref)
    assert await client.cancel_actions_run(ref) is None
    assert (await completed(client, ref)).conclusion == "cancelled"
    assert "Cannot cancel" in (await client.cancel_actions_run(ref) or "")
    assert "Cannot cancel" in (await client.cancel_actions_run(ref, force=True) or "")


async def test_a_run_that_does_not_exist_is_named(client):
    """Reading, cancelling and re-running agree."""
    ref = ActionsRunRef(repository=REPOSITORY, actions_run_id=404)
    for call in (client.get_actions_run, client.cancel_actions_run, client.rerun, client.list_jobs):
        with pytest.raises(ActionsRunNotFoundError, match=f"{REPOSITORY} run 404 does not exist"):
            await call(ref)


async def test_refs_are_branches_then_tags(emulator, client, root):
    """The commit that a dispatch would be on, and an error for what GitHub does not dispatch on."""
    folder = Repository(REPOSITORY, root / f"{REPOSITORY}.git")
    sha = commit_files(folder, {"x": "1"}, branch="feature/1")
    main = (await client.resolve_ref(REPOSITORY, "main")).sha

    assert (await client.resolve_ref(REPOSITORY, "feature/1")).sha == sha
    assert (await client.resolve_ref(REPOSITORY, "refs/heads/feature/1")).sha == sha
    assert sha != main
    with pytest.raises(InvalidRefError, match="branches and tags, not commits") as caught:
        await client.resolve_ref(REPOSITORY, sha)
    assert f"--ref main --expect-sha {sha}" in (caught.value.hint or "")
    with pytest.raises(InvalidRefError, match="no branch or tag 'nope'"):
        await client.resolve_ref(REPOSITORY, "nope")


@pytest.mark.parametrize(
    "ref", ["", "../../user", "a b", "a..b", "-x", "x?y", "x.lock", "/x", "a//b", "@{1}"]
)
async def test_what_can_be_no_ref_is_never_sent(emulator, client, ref):
    """A ref comes from outside and becomes part of an address."""
    with pytest.raises(InvalidRefError):
        await client.resolve_ref(REPOSITORY, ref)
    assert emulator.requests.count("GET", "/git/") == 0


async def test_tags_lead_to_their_commit(emulator, client, root):
    """An annotated tag is an object of its own."""
    folder = root / f"{REPOSITORY}.git"
    identity = ("-c", "user.name=Octo", "-c", "user.email=o@example.com")
    git(folder, "tag", "light", "main")
    git(folder, *identity, "tag", "-a", "-m", "one", "heavy", "main")
    main = (await client.resolve_ref(REPOSITORY, "main")).sha

    assert (await client.resolve_ref(REPOSITORY, "light")).sha == main
    assert (await client.resolve_ref(REPOSITORY, "heavy")).sha == main
    assert (await client.resolve_ref(REPOSITORY, "refs/tags/light")).sha == main


async def test_a_workflow_file_is_read_once_for_each_commit(emulator, client):
    """What it takes, and where it shows the id."""
    sha = (await client.resolve_ref(REPOSITORY, "main")).sha
    for _ in range(3):
        facts = await client.read_workflow_file(REPOSITORY, ".github/workflows/echo.yml", sha)

    assert facts.correlation is Correlation.RUN_NAME
    assert facts.dispatch_inputs["color"].options == ("red", "green")
    assert emulator.requests.count("GET", "/contents/") == 1
    assert await client.read_file(REPOSITORY, "nowhere.yml", sha) is None


async def test_a_missing_workflow_file_names_those_that_are_there(client):
    """And the nearest of them."""
    assert (await client.get_workflow(REPOSITORY, "echo.yml")).state == "active"
    with pytest.raises(WorkflowFileNotFoundError, match=r"ehco\.yml is not on the default branch") as caught:
        await client.get_workflow(REPOSITORY, "ehco.yml")
    assert "did you mean echo.yml?" in (caught.value.hint or "")
    assert "by-step.yml" in (caught.value.hint or "")


async def test_refused_dispatches_are_told_apart(client):
    """The emulator refuses as GitHub does, and the client says what to change."""
    with pytest.raises(WorkflowNotDispatchableError, match="trigger"):
        await client.dispatch(request("push.yml"))
    assert (await client.dispatch(request("without-id.yml"))).kind == "without-id"


async def test_a_disabled_workflow_is_enabled(emulator, client):
    """As after 60 quiet days."""
    (echo,) = [
        each
        for each in emulator.services.lifecycle.files.all(
            emulator.services.repositories.find(*REPOSITORY.split("/"))
        )
        if each.path.endswith("/echo.yml")
    ]
    echo.state = "disabled_inactivity"
    assert (await client.get_workflow(REPOSITORY, "echo.yml")).state == "disabled_inactivity"
    with pytest.raises(WorkflowNotDispatchableError, match="disabled"):
        await client.dispatch(request())

    await client.enable_workflow(REPOSITORY, "echo.yml")

    assert (await client.get_workflow(REPOSITORY, "echo.yml")).state == "active"


async def test_a_download_whose_token_expired_is_tried_once_more(emulator, client):
    """Outputs are not lost because an hour went by."""
    ref = await dispatched(client, "echo.yml", "pd1", message="late")
    await completed(client, ref)
    emulator.faults.fail_next("GET", "/zip", status=401)

    assert await client.read_outputs(ref) == {"message": "late"}

    emulator.faults.fail_next("GET", "/zip", status=401, times=2)
    with pytest.raises(GitHubAuthenticationError, match=REPOSITORY):
        await client.read_outputs(ref)


async def test_many_dispatches_at_once_on_an_old_host_each_start_one_run(root, app, connect):
    """The ladder is climbed down by all of them together, and nobody dispatches twice."""
    async with GitHubEmulator(root, EmulatorSettings(apps=(app,), profile="ghes-3.19")) as emulator:
        async with connect(emulator, url="http://localhost/api/v3") as client:
            requests = [request("without-id.yml").model_copy(update={"inputs": {}}) for _ in range(8)]
            answers = await asyncio.gather(*(client.dispatch(each) for each in requests))

        assert {answer.kind for answer in answers} == {"accepted"}
        assert len(emulator.runs) == 8
