"""The receiver of webhooks with all that it works with, from the settings."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client

from perdure.config import Secret, Settings
from perdure.engine.nudging import Nudger
from perdure.github import open_github_client
from perdure.model import queues
from perdure.web.redelivering import Redeliverer
from perdure.web.webhooks import WebhookReceiver


@asynccontextmanager
async def open_receiver(
    client: Client, settings: Settings, secrets: Sequence[Secret]
) -> AsyncIterator[WebhookReceiver]:
    """Open a receiver that works while the block runs, and as an App asks for what it has missed.

    Args:
        client: The connection to the engine.
        settings: Who Perdure is at GitHub, and of which task queues' workflows.
        secrets: Whom to believe: those of ``[webhooks]``.
    """
    own = queues.WORKFLOWS + settings.worker.queue_suffix
    nudger = Nudger(client, workflow_task_queues={queues.WORKFLOWS, own})
    receiver = WebhookReceiver(secrets, nudger.nudge)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(receiver.working())
        if settings.github.has_app:
            github = await stack.enter_async_context(open_github_client(settings.github))
            redeliverer = Redeliverer(github, interval=settings.webhooks.redeliver_interval)
            asking = asyncio.create_task(redeliverer.run())
            stack.push_async_callback(_stop, asking)
        yield receiver


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
