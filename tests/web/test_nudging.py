"""Webhooks of an emulated GitHub, as unreliable as they are, and the actions that they are about."""

import asyncio
import random
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from perdure.config import WatchSettings
from perdure.emulator import GitHubEmulator, Webhook
from perdure.engine.nudging import Nudger
from perdure.engine.ports import free_port
from perdure.engine.workers import build_workers
from perdure.github import open_github_client
from perdure.model.dispatch import DispatchRequest
from perdure.model.progress import Stage
from perdure.model.webhooks import PullHint, RunHint
from perdure.web.redelivering import Redeliverer
from perdure.web.server import serve
from perdure.web.webhooks import PATH, WebhookReceiver
from web.deliveries import SECRET, a_run, deliver, secrets
from wire.conftest import REPOSITORY

NEVER = timedelta(hours=1)
SELDOM = WatchSettings(shortest_interval=NEVER, longest_interval=NEVER, reconcile_interval=NEVER)
"""Whoever ends within a minute was told by a webhook."""


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def emulator_settings(emulator_settings, port):
    """Half of the deliveries come twice, and all of them out of order."""
    webhook = Webhook(url=f"http://127.0.0.1:{port}{PATH}", secret=SECRET, repeat=0.5, reorder=0.5)
    return replace(emulator_settings, webhook=webhook, seed=7)


@asynccontextmanager
async def receiving(nudge, port):
    receiver = WebhookReceiver(secrets(), nudge)
    async with receiver.working(), serve(receiver, port=port):
        yield receiver


async def all_forged(receiver, stop):
    """Tell again and again, with another secret, that runs have failed."""
    while not stop.is_set():
        for number in range(20):
            assert (await deliver(receiver, a_run(number), secret="guessed")).status_code == 401
        await asyncio.sleep(0.05)


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.05)


def is_at(handle, stage):
    async def reached():
        return (await handle.progress()).stage is stage

    return reached


async def test_actions_end_by_webhooks_alone(idle_house, port):
    """Repeated, out of order, with forged ones in between: each action ends as its run did, and soon."""
    nudger = Nudger(idle_house.client, workflow_task_queues={idle_house.task_queue})
    stop = asyncio.Event()
    async with idle_house.workers(watch=SELDOM), receiving(nudger.nudge, port) as receiver:
        forging = asyncio.create_task(all_forged(receiver, stop))
        inputs = [{"wait_time": "2", "message": f"m{number}"} for number in range(4)]
        handles = await asyncio.gather(*(idle_house.start(inputs=each) for each in inputs))
        async with asyncio.timeout(55):
            results = await asyncio.gather(*(handle.result() for handle in handles))
        stop.set()
        await forging
    assert [result.outputs["message"] for result in results] == ["m0", "m1", "m2", "m3"]
    assert len(idle_house.emulator.runs) == 4


async def test_whoever_waits_is_found_without_search_attributes(idle_house):
    """By the run's id or the dispatch id, among those who wait with the repository's watcher."""
    house = idle_house
    nudger = Nudger(house.client, workflow_task_queues={house.task_queue})
    settings = house.settings.model_copy(update={"watch": SELDOM})
    async with AsyncExitStack() as stack:
        github = await stack.enter_async_context(open_github_client(settings.github))
        for worker in build_workers(house.client, settings, github, search_attributes=False):
            await stack.enter_async_context(worker)
        handle = await house.start(inputs={"wait_time": "60"})
        await until(is_at(handle, Stage.RUNNING))
        progress = await handle.progress()
        by_number = RunHint(repository="Acme/tools", actions_run_id=progress.actions_run.actions_run_id)
        by_name = RunHint(repository="acme/tools", actions_run_id=1, dispatch_id=progress.dispatch_id)
        stranger = RunHint(repository="acme/tools", actions_run_id=1, dispatch_id="pdaaaaaaaaaaaaaaaa")
        elsewhere = RunHint(repository="acme/other", actions_run_id=1)
        nudged = [await nudger.nudge(hint) for hint in (by_number, by_name, stranger, elsewhere)]
        assert nudged == [1, 1, 0, 0]
        assert await nudger.nudge(PullHint(repository="acme/tools", pull_number=99)) == 0
        await handle.cancel()


async def test_what_could_not_be_delivered_is_sent_again(root, app, connect, port):
    """The receiver was down: GitHub is asked for what it missed, once, and for nothing that is old news."""
    hints = []

    async def nudge(hint):
        hints.append(hint)

    webhook = Webhook(url=f"http://127.0.0.1:{port}{PATH}", secret=SECRET)
    async with GitHubEmulator(root, apps=(app,), webhook=webhook) as emulator, connect(emulator) as client:
        request = DispatchRequest(
            repository=REPOSITORY, workflow_file="echo.yml", ref="main", inputs={"message": "hello"}
        )
        answer = await client.dispatch(request)
        await emulator.idle()
        redeliverer = Redeliverer(client, interval=NEVER, settled_after=timedelta(0))
        async with receiving(nudge, port):
            asked = await redeliverer.sweep()
            await emulator.idle()
            assert await redeliverer.sweep() == 0
            assert (await deliver_again(emulator, port)) == 202
            async with asyncio.timeout(20):
                while not hints:
                    await asyncio.sleep(0.01)
    # Of seven deliveries about a run, three may mean something, and one of these does.
    assert asked == 3
    assert [hint.actions_run_id for hint in hints] == [answer.actions_run_id]


async def deliver_again(emulator, port):
    """Let GitHub send some delivery once more, as a person does with the button on its page."""
    taken = [one for one in emulator.services.state.deliveries.values() if one.status_code == 202]
    emulator.services.webhooks.redeliver(random.choice(taken))
    await emulator.idle()
    return max(emulator.services.state.deliveries.values(), key=lambda one: one.id).status_code
