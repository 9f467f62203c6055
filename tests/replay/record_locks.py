"""Records the histories of concurrency groups and of pipelines that are in one.

PYTHONPATH=tests .venv/bin/python -m replay.record_locks
"""

import asyncio

from perdure.engine.pipelines import start_pipeline
from perdure.pipeline import read_pipeline
from perdure.workflows.lock import LockWorkflow
from replay.house import Kind, RecordingHouse, recording_house

TEXT = """
name: grouped
concurrency: {group: recorded, policy: POLICY}
steps:
  pause: {wait: 2s}
  alone:
    needs: pause
    action: acme/tools/echo.yml
    concurrency: recorded-step
"""


async def grouped(house: RecordingHouse) -> None:
    """One waits for another, a third is refused, and the lock ends when nobody wants it any more."""
    lock = house.client.get_workflow_handle("lock/recorded")
    first = await start_pipeline(house.client, read_pipeline(TEXT.replace("POLICY", "queue")), key="first")
    async with asyncio.timeout(20):
        while not (await first.progress()).jobs[0].started_at:
            await asyncio.sleep(0.05)
    second = await start_pipeline(house.client, read_pipeline(TEXT.replace("POLICY", "queue")), key="second")
    async with asyncio.timeout(20):
        while not (await lock.query(LockWorkflow.state)).waiting:
            await asyncio.sleep(0.05)
    third = await start_pipeline(house.client, read_pipeline(TEXT.replace("POLICY", "refuse")), key="third")
    await house.record("pipeline-refused", third.id)
    await house.record("pipeline-waited", second.id)
    await house.record("lock", "lock/recorded")


async def main() -> None:
    """Record everything."""
    async with recording_house(Kind()) as house:
        await grouped(house)


if __name__ == "__main__":
    asyncio.run(main())
