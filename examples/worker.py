"""Does the work of the workflow ``Greet``."""

import asyncio

from greet import Greet
from temporalio.client import Client
from temporalio.worker import Worker

from perdure import PerdurePlugin


async def main() -> None:
    """Work until Ctrl-C. Perdure's own queues are polled by ``perdure up``."""
    client = await Client.connect("localhost:7233", plugins=[PerdurePlugin(task_queues=())])
    await Worker(client, task_queue="greetings", workflows=[Greet]).run()


if __name__ == "__main__":
    asyncio.run(main())
