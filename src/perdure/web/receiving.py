"""The receiver of webhooks with all that it works with, from the settings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from temporalio.client import Client

from perdure.config import GitHubSettings, resolve_secret
from perdure.config.webhooks_section import WebhookSettings
from perdure.engine.nudging import Nudger
from perdure.github import open_github_client
from perdure.model import queues
from perdure.web.redelivering import Redeliverer
from perdure.web.webhooks import WebhookReceiver


@asynccontextmanager
async def open_receiver(
    client: Client, webhooks: WebhookSettings, github: GitHubSettings, *, queue_suffix: str = ""
) -> AsyncIterator[WebhookReceiver]:
    """Open a receiver that works while the block runs, and as an App asks for what it has missed.

    Args:
        client: The connection to the engine.
        webhooks: Whom to believe.
        github: Who Perdure is there.
        queue_suffix: Of the task queues whose workflows are to hear of it.

    Raises:
        SecretError: A reference leads nowhere.
    """
    nudger = Nudger(client, workflow_task_queues={queues.WORKFLOWS, queues.WORKFLOWS + queue_suffix})
    receiver = WebhookReceiver([resolve_secret(each) for each in webhooks.secrets], nudger.nudge)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(receiver.working())
        if github.has_app:
            opened = await stack.enter_async_context(open_github_client(github))
            redeliverer = Redeliverer(opened, interval=webhooks.redeliver_interval)
            asking = asyncio.create_task(redeliverer.run())
            stack.push_async_callback(_stop, asking)
        yield receiver


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
