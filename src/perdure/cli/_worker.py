"""What ``perdure worker`` does."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence

from temporalio.client import Client

from perdure.cli import _errors
from perdure.cli._signals import Stop
from perdure.config import load_settings
from perdure.engine.connection import connect
from perdure.engine.pollers import pollers
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.engine.workers import run_workers
from perdure.errors import UsageError
from perdure.model import queues as known

_LOOK_INTERVAL = 0.1


async def work(wanted: Sequence[str] | None, *, address: str | None, namespace: str | None) -> int:
    """Connect and work until a signal asks to stop.

    Raises:
        UsageError: A queue is not one of Perdure's, or the settings cannot be used.
        EngineError: Temporal is out of reach, or refuses.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load_settings()
    names = _checked(wanted) if wanted else known.ALL
    client = await connect(address=address, namespace=namespace)
    if not await ensure_search_attributes(client):
        _errors.show_warning(
            f"namespace {client.namespace!r} does not take Perdure's search attributes: actions run, but"
            " cannot be listed by repository"
        )
    with Stop(at_once_status=130) as stop:
        running = asyncio.create_task(run_workers(client, settings, names, stop=stop.event))
        suffixed = [name + settings.worker.queue_suffix for name in names]
        ready = asyncio.create_task(_wait_until_polling(client, suffixed))
        ready.add_done_callback(
            lambda task: None if task.cancelled() else _say_ready(client, suffixed, settings.github.url)
        )
        try:
            await running
        finally:
            ready.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ready
    return 0


def _checked(wanted: Sequence[str]) -> Sequence[str]:
    for name in wanted:
        if name not in known.ALL:
            msg = f"{name!r} is none of Perdure's task queues"
            raise UsageError(msg, hint=f"choose from {', '.join(known.ALL)}")
    return wanted


async def _wait_until_polling(client: Client, names: Sequence[str]) -> None:
    for name in names:
        while client.identity not in await pollers(client, name):  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(_LOOK_INTERVAL)


def _say_ready(client: Client, names: Sequence[str], github_url: str) -> None:
    server = client.service_client.config.target_host
    _errors.say(f"worker ready: queues {', '.join(names)}, server {server}, GitHub {github_url}")
