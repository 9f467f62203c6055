"""The process that does the fleet benchmark's work: Perdure's workers, and one for what is counted."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from fleet_work import BareFleet, Counted, CountedChild
from temporalio.worker import Worker

from perdure.config import load_settings
from perdure.engine.connection import connect_local
from perdure.engine.exits import leave
from perdure.engine.workers import STICKY_QUEUE_TIMEOUT, run_workers, workflow_runner


async def work(address: str, counted: Path) -> None:
    """Work until SIGTERM."""
    settings = load_settings()
    client = await connect_local(address)
    stop, ready = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    bench = Worker(
        client,
        task_queue="bench",
        workflows=[BareFleet, CountedChild],
        activities=[Counted(counted).count],
        workflow_runner=workflow_runner(),
        max_cached_workflows=settings.worker.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_QUEUE_TIMEOUT,
    )
    async with bench:
        saying = asyncio.create_task(_say_when(ready))
        await run_workers(client, settings, stop=stop, ready=ready)
        await saying


async def _say_when(ready: asyncio.Event) -> None:
    await ready.wait()
    print("worker ready", flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
    leave(0)
