import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from perdure.config import GitHubSettings
from perdure.emulator import App, EmulatorSettings, GitHubEmulator, Installation, create_repository
from perdure.errors import (
    GitHubAuthenticationError,
    GitHubPermissionError,
    RepositoryNotFoundError,
    SettingsError,
)
from perdure.github import open_github_client
from perdure.model.actions import ActionsRunRef
from perdure.model.dispatch import DispatchRequest

REPOSITORY = "octo-org/octo-repo"
TOKENS = "/access_tokens"


class Clock:
    """A clock that tests turn."""

    def __init__(self, ahead=timedelta(0)):
        self.ahead = ahead

    def __call__(self):
        return datetime.now(UTC) + self.ahead


def installed(app, **changes):
    installation = Installation(id=4711, account="octo-org", **changes)
    return App(
        id=app.id,
        slug=app.slug,
        public_key=app.public_key,
        client_id=app.client_id,
        installations=(installation,),
    )


async def test_however_many_callers_wait_one_token_is_minted(emulator, client):
    """A hundred actions that start at once ask for one token, and find one installation."""
    await asyncio.gather(*(client.get_repository(REPOSITORY) for _ in range(100)))

    assert emulator.requests.count("POST", TOKENS) == 1
    assert emulator.requests.count("GET", "/installation") == 1


async def test_a_caller_that_is_cancelled_leaves_the_others_their_token(emulator, client):
    """The token that the first caller asked for is there for the second."""
    first = asyncio.create_task(client.get_repository(REPOSITORY))
    second = asyncio.create_task(client.get_repository(REPOSITORY))
    await asyncio.sleep(0)
    first.cancel()

    assert (await second).repository == REPOSITORY
    with pytest.raises(asyncio.CancelledError):
        await first
    assert emulator.requests.count("POST", TOKENS) == 1


async def test_tokens_reach_one_repository_and_one_purpose(emulator, client):
    """Reading never holds a token that can write, and no token reaches a second repository."""
    read = await client.describe_credentials(REPOSITORY)
    await client.get_repository("octo-org/other")
    await client.dispatch(DispatchRequest(repository=REPOSITORY, workflow_file="without-id.yml", ref="main"))

    assert emulator.requests.count("POST", TOKENS) == 3
    assert (read.kind, read.name, read.account) == ("app", "perdure-test", "octo-org")
    assert read.permissions["actions"] == "write"
    [quota] = read.quotas
    assert (quota.requests_left, quota.requests_limit) == (5_000, 5_000)


async def test_a_token_is_renewed_before_it_expires(root, app, connect):
    """Five minutes before the end of its hour a new one is minted, by GitHub's clock."""
    clock = Clock()
    settings = EmulatorSettings(apps=(app,), clock=clock)
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        await client.get_repository(REPOSITORY)
        clock.ahead = timedelta(minutes=54)
        await client.get_repository(REPOSITORY)
        assert emulator.requests.count("POST", TOKENS) == 1
        # Learned from the answer before.
        clock.ahead = timedelta(minutes=56)
        await client.get_repository(REPOSITORY)
        await client.get_repository(REPOSITORY)
        assert emulator.requests.count("POST", TOKENS) == 2
        assert all(served.status != 401 for served in emulator.requests.served)


async def test_a_token_that_is_refused_is_renewed_once(root, app, connect):
    """A token that expired unnoticed, or was revoked, costs one 401 and no failure."""
    clock = Clock()
    settings = EmulatorSettings(apps=(app,), clock=clock)
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        await client.get_repository(REPOSITORY)
        clock.ahead = timedelta(hours=2)
        assert (await client.get_repository(REPOSITORY)).repository == REPOSITORY
        assert [served.status for served in emulator.requests.served].count(401) == 1

        emulator.faults.fail_next("GET", f"/repos/{REPOSITORY}", status=401, times=2)
        with pytest.raises(GitHubAuthenticationError, match=REPOSITORY):
            await client.get_repository(REPOSITORY)


@pytest.mark.parametrize("hours", [-2, 2])
async def test_a_worker_whose_clock_is_off_signs_by_githubs(root, app, connect, hours):
    """The first answer's Date header shows the difference; the second JWT is right."""
    settings = EmulatorSettings(apps=(app,), clock=Clock(timedelta(hours=hours)))
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        await client.get_repository(REPOSITORY)
        await client.get_repository("octo-org/other")

        assert [served.status for served in emulator.requests.served].count(401) == 1


async def test_the_client_id_is_as_good_as_the_app_id(emulator, connect, app):
    """GitHub takes both as the JWT's issuer."""
    async with connect(emulator, app_id=None, client_id=app.client_id) as client:
        assert (await client.get_repository(REPOSITORY)).default_branch == "main"


async def test_a_key_of_another_app_is_refused_with_what_to_check(emulator, connect):
    """The message names the App and where its key came from, and no secret."""
    async with connect(emulator, app_id=78) as client:
        with pytest.raises(GitHubAuthenticationError, match="App 78 with the key of file:") as caught:
            await client.get_repository(REPOSITORY)
    assert "belong together" in (caught.value.hint or "")


async def test_a_repository_without_the_app_says_how_to_install_it(emulator, client):
    """GitHub answers the same for none and for one that it does not show."""
    with pytest.raises(RepositoryNotFoundError, match=r"octo-org/none: .* not installed") as caught:
        await client.get_repository("octo-org/none")
    assert "/installations/new" in (caught.value.hint or "")


async def test_a_suspended_installation_is_named(root, app, connect):
    """Suspended from the start, or while a token was still good."""
    async with GitHubEmulator(root, EmulatorSettings(apps=(installed(app),))) as emulator:
        async with connect(emulator) as client:
            await client.get_repository(REPOSITORY)
            emulator.authentication.suspended[4711] = datetime.now(UTC)
            with pytest.raises(GitHubAuthenticationError, match=f"{REPOSITORY}.*suspended"):
                await client.get_repository(REPOSITORY)
        async with connect(emulator) as client:
            with pytest.raises(GitHubAuthenticationError, match=f"{REPOSITORY}.*suspended") as caught:
                await client.get_repository(REPOSITORY)
            assert "unsuspend" in (caught.value.hint or "")
            emulator.authentication.suspended.clear()
            assert (await client.get_repository(REPOSITORY)).repository == REPOSITORY


async def test_an_app_without_contents_gets_tokens_for_the_rest(root, app, connect):
    """What was not granted is not asked for; what needs it names the permission."""
    settings = EmulatorSettings(apps=(installed(app, permissions={"actions": "write", "metadata": "read"}),))
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        assert await client.list_actions_runs(REPOSITORY) == []
        with pytest.raises(GitHubPermissionError, match="contents: read"):
            await client.resolve_ref(REPOSITORY, "main")


async def test_permissions_that_were_taken_back_are_noticed(root, app, connect):
    """A 422 makes the client look again at what the installation was granted."""
    async with GitHubEmulator(root, EmulatorSettings(apps=(app,))) as emulator, connect(emulator) as client:
        await client.get_repository(REPOSITORY)
        message = '{"message":"The permissions requested are not granted to this installation."}'
        emulator.faults.fail_next("POST", TOKENS, status=422, body=message, times=2)
        answer = await client.dispatch(
            DispatchRequest(repository=REPOSITORY, workflow_file="without-id.yml", ref="main")
        )

        assert answer.kind == "started"
        assert emulator.requests.count("GET", "/installation") == 2


async def test_a_dispatch_whose_token_cannot_be_had_was_not_sent(emulator, client):
    """Failing before the POST is certain, whatever failed."""
    request = DispatchRequest(repository=REPOSITORY, workflow_file="without-id.yml", ref="main")
    emulator.faults.fail_next("POST", TOKENS, status=502)
    assert (await client.dispatch(request)).kind == "not-sent"
    emulator.faults.fail_next("POST", TOKENS, kind="secondary_limit")
    assert (await client.dispatch(request)).kind == "later"
    assert emulator.runs == []


async def test_a_removed_repository_is_an_error_that_names_it(emulator, client):
    """A run whose repository is gone is told apart from a run that was deleted."""
    with pytest.raises(RepositoryNotFoundError, match="octo-org/none"):
        await client.get_actions_run(ActionsRunRef(repository="octo-org/none", actions_run_id=1))


async def test_no_credentials_are_an_error_that_says_what_to_set():
    """Neither an App nor a token: the hint names both."""
    with pytest.raises(SettingsError) as caught:
        async with open_github_client(GitHubSettings()):
            pass
    assert "app_id" in (caught.value.hint or "")
    assert "GITHUB_TOKEN" in (caught.value.hint or "")


async def test_a_token_of_a_person_is_described(root, monkeypatch):
    """The doctor names its owner and what is left of the quota."""
    monkeypatch.setenv("SOME_TOKEN", "ghp_x")
    async with GitHubEmulator(root) as emulator:
        settings = GitHubSettings(url="http://localhost", token="env:SOME_TOKEN")
        transport = httpx2.ASGITransport(app=emulator.app)
        async with open_github_client(settings, transport=transport) as client:
            facts = await client.describe_credentials(REPOSITORY)
            assert (facts.kind, facts.name) == ("token", "octocat")
            assert [quota.requests_limit for quota in facts.quotas] == [5_000]

            emulator.faults.fail_next("GET", "/rate_limit", status=404)
            emulator.faults.fail_next("GET", "/user", status=403)
            facts = await client.describe_credentials()
            assert (facts.kind, facts.name, facts.quotas) == ("token", "", ())

            with pytest.raises(RepositoryNotFoundError, match="the token cannot see it"):
                await client.describe_credentials("octo-org/none")


async def test_an_app_knows_what_is_left_of_each_of_its_installations(root, app, connect):
    """Without a repository the quotas are told by account, and one that is suspended has none to tell."""
    create_repository(root, "acme/tools", {})
    create_repository(root, "closed/tools", {})
    settings = EmulatorSettings(apps=(app,), rate_limit=50)
    async with GitHubEmulator(root, settings) as emulator, connect(emulator) as client:
        for repository in (REPOSITORY, "octo-org/other", "closed/tools"):
            await client.get_repository(repository)
        number = (await client.describe_credentials("closed/tools")).installation_id
        emulator.authentication.suspended[number] = settings.clock()
        facts = await client.describe_credentials()
    assert {quota.account: quota.requests_left for quota in facts.quotas} == {"acme": 50, "octo-org": 48}
