"""Does the work of the workflow ``Greet``."""

import asyncio
import contextlib

from greet import Greet
from temporalio.client import Client
from temporalio.worker import Worker

from perdure import PerdurePlugin, leave


async def main() -> None:
    """Work until Ctrl-C. Perdure's own queues are polled by ``perdure up``."""
    client = await Client.connect("localhost:7233", plugins=[PerdurePlugin(task_queues=())])
    await Worker(client, task_queue="greetings", workflows=[Greet]).run()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
    leave(0)
