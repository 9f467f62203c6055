"""The client over real connections that break."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from perdure.config import GitHubSettings
from perdure.emulator import EmulatorSettings, running_emulator
from perdure.errors import GitHubRateLimitedError, GitHubUnavailableError
from perdure.github import _wire, open_github_client
from perdure.model.dispatch import Correlation, DispatchRequest
from wire.polling import until

REPOSITORY = "octo-org/octo-repo"
REQUEST = DispatchRequest(
    repository=REPOSITORY, workflow_file="echo.yml", ref="main", inputs={"dispatch_id": "pd1"}
)
DISPATCHES = "/dispatches"


@pytest.fixture
async def served(root, app):
    async with running_emulator(root, EmulatorSettings(apps=(app,))) as emulator:
        yield emulator


@pytest.fixture
async def client(served, app_settings):
    async with open_github_client(app_settings.model_copy(update={"url": served.api_url})) as opened:
        yield opened


async def runs_found(client):
    since = datetime.now(UTC) - timedelta(minutes=2)
    return await client.find_actions_runs(REPOSITORY, "echo.yml", "pd1", since, Correlation.RUN_NAME)


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502},
        {"kind": "html"},
        {"kind": "html", "status": 200},
        {"kind": "empty", "status": 200},
        {"kind": "truncated", "status": 200},
        {"kind": "drop"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
async def test_a_lost_answer_is_ambiguous_and_the_run_tells(served, client, fault, after_effect):
    """One POST whatever broke; whether a run exists is seen by its name."""
    served.faults.fail_next("POST", DISPATCHES, after_effect=after_effect, **fault)

    answer = await client.dispatch(REQUEST)

    assert answer.kind == "ambiguous"
    assert served.requests.count("POST", DISPATCHES) == 1
    assert len(served.runs) == len(await runs_found(client)) == int(after_effect)


async def test_an_answer_that_does_not_come_is_given_up(served, client, monkeypatch):
    """A host that hangs costs a bounded time, and the run that it started is found."""
    monkeypatch.setattr(_wire, "_EXCHANGE_SECONDS", 0.5)
    await client.get_repository(REPOSITORY)
    served.faults.fail_next("POST", DISPATCHES, kind="hang", after_effect=True)

    answer = await client.dispatch(REQUEST)

    assert answer.kind == "ambiguous"
    assert "no whole answer within" in answer.reason
    assert len(await runs_found(client)) == 1


async def test_an_answer_that_trickles_is_given_up(served, client, monkeypatch):
    """Each byte in time is not the whole in time."""
    await client.get_repository(REPOSITORY)
    monkeypatch.setattr(_wire, "_EXCHANGE_SECONDS", 0.3)
    served.faults.fail_next("GET", f"/repos/{REPOSITORY}", kind="trickle", delay=0.1)

    with pytest.raises(GitHubUnavailableError, match="no whole answer"):
        await client.get_repository(REPOSITORY)


async def test_an_answer_that_is_huge_is_not_taken(served, client):
    """32 MB in place of a repository."""
    served.faults.fail_next("GET", f"/repos/{REPOSITORY}/actions/runs", kind="huge", status=200)

    with pytest.raises(GitHubUnavailableError, match="larger than"):
        await client.list_actions_runs(REPOSITORY)
    assert await client.list_actions_runs(REPOSITORY) == []


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ({"kind": "secondary_limit", "headers": {"retry-after": "7"}}, 7),
        ({"kind": "secondary_limit"}, 60),
        ({"status": 429}, 60),
    ],
)
async def test_limits_say_when_to_come_back(served, client, fault, seconds):
    """Told by the header, or a minute where nothing is said; until then nothing is sent."""
    served.faults.fail_next("POST", DISPATCHES, **fault)
    first = await client.dispatch(REQUEST)
    assert (first.kind, first.retry_after) == ("later", timedelta(seconds=seconds))
    second = await client.dispatch(REQUEST)
    assert second.kind == "later"
    assert timedelta(seconds=seconds - 3) < second.retry_after <= timedelta(seconds=seconds)
    assert served.requests.count("POST", DISPATCHES) == 1


async def test_a_quota_used_up_by_others_says_when_it_is_there_again(served, client):
    """Nobody could know before: the answer tells, and nothing more is sent."""
    await client.get_repository(REPOSITORY)
    served.limits.exhaust("installation", reset_in=timedelta(minutes=10))
    with pytest.raises(GitHubRateLimitedError) as caught:
        await client.get_repository(REPOSITORY)
    assert timedelta(minutes=9) < caught.value.retry_after < timedelta(minutes=11)
    assert client.quota_left(REPOSITORY) == 0.0
    assert served.runs == []


@asynccontextmanager
async def silent_host():
    """A host that takes connections and answers nothing."""
    taken = []

    async def take(reader, writer):
        taken.append(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], taken


async def test_nobody_listening_is_not_sent(monkeypatch):
    """A refused connection is certain."""
    monkeypatch.setenv("SOME_TOKEN", "x")
    async with silent_host() as (port, _):
        pass
    settings = GitHubSettings(url=f"http://127.0.0.1:{port}", token="env:SOME_TOKEN")
    async with open_github_client(settings) as client:
        assert (await client.dispatch(REQUEST)).kind == "not-sent"
        with pytest.raises(GitHubUnavailableError, match="nothing was sent"):
            await client.get_repository(REPOSITORY)


async def test_a_pause_while_connecting_sends_not_a_byte(monkeypatch):
    """Freshness is asked once more when the connection stands."""
    monkeypatch.setenv("SOME_TOKEN", "x")
    fresh = iter([True, False])
    async with silent_host() as (port, taken):
        settings = GitHubSettings(url=f"http://127.0.0.1:{port}", token="env:SOME_TOKEN")
        async with open_github_client(settings) as client:
            answer = await client.dispatch(REQUEST, before_send=lambda: next(fresh))

            assert answer.kind == "not-sent"
            assert "too late" in answer.reason

        async def closed():
            return bool(taken)

        await until(closed)
    assert taken == [b""]
