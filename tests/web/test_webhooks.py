"""The receiver: whom it believes, what it answers, and that nothing it is told can do harm."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import EngineError
from perdure.model.actions import ActionsRun
from perdure.model.following import Followed
from perdure.model.webhooks import RunHint, SeenDeliveries, hint_of
from perdure.web.webhooks import MAX_BODY, PATH, WebhookReceiver
from web.deliveries import SECRET, a_run, deliver, secrets, signature

RUN = RunHint(repository="acme/tools", actions_run_id=7)


class Engine:
    """Takes nudges, as far as it is there."""

    def __init__(self):
        self.nudges = []
        self.away = 0
        self.open = asyncio.Event()
        self.open.set()

    async def nudge(self, hint):
        await self.open.wait()
        if self.away:
            self.away -= 1
            raise EngineError("out of reach")
        self.nudges.append(hint)

    async def got(self, count):
        async with asyncio.timeout(20):
            while len(self.nudges) < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def a_receiver(engine, *values, **options):
    receiver = WebhookReceiver(secrets(*values), engine.nudge, retry_delay=0.001, **options)
    async with receiver.working():
        yield receiver


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
async def receiver(engine):
    async with a_receiver(engine) as working:
        yield working


async def test_a_signed_delivery_makes_somebody_look(receiver, engine):
    """It is taken at once, and names the run."""
    answer = await deliver(receiver, a_run())
    assert (answer.status_code, answer.json()) == (202, {"detail": "taken"})
    await engine.got(1)
    assert engine.nudges == [RUN]


@pytest.mark.parametrize(
    ("payload", "options", "status"),
    [
        pytest.param(a_run(), {"secret": "another"}, 401, id="forged"),
        pytest.param(a_run(), {"headers": {"x-hub-signature-256": ""}}, 401, id="unsigned"),
        pytest.param(
            a_run(), {"headers": {"x-hub-signature-256": signature(b"other")}}, 401, id="of another body"
        ),
        pytest.param(a_run(), {"headers": {"x-hub-signature-256": "sha1=abc"}}, 401, id="sha1"),
        pytest.param(b"x" * (MAX_BODY + 1), {}, 413, id="too large"),
        pytest.param(a_run(), {"headers": {"content-length": "many"}}, 413, id="of no length"),
        pytest.param(b"payload=%7B%7D", {"headers": {"content-type": "text/plain"}}, 415, id="as a form"),
        pytest.param(b"{", {}, 400, id="no JSON"),
        pytest.param(b"[" * 100_000, {}, 400, id="bottomless"),
        pytest.param(b"[]", {}, 400, id="no object"),
        pytest.param(a_run(), {"headers": {"x-github-event": ""}}, 400, id="of no event"),
        pytest.param(a_run(), {"headers": {"x-github-delivery": ""}}, 400, id="of no delivery"),
        pytest.param(a_run(), {"headers": {"x-github-delivery": "x" * 101}}, 400, id="of a long name"),
        pytest.param({"zen": "Keep it simple."}, {"event": "ping"}, 202, id="ping"),
        pytest.param(a_run(), {"event": "push"}, 202, id="another event"),
        pytest.param(a_run(action="requested"), {}, 202, id="no news"),
    ],
)
async def test_what_is_refused_or_means_nothing_has_no_effect(receiver, engine, payload, options, status):
    """The next good one is the first that anybody hears of."""
    answer = await deliver(receiver, payload, **options)
    assert answer.status_code == status
    await deliver(receiver, a_run(8))
    await engine.got(1)
    assert [hint.actions_run_id for hint in engine.nudges] == [8]


async def test_a_large_body_is_not_read_to_its_end(receiver):
    """Nobody who cannot sign makes the receiver keep or hash what they send."""
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 1_000_000
            yield b"x" * 1_000_000

    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=receiver), base_url="http://127.0.0.1"
    ) as http:
        answer = await http.post(PATH, content=endless())
    assert answer.status_code == 413
    assert sent <= MAX_BODY + 2_000_000


async def test_both_secrets_hold_while_one_replaces_the_other(engine):
    """A secret is changed without losing what is signed with the old one."""
    async with a_receiver(engine, "old", "new") as receiver:
        statuses = [
            (await deliver(receiver, a_run(number), secret=secret)).status_code
            for number, secret in enumerate(("old", "new", SECRET), 1)
        ]
    assert statuses == [202, 202, 401]


async def test_a_repeated_delivery_is_dropped(receiver, engine):
    """By its id, whatever it says the second time."""
    for number in (7, 7, 9):
        answer = await deliver(receiver, a_run(number), guid="the-same")
        assert answer.status_code == 202
    await deliver(receiver, a_run(8))
    await engine.got(2)
    assert [hint.actions_run_id for hint in engine.nudges] == [7, 8]


async def test_a_flood_about_one_run_is_one_look_more(receiver, engine):
    """It is answered while nothing can be worked on, and what is the same waits once."""
    engine.open.clear()
    answers = await asyncio.gather(*(deliver(receiver, a_run()) for _ in range(300)))
    assert {answer.status_code for answer in answers} == {202}
    engine.open.set()
    await deliver(receiver, a_run(8))
    async with asyncio.timeout(20):
        while RunHint(repository="acme/tools", actions_run_id=8) not in engine.nudges:
            await asyncio.sleep(0.005)
    # One for each of those who work, at most, and the one that waited.
    assert engine.nudges.count(RUN) <= 9


async def test_more_than_can_wait_is_refused_so_that_github_remembers_it(engine):
    """And taken when it comes again."""
    engine.open.clear()
    async with a_receiver(engine, max_waiting=2) as receiver:
        statuses = []
        for number in range(1, 20):
            statuses.append((await deliver(receiver, a_run(number), guid=str(number))).status_code)
            await asyncio.sleep(0)
        assert 503 in statuses
        refused = statuses.index(503) + 1
        engine.open.set()
        await engine.got(refused - 1)
        assert (await deliver(receiver, a_run(refused), guid=str(refused))).status_code == 202
        async with asyncio.timeout(20):
            while refused not in [hint.actions_run_id for hint in engine.nudges]:
                await asyncio.sleep(0.005)


async def test_an_engine_that_is_away_is_asked_again(receiver, engine):
    """A restart of the server costs a moment."""
    engine.away = 3
    await deliver(receiver, a_run())
    await engine.got(1)


async def test_a_delivery_that_could_not_be_worked_on_may_come_again(receiver, engine):
    """GitHub was told that it was taken: whoever sends it again, by hand, is not turned away."""
    engine.away = 5
    await deliver(receiver, a_run(), guid="g")
    async with asyncio.timeout(20):
        while engine.away:
            await asyncio.sleep(0.005)
        while (await deliver(receiver, a_run(), guid="g")).json()["detail"] != "taken":
            await asyncio.sleep(0.005)
    await engine.got(1)


async def test_only_its_own_path_is_the_receivers(receiver):
    """Beside the gateway it leaves everything else to it; alone it has nothing else."""

    async def gateway(scope, receive, send):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    for app, status in ((receiver, 404), (receiver.before(gateway), 204)):
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="http://127.0.0.1"
        ) as http:
            assert (await http.get("/api/approvals")).status_code == status
            assert (await http.get(PATH)).status_code == 405


STATES = (
    ("requested", None, "requested"),
    ("queued", None, ""),
    ("in_progress", None, "in_progress"),
    ("completed", "success", "completed"),
)


def state(number):
    status, conclusion, _ = STATES[number]
    return ActionsRun(
        repository="acme/tools", actions_run_id=7, status=status, conclusion=conclusion, html_url="u"
    )


AT = datetime(2026, 3, 1, tzinfo=UTC)


@given(
    st.lists(st.integers(0, 5), max_size=40), st.sets(st.integers(0, 3)), st.randoms(use_true_random=False)
)
def test_whatever_happens_to_deliveries_the_end_is_the_same(steps, lost, random):
    """Lost, repeated, late and out of order, with lies in between: what is learned is what GitHub says."""
    now_at_github, seen, guids = 0, Followed(actions_run=state(0), queued_at=AT), SeenDeliveries()

    def arrives(number):
        nonlocal seen
        if number in lost or not STATES[number][2]:
            return
        hint = hint_of("workflow_run", a_run(7, STATES[number][2]))
        if hint is not None and guids.add(str(number)):
            seen = seen.after(state(now_at_github), AT)

    for step in steps:
        if step == 0:
            now_at_github = min(now_at_github + 1, 3)
        else:
            arrives(random.randint(0, now_at_github))
        assert seen.actions_run in [state(number) for number in range(now_at_github + 1)]
    now_at_github = 3
    rest = [0, 1, 2, 3] * 2
    random.shuffle(rest)
    for number in rest:
        arrives(number)
    if 3 not in lost:
        assert seen.actions_run == state(3)
    # The watcher's next look, without which only the delay would be another.
    assert seen.after(state(3), AT).actions_run == state(3)
