"""The process that both sides of the benchmark share: Perdure's workers, and one for the bare workflow."""

import asyncio
import logging
import signal
import sys

from bare import TASK_QUEUE, BareActivities, BareWorkflow
from bare_steps import BareStepsWorkflow, bare_nothing
from temporalio.worker import Worker

from perdure.config import load_settings
from perdure.engine.connection import connect_local
from perdure.engine.exits import leave
from perdure.engine.workers import STICKY_QUEUE_TIMEOUT, run_workers, workflow_runner


async def work(address: str) -> None:
    """Work until SIGTERM."""
    settings = load_settings()
    client = await connect_local(address)
    stop, ready = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bare = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[BareWorkflow, BareStepsWorkflow],
        activities=[
            *BareActivities(settings.github.url, settings.watch.shortest_interval).all,
            bare_nothing,
        ],
        workflow_runner=workflow_runner(),
        max_cached_workflows=settings.worker.max_cached_workflows,
        max_concurrent_activities=settings.worker.max_concurrent_activities,
        sticky_queue_schedule_to_start_timeout=STICKY_QUEUE_TIMEOUT,
    )
    async with bare:
        saying = asyncio.create_task(_say_when(ready))
        await run_workers(client, settings, stop=stop, ready=ready)
        await saying


async def _say_when(ready: asyncio.Event) -> None:
    await ready.wait()
    print("worker ready", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(work(sys.argv[1]))
    leave(0)
