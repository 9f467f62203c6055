"""A worker of its own, whose work leaves a line in a file for each item that it does.

python -m fleet.recording ADDRESS TASK_QUEUE FILE
"""

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from perdure.engine.workers import STICKY_QUEUE_TIMEOUT, workflow_runner


class Recorder:
    """Writes down what was done."""

    def __init__(self, path: Path) -> None:
        # Lines of several processes stay whole, and outlive them.
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @activity.defn(name="fleet_record")
    async def record(self, item: str) -> str:
        """Write the item down."""
        os.write(self._file, f"{item}\n".encode())
        return item


@workflow.defn(name="FleetRecordingChild")
class RecordingChild:
    """Records its item."""

    @workflow.run
    async def run(self, item: str) -> str:
        """Do one item's work."""
        done: str = await workflow.execute_activity(
            "fleet_record", item, result_type=str, start_to_close_timeout=timedelta(seconds=10)
        )
        return done


async def main(address: str, task_queue: str, path: Path) -> None:
    """Work until killed."""
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with Worker(
        client,
        task_queue=task_queue,
        workflows=[RecordingChild],
        activities=[Recorder(path).record],
        workflow_runner=workflow_runner(),
        sticky_queue_schedule_to_start_timeout=STICKY_QUEUE_TIMEOUT,
    ):
        print("worker ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
