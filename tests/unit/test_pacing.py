"""Who may send a request when: reserves, spacing, turns."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from perdure.errors import GitHubRateLimitedError
from perdure.github._answers import Answer, RateLimit
from perdure.github._pacer import Pacer
from perdure.github.pacing import (
    READS_AT_ONCE,
    Urgency,
    exhausted_for,
    newer,
    spacing,
    urgency_of,
    watching,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
IDENTITY = "installation 42"


def quota(remaining: int, *, limit: int = 1000, minutes: float = 30) -> RateLimit:
    return RateLimit(limit=limit, remaining=remaining, reset_at=NOW + timedelta(minutes=minutes))


def answer(status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer("GET /x", status, httpx2.Headers(named), b"{}")


def told(remaining: int, *, limit: int = 1000) -> Answer:
    reset = str(int((NOW + timedelta(minutes=30)).timestamp()))
    return answer(x_ratelimit_limit=str(limit), x_ratelimit_remaining=str(remaining), x_ratelimit_reset=reset)


@pytest.fixture
def pacer():
    return Pacer(lambda: NOW)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("remaining", "those_who_go"),
    [
        (101, {Urgency.WATCH, Urgency.READ, Urgency.CHANGE, Urgency.CANCEL}),
        (100, {Urgency.READ, Urgency.CHANGE, Urgency.CANCEL}),
        (50, {Urgency.CHANGE, Urgency.CANCEL}),
        (20, {Urgency.CANCEL}),
        (0, set()),
    ],
)
def test_each_kind_leaves_a_reserve_to_those_above_it(remaining, those_who_go):
    """Watching stops before reading, reading before dispatching, and cancelling last of all."""
    assert {each for each in Urgency if not exhausted_for(quota(remaining), each, NOW)} == those_who_go


def test_what_is_under_way_counts_as_used():
    """Ten requests that are sent together cannot all have the last of the quota."""
    assert exhausted_for(quota(110), Urgency.WATCH, NOW, in_flight=9) == 0.0
    assert exhausted_for(quota(110), Urgency.WATCH, NOW, in_flight=10) == 30 * 60 + 1


def test_without_limits_and_after_a_reset_nothing_waits():
    """A GitHub Enterprise Server may have none, and an hour that is over says nothing of the next."""
    assert exhausted_for(None, Urgency.WATCH, NOW) == spacing(None, NOW) == 0.0
    over = quota(0, minutes=-1)
    assert exhausted_for(over, Urgency.WATCH, NOW) == spacing(over, NOW) == 0.0


def test_answers_that_overtake_each_other_tell_the_least():
    """Within one hour a quota only shrinks; the next hour's counts, the last hour's does not."""
    assert newer(quota(400), quota(500), NOW) == quota(400)
    assert newer(quota(400), quota(300, minutes=30.01), NOW).remaining == 300
    assert newer(quota(400), quota(999, minutes=90), NOW).remaining == 999
    assert newer(quota(999, minutes=59), quota(0, minutes=-1), NOW).remaining == 999
    assert newer(quota(0, minutes=-1), quota(999, minutes=-0.5), NOW).remaining == 999


def test_watching_slows_down_and_never_uses_up_what_dispatches_need():
    """A whole hour in which watchers ask whenever they may, beside a dispatch every four seconds."""
    now, reset_at = NOW, NOW + timedelta(hours=1)
    remaining, watched_at, dispatched, gaps = 2000, NOW, 0, []
    for second in range(3600):
        now = NOW + timedelta(seconds=second)
        known = RateLimit(limit=2000, remaining=remaining, reset_at=reset_at)
        if second % 4 == 0:
            assert not exhausted_for(known, Urgency.CHANGE, now)
            remaining, dispatched = remaining - 1, dispatched + 1
        since = (now - watched_at).total_seconds()
        if not exhausted_for(known, Urgency.WATCH, now) and since >= spacing(known, now):
            gaps.append(since)
            remaining, watched_at = remaining - 1, now
    assert dispatched == 900
    # First each second, then in steps that grow, and still going at the end.
    assert gaps[100] == 1.0
    assert 5 < max(gaps) < 60
    assert (now - watched_at).total_seconds() < 240
    assert remaining >= 150


def test_requests_are_told_apart_by_what_they_do():
    """A read is watching only where its caller says so; a cancellation comes before every other change."""
    assert urgency_of("GET", "/repos/a/b/actions/runs") is Urgency.READ
    with watching():
        assert urgency_of("GET", "/repos/a/b/actions/runs") is Urgency.WATCH
        assert urgency_of("POST", "/repos/a/b/actions/workflows/x.yml/dispatches") is Urgency.CHANGE
    assert urgency_of("GET", "/repos/a/b/actions/runs") is Urgency.READ
    assert urgency_of("POST", "/repos/a/b/actions/runs/1/force-cancel") is Urgency.CANCEL


async def test_repositories_take_turns(pacer):
    """One that asks for fifty runs waits as long as one that asks for a single one."""
    order = []

    async def ask(repository):
        async with pacer.turn(IDENTITY, repository, Urgency.WATCH):
            order.append(repository)

    async with AsyncExitStack() as stack:
        async with pacer.turn(IDENTITY, "acme/first", Urgency.READ) as learn:
            learn(told(900))
        for _ in range(READS_AT_ONCE):
            await stack.enter_async_context(pacer.turn(IDENTITY, "acme/first", Urgency.READ))
        many = [asyncio.create_task(ask("acme/many")) for _ in range(50)]
        await asyncio.sleep(0)
        one = asyncio.create_task(ask("acme/one"))
        await asyncio.sleep(0)
        assert order == []
    await asyncio.wait_for(asyncio.gather(*many, one), 10)
    assert order.index("acme/one") <= READS_AT_ONCE
    assert len(order) == 51


async def test_turns_go_round_one_by_one(pacer):
    """Where watchers go one at a time, the second turn is another repository's."""
    order = []

    async def ask(repository):
        async with pacer.turn(IDENTITY, repository, Urgency.WATCH) as learn:
            order.append(repository)
            await asyncio.sleep(0)
            learn(answer(304))

    async with pacer.turn(IDENTITY, "acme/first", Urgency.WATCH) as learn:
        asking = [asyncio.create_task(ask("acme/many")) for _ in range(9)]
        await asyncio.sleep(0)
        asking.append(asyncio.create_task(ask("acme/one")))
        await asyncio.sleep(0)
        pacer.quotas[IDENTITY] = quota(400)
        learn(answer(304))
    await asyncio.wait_for(asyncio.gather(*asking), 10)
    assert order[:3] == ["acme/many", "acme/one", "acme/many"]


async def test_a_change_passes_the_line(pacer):
    """A dispatch waits for no watcher and for no read."""
    async with AsyncExitStack() as stack:
        for _ in range(READS_AT_ONCE):
            async with pacer.turn(IDENTITY, None, Urgency.READ) as learn:
                learn(answer())
        for _ in range(READS_AT_ONCE):
            await stack.enter_async_context(pacer.turn(IDENTITY, None, Urgency.READ))
        async with asyncio.timeout(5), pacer.turn(IDENTITY, None, Urgency.CHANGE):
            pass


async def test_reads_wait_for_the_first_answer(pacer):
    """Until it is known how many requests are left, one goes first: there may be one."""
    gone = []

    async def ask():
        async with pacer.turn(IDENTITY, None, Urgency.READ):
            gone.append(True)

    async with pacer.turn(IDENTITY, None, Urgency.READ) as learn:
        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        assert gone == []
        learn(told(51))
        # The one under way may use up the only one that reads may have.
        await asyncio.sleep(0)
        assert gone == []
    await asyncio.wait_for(asking, 10)
    assert gone == [True]


@pytest.mark.parametrize("urgency", list(Urgency))
async def test_whoever_github_asks_to_wait_waits(pacer, urgency):
    """``retry-after`` is the installation's, and another installation goes on."""
    async with pacer.turn(IDENTITY, None, Urgency.READ) as learn:
        learn(answer(429, retry_after="30"))
    with pytest.raises(GitHubRateLimitedError, match="nothing was sent") as caught:
        async with pacer.turn(IDENTITY, None, urgency):
            pytest.fail("it was let through")
    assert caught.value.retry_after_seconds == 30
    async with pacer.turn("installation 43", None, urgency):
        pass


async def test_who_stands_in_line_is_told_of_the_limit(pacer):
    """Those who wait for the answer in which GitHub asks to be left alone do not wait on."""
    async with pacer.turn(IDENTITY, None, Urgency.READ) as learn:

        async def ask():
            async with pacer.turn(IDENTITY, None, Urgency.READ):
                pytest.fail("it was let through")

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0)
        learn(answer(403, retry_after="60"))
    with pytest.raises(GitHubRateLimitedError):
        await asyncio.wait_for(asking, 10)


async def test_who_is_cancelled_leaves_the_line(pacer):
    """Its place, and a turn that came at that moment, are the next one's."""

    async def ask(entered):
        async with pacer.turn(IDENTITY, None, Urgency.READ):
            entered.set()

    async with pacer.turn(IDENTITY, None, Urgency.READ) as learn:
        entered = [asyncio.Event() for _ in range(3)]
        first, second, third = (asyncio.create_task(ask(each)) for each in entered)
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        learn(told(900))
    # Its turn has come, and it has not run since.
    first.cancel()
    await asyncio.wait_for(third, 10)
    assert [each.is_set() for each in entered] == [False, False, True]
    async with pacer.turn(IDENTITY, None, Urgency.READ):
        pacer.quotas[IDENTITY] = quota(52)
        # With nobody counted who is gone: one is under way, and one more may be.
        async with asyncio.timeout(5), pacer.turn(IDENTITY, None, Urgency.READ):
            pass
