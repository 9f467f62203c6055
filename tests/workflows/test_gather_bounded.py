"""What ``gather_bounded`` promises to people who write workflows."""

import asyncio
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from temporalio.client import WorkflowFailureError
from temporalio.worker import Replayer, Worker

from perdure.engine.workers import workflow_runner
from perdure.workflow import gather_bounded
from workflows.sagas import Many, NotBounded


def answered(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


class Crowd:
    """Counts who is at work at the same time, and who was ever begun."""

    def __init__(self):
        self.begun = 0
        self.at_work = 0
        self.most = 0
        self.cancelled = 0

    async def work(self, turns, answer):
        self.begun += 1
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            return answered(answer)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.cancelled += 1
            raise
        finally:
            self.at_work -= 1


@settings(deadline=None)
@given(turns=st.lists(st.integers(1, 9), max_size=30), limit=st.integers(1, 8))
def test_results_come_in_their_order_and_never_too_many_at_once(turns, limit):
    """Whatever takes longest: the order is that of the calls, and the limit holds and is used."""

    async def gather():
        crowd = Crowd()
        calls = (crowd.work(turn, number) for number, turn in enumerate(turns))
        assert await gather_bounded(calls, limit=limit) == list(range(len(turns)))
        return crowd

    crowd = asyncio.run(gather())
    assert crowd.most == min(limit, len(turns))
    assert crowd.at_work == 0


@settings(deadline=None)
@given(
    turns=st.lists(st.integers(0, 9), min_size=1, max_size=30),
    limit=st.integers(1, 8),
    broken=st.integers(0, 29),
)
def test_the_first_error_ends_all_the_others(turns, limit, broken):
    """They are cancelled and awaited before it goes on; what had not begun never begins."""
    broken %= len(turns)

    async def gather():
        crowd = Crowd()
        calls = [
            crowd.work(turn, KeyError("broken") if number == broken else number)
            for number, turn in enumerate(turns)
        ]
        with pytest.raises(KeyError, match="broken"):
            await gather_bounded(calls, limit=limit)
        return crowd

    crowd = asyncio.run(gather())
    assert crowd.at_work == 0
    assert crowd.cancelled <= limit - 1
    assert crowd.begun <= len(turns)


async def test_errors_are_collected_where_that_is_asked():
    """Each stands in the place of its result, and the others go on."""
    crowd = Crowd()
    broken = ValueError("broken")
    calls = [lambda: crowd.work(2, "a"), crowd.work(0, broken), crowd.work(1, "c")]
    assert await gather_bounded(calls, limit=2, return_exceptions=True) == ["a", broken, "c"]


async def test_nothing_is_taken_before_there_is_room():
    """A generator of calls is read as far as the limit, not to its end."""
    taken = []
    go = asyncio.Event()

    def calls():
        for number in range(1_000):
            taken.append(number)
            yield go.wait()

    gathering = asyncio.create_task(gather_bounded(calls(), limit=3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken == [0, 1, 2]
    go.set()
    assert await gathering == [True] * 1_000


async def test_a_cancellation_ends_them_all_first():
    """Even a second one does not leave a call behind that nobody waits for."""
    begun, ended = asyncio.Event(), []

    async def slow_to_end(number):
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            for _ in range(5):
                await asyncio.sleep(0)
            ended.append(number)

    gathering = asyncio.create_task(gather_bounded([slow_to_end(1), slow_to_end(2)], limit=2))
    await begun.wait()
    gathering.cancel()
    await asyncio.sleep(0)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    assert sorted(ended) == [1, 2]


async def test_an_error_of_the_generator_is_an_error():
    """What makes the calls may fail too."""
    crowd = Crowd()

    def calls():
        yield crowd.work(0, 1)
        yield crowd.work(9, 2)
        raise LookupError("no more repositories")

    with pytest.raises(LookupError, match="no more repositories"):
        await gather_bounded(calls(), limit=2)
    assert crowd.at_work == 0


async def test_no_calls_have_no_results():
    """And nothing is waited for."""
    assert await gather_bounded([], limit=5) == []


@pytest.fixture
async def execute(temporal_client):
    """Run a workflow to its end on a worker that forgets it after every task; return handle and result."""
    queue = f"many-{uuid.uuid4().hex[:8]}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[Many, NotBounded],
        workflow_runner=workflow_runner(),
        max_cached_workflows=0,
    ):

        async def executed(workflow_type, *arguments):
            handle = await temporal_client.start_workflow(
                workflow_type.run, args=arguments, id=f"many-{uuid.uuid4().hex[:8]}", task_queue=queue
            )
            return handle, await asyncio.wait_for(handle.result(), 40)

        yield executed


async def replayed(handle):
    replayer = Replayer(workflows=[Many], workflow_runner=workflow_runner())
    await replayer.replay_workflow(await handle.fetch_history())


async def test_a_workflow_does_many_things_so_many_at_a_time(execute):
    """In the engine too, and its history replays."""
    handle, ended = await execute(Many, 12, 4, None)
    assert ended == [4, list(range(12))]
    await replayed(handle)


async def test_a_workflow_cancels_in_the_same_order_each_time(execute):
    """Those that run when one fails are cancelled as they were at first, replay after replay."""
    handle, (message, running, ended_early) = await execute(Many, 12, 6, 1)
    assert message == "1 failed"
    assert running == 0
    assert len(ended_early) == 5
    for _ in range(5):
        await replayed(handle)


async def test_a_limit_below_one_fails_the_workflow_instead_of_its_task(execute):
    """Its task would be retried for ever."""
    with pytest.raises(WorkflowFailureError) as caught:
        await execute(NotBounded)
    assert caught.value.cause.type == "UsageError"
