"""Check runs and commit statuses against the emulated GitHub, which PyGithub's kin read back."""

import warnings

import httpx
import httpx2
import pytest

from perdure.config import GitHubSettings
from perdure.emulator import App, EmulatorSettings, GitHubEmulator, Installation
from perdure.errors import GitHubPermissionError, GitHubRefusedError, GitHubUnavailableError, InvalidRefError
from perdure.github import open_github_client
from perdure.model.marks import CheckRun, CheckStatus, CommitStatus

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from githubkit import GitHub

OWNER, NAME = "octo-org", "octo-repo"
REPOSITORY = f"{OWNER}/{NAME}"
READ_ONLY = {"actions": "write", "contents": "read", "metadata": "read"}


@pytest.fixture
async def sha(client):
    return await client.head_of(REPOSITORY, None)


@pytest.fixture
async def stranger(root, app):
    """An emulator that a person reads too, with a client that is none of ours."""
    settings = EmulatorSettings(apps=(app,), tokens={"person": "octocat"})
    async with GitHubEmulator(root, settings) as emulator:
        transport = httpx.ASGITransport(app=emulator.app)
        options = {"http_cache": False, "auto_retry": False, "async_transport": transport}
        yield emulator, GitHub("person", base_url="http://localhost", **options)


def check(sha, **changes):
    begun = {"name": "release", "head_sha": sha, "external_id": "pipeline/release/7", "title": "running"}
    return CheckRun(**{**begun, **changes})


def ended(sha, **changes):
    said = {"title": "success", "summary": "| a |", "details_url": "https://ui.example.com/7"}
    return check(sha, status=CheckStatus.COMPLETED, **{"conclusion": "success", **said, **changes})


async def checks_at(kit, sha):
    answer = await kit.rest.checks.async_list_for_ref(OWNER, NAME, sha, filter_="all")
    return answer.parsed_data.check_runs


async def test_a_check_run_is_made_once_and_then_changed(stranger, connect):
    """Whoever repeats it changes the first; another client sees one, ended, with its summary."""
    emulator, kit = stranger
    async with connect(emulator) as client:
        sha = await client.head_of(REPOSITORY, "main")
        first = await client.put_check_run(REPOSITORY, check(sha))
        [begun] = await checks_at(kit, sha)
        again = await client.put_check_run(REPOSITORY, check(sha))
        last = await client.put_check_run(REPOSITORY, ended(sha))
    [found] = await checks_at(kit, sha)
    assert first.mark_id == again.mark_id == last.mark_id == found.id
    assert (begun.status, begun.external_id) == ("in_progress", "pipeline/release/7")
    assert (found.status, found.conclusion) == ("completed", "success")
    assert (found.output.title, found.output.summary) == ("success", "| a |")
    assert found.details_url == "https://ui.example.com/7"


async def test_a_lost_answer_makes_no_second_check_run(stranger, connect):
    """GitHub had made it: the next attempt finds it by its name and ours for it."""
    emulator, kit = stranger
    async with connect(emulator) as client:
        sha = await client.head_of(REPOSITORY, "main")
        emulator.faults.fail_next("POST", "/check-runs", status=502, after_effect=True)
        with pytest.raises(GitHubUnavailableError):
            await client.put_check_run(REPOSITORY, check(sha))
        await client.put_check_run(REPOSITORY, check(sha))
    assert len(await checks_at(kit, sha)) == 1


async def test_two_pipelines_of_one_name_have_a_check_run_each(stranger, connect):
    """The external id tells them apart, also where GitHub's list shows the latest of a name only."""
    emulator, kit = stranger
    async with connect(emulator) as client:
        sha = await client.head_of(REPOSITORY, "main")
        await client.put_check_run(REPOSITORY, check(sha))
        await client.put_check_run(REPOSITORY, check(sha, external_id="pipeline/release/8"))
        await client.put_check_run(REPOSITORY, ended(sha))
    found = {one.external_id: one.status for one in await checks_at(kit, sha)}
    assert found == {"pipeline/release/7": "completed", "pipeline/release/8": "in_progress"}
    latest = (await kit.rest.checks.async_list_for_ref(OWNER, NAME, sha)).parsed_data
    assert [one.external_id for one in latest.check_runs] == ["pipeline/release/8"]


async def test_what_is_too_long_for_github_is_cut(client, emulator, sha):
    """A pipeline of a thousand steps still gets its mark."""
    await client.put_check_run(REPOSITORY, check(sha, summary="x" * 70_000))
    await client.put_commit_status(
        REPOSITORY, CommitStatus(context="release", sha=sha, state="pending", description="y" * 200)
    )
    assert {served.status for served in emulator.requests.served if served.method == "POST"} == {201}


async def test_a_commit_status_is_added_only_where_it_says_something_new(stranger, connect):
    """The newest of its context counts; a repetition leaves one."""
    emulator, kit = stranger
    pending = {"context": "release", "state": "pending", "description": "running"}
    async with connect(emulator) as client:
        sha = await client.head_of(REPOSITORY, "main")
        for _ in range(2):
            await client.put_commit_status(REPOSITORY, CommitStatus(sha=sha, **pending))
        await client.put_commit_status(
            REPOSITORY, CommitStatus(context="release", sha=sha, state="success", description="done")
        )
    listed = (await kit.rest.repos.async_list_commit_statuses_for_ref(OWNER, NAME, sha)).parsed_data
    combined = (await kit.rest.repos.async_get_combined_status_for_ref(OWNER, NAME, sha)).parsed_data
    assert [one.state for one in listed] == ["success", "pending"]
    assert combined.state == "success"


async def test_a_commit_a_branch_and_no_ref_name_a_commit(client, sha):
    """What is no branch is said with what there is."""
    assert await client.head_of(REPOSITORY, "main") == await client.head_of(REPOSITORY, sha) == sha
    with pytest.raises(InvalidRefError):
        await client.head_of(REPOSITORY, "nowhere")


@pytest.mark.parametrize("kind", ["checks", "statuses"])
async def test_a_permission_that_the_app_lacks_is_named(root, app, connect, kind):
    """The error says which one to grant, although the App never asked for a token with it."""
    installation = Installation(id=4711, account=OWNER, permissions=READ_ONLY)
    lacking = App(
        id=app.id,
        slug=app.slug,
        public_key=app.public_key,
        client_id=app.client_id,
        installations=(installation,),
    )
    settings = EmulatorSettings(apps=(lacking,))
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        sha = await client.head_of(REPOSITORY, None)
        status = CommitStatus(context="release", sha=sha, state="pending")
        put = {
            "checks": lambda: client.put_check_run(REPOSITORY, check(sha)),
            "statuses": lambda: client.put_commit_status(REPOSITORY, status),
        }
        with pytest.raises(GitHubPermissionError, match=f"needs the permission {kind}: write") as caught:
            await put[kind]()
    assert f"{kind}: write" in (caught.value.hint or "")


async def test_a_plain_token_is_told_to_use_a_commit_status(root, monkeypatch):
    """GitHub lets only Apps make check runs."""
    monkeypatch.setenv("SOME_TOKEN", "ghp_x")
    settings = GitHubSettings(url="http://localhost", token="env:SOME_TOKEN")
    async with GitHubEmulator(root) as emulator:
        transport = httpx2.ASGITransport(app=emulator.app)
        async with open_github_client(settings, transport=transport) as client:
            sha = await client.head_of(REPOSITORY, None)
            with pytest.raises(GitHubPermissionError, match="only a GitHub App") as caught:
                await client.put_check_run(REPOSITORY, check(sha))
    assert "commit-status" in (caught.value.hint or "")


async def test_the_emulator_refuses_what_github_refuses(client, sha):
    """A link that is no web address, and a conclusion that is none."""
    with pytest.raises(GitHubRefusedError, match="details_url"):
        await client.put_check_run(REPOSITORY, check(sha, details_url="ftp://ui.example.com"))
    with pytest.raises(GitHubRefusedError, match="conclusion"):
        await client.put_check_run(
            REPOSITORY, ended(sha, external_id="9").model_copy(update={"conclusion": "x"})
        )
    with pytest.raises(GitHubRefusedError, match="Validation Failed"):
        await client.put_commit_status(REPOSITORY, CommitStatus(context="release", sha=sha, state="running"))
