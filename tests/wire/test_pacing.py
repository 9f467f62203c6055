"""A small quota, as GitHub's headers tell it: nothing is ever refused, and who can wait waits."""

import asyncio
from datetime import timedelta

import pytest

from perdure.emulator import EmulatorSettings, GitHubEmulator
from perdure.errors import GitHubRateLimitedError
from perdure.github.pacing import watching
from perdure.model.actions import ActionsRunRef
from perdure.model.dispatch import DispatchRequest
from wire.conftest import REPOSITORY

LIMIT = 100
REQUEST = DispatchRequest(repository=REPOSITORY, workflow_file="sleep.yml", ref="main")


@pytest.fixture
async def emulator(root, app):
    async with GitHubEmulator(root, EmulatorSettings(apps=(app,), rate_limit=LIMIT)) as running:
        yield running


@pytest.fixture
async def watchers(emulator, client):
    """Two repositories' watchers that look as often as they may. No two looks are the same list."""
    looks = {REPOSITORY: 0, "octo-org/other": 0}

    async def watch(repository):
        with watching():
            while True:
                looks[repository] += 1
                # Requests in this process end at once, without giving a turn to anybody.
                await asyncio.sleep(0)
                await client.list_actions_runs(repository, per_page=looks[repository] % 100 + 1)

    for repository in looks:
        # A token is asked for beforehand, so that both begin together.
        await client.get_repository(repository)
    tasks = [asyncio.create_task(watch(repository)) for repository in looks]
    async with asyncio.timeout(30):
        while client.rate_limit(REPOSITORY) is None or client.quota_left(REPOSITORY) > 0.7:
            await asyncio.sleep(0.01)
    yield looks
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    # Told to come back later, where the rest was needed for others.
    assert all(isinstance(end, asyncio.CancelledError | GitHubRateLimitedError) for end in ended)


def quota(emulator):
    return emulator.limits.quota(next(iter(key for key in emulator.limits._quotas if "installation" in key)))


def refused(emulator):
    return [served for served in emulator.requests.served if served.status in {403, 429}]


async def read_on(client):
    """Read as often as the whole quota would allow, never the same list twice."""
    for number in range(LIMIT):
        await client.list_actions_runs(REPOSITORY, workflow_file="sleep.yml", per_page=number + 1)


async def turns():
    """Let whoever may go on do so."""
    for _ in range(50):
        await asyncio.sleep(0.001)


async def test_watching_gives_way_and_nothing_is_refused(emulator, client, watchers):
    """The quota goes to the reads of a dispatch, to dispatches and to cancellations, in this order."""
    await turns()
    # Every look uses up one. From seven tenths on there are minutes between two.
    assert 69 <= quota(emulator).remaining <= 71
    assert abs(watchers[REPOSITORY] - watchers["octo-org/other"]) <= 2

    started = await client.dispatch(REQUEST)
    assert started.kind == "started"
    ref = ActionsRunRef(repository=REPOSITORY, actions_run_id=started.actions_run_id)

    with pytest.raises(GitHubRateLimitedError, match="nothing was sent") as caught:
        await read_on(client)
    assert timedelta(minutes=50) < caught.value.retry_after <= timedelta(minutes=61)
    assert quota(emulator).remaining == 5

    kinds = [(await client.dispatch(REQUEST)).kind for _ in range(4)]
    assert kinds == ["started", "started", "started", "later"]
    assert quota(emulator).remaining == 2

    assert await client.cancel_actions_run(ref) is None
    assert quota(emulator).remaining == 1
    await client.cancel_actions_run(ref, force=True)
    with pytest.raises(GitHubRateLimitedError):
        await client.cancel_actions_run(ref)
    assert quota(emulator).remaining == 0
    assert refused(emulator) == []


async def test_watching_goes_on_with_the_next_hour(emulator, client, watchers):
    """Whoever stands in line goes on once an answer tells of a new quota."""
    await turns()
    before = dict(watchers)
    emulator.limits._quotas.clear()
    emulator.limits.limit = 10 * LIMIT
    await client.get_repository(REPOSITORY)
    async with asyncio.timeout(30):
        while any(watchers[repository] < before[repository] + 10 for repository in watchers):
            await asyncio.sleep(0.01)
