"""What ``perdure worker`` does."""

import asyncio
from collections.abc import Sequence

from temporalio.client import Client

from perdure.cli import _errors
from perdure.cli._signals import Stop
from perdure.cli._worker_build import Build, explain_build, with_build
from perdure.config import Settings, load_settings, log_without_secrets
from perdure.engine.connection import connect
from perdure.engine.logs import log_as
from perdure.engine.metrics import open_runtime, page_url, with_metrics
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.engine.workers import run_workers
from perdure.errors import UsageError
from perdure.model import queues as known


async def work(
    wanted: Sequence[str] | None,
    build: Build,
    *,
    address: str | None,
    namespace: str | None,
    metrics: str | None,
) -> int:
    """Connect and work until a signal asks to stop.

    Raises:
        UsageError: A queue is not one of Perdure's, the settings cannot be used, or the metrics' address is
            taken.
        EngineError: Temporal is out of reach, or refuses.
    """
    log_without_secrets()
    settings = with_metrics(with_build(load_settings(), build), metrics)
    log_as(settings.logs)
    names = _checked(wanted) if wanted else known.ALL
    runtime = open_runtime(settings.metrics.address)
    client = await connect(address=address, namespace=namespace, runtime=runtime, settings=settings)
    if not await ensure_search_attributes(client):
        _errors.show_warning(
            f"namespace {client.namespace!r} does not take Perdure's search attributes: actions run, but"
            " cannot be listed by repository"
        )
    with Stop(at_once_status=130) as stop:
        ready = asyncio.Event()
        saying = asyncio.create_task(_say_when(ready, client, settings, names))
        try:
            await run_workers(client, settings, names, stop=stop.event, ready=ready)
        finally:
            saying.cancel()
    return 0


def _checked(wanted: Sequence[str]) -> Sequence[str]:
    choices = (*known.ALL, *known.REVIEWING)
    for name in wanted:
        if name not in choices:
            msg = f"{name!r} is none of Perdure's task queues"
            raise UsageError(msg, hint=f"choose from {', '.join(choices)}")
    return wanted


async def _say_when(ready: asyncio.Event, client: Client, settings: Settings, names: Sequence[str]) -> None:
    await ready.wait()
    _errors.say(_ready_line(client, settings, names))
    await explain_build(client, settings)


def _ready_line(client: Client, settings: Settings, names: Sequence[str]) -> str:
    queues = ", ".join(name + settings.worker.queue_suffix for name in names)
    server = client.service_client.config.target_host
    page = f", metrics {page_url(settings.metrics.address)}" if settings.metrics.address else ""
    return f"worker ready: queues {queues}, server {server}, GitHub {settings.github.url}{page}"
