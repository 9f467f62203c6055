"""Records the histories of pipelines that tell how they go.

    PYTHONPATH=tests .venv/bin/python -m replay.record_notifications

See :mod:`replay.record` for when that is right.
"""

import asyncio

from perdure.engine.pipelines import start_pipeline
from perdure.pipeline import read_pipeline
from replay.house import Kind, RecordingHouse, recording_house

PARENT = """
name: telling
notify:
  - {on: [start, waiting, success, failure, cancelled], webhook: 'env:RECORDED_WEBHOOK_THAT_IS_NOT_SET'}
  - {on: [start, waiting], commit-status: {repository: acme/tools, name: recorded}}
steps:
  below: {pipeline: gated.yaml}
"""
GATED = """
name: gated
steps:
  gate: {approval: {approvers: [alice], timeout: 3s, message: 'Go on?'}}
"""


async def telling(house: RecordingHouse) -> None:
    """A start, an approval in a pipeline below, and a failure; the webhook cannot be told, GitHub is."""
    handle = await start_pipeline(
        house.client, read_pipeline(PARENT), files={"gated.yaml": read_pipeline(GATED)}, key="recorded"
    )
    await house.record("pipeline-telling", handle.id)
    await house.record("pipeline-telling-its-parent", f"{handle.id}/below")


async def main() -> None:
    """Record everything."""
    async with recording_house(Kind()) as house:
        await telling(house)


if __name__ == "__main__":
    asyncio.run(main())
