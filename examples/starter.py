"""Starts the workflow ``Greet`` and waits for its result."""

import asyncio
import sys

from greet import Greet
from temporalio.client import Client

from perdure import leave


async def main(name: str) -> None:
    """Start it, or attach to the one that greets this name already."""
    client = await Client.connect("localhost:7233")
    print(await client.execute_workflow(Greet.run, name, id=f"greet-{name}", task_queue="greetings"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["world"]))
    # Temporal's SDK may crash while Python ends, after all the work is done: leave before that.
    leave(0)
