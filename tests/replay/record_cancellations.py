"""Records the histories of what was cancelled: where GitHub obeys, and where it does not.

PYTHONPATH=tests .venv/bin/python -m replay.record_cancellations
"""

import asyncio
from datetime import timedelta

from perdure.engine.pipelines import PipelineHandle, start_pipeline
from perdure.model.progress import Stage
from perdure.pipeline import read_pipeline
from replay.house import Kind, RecordingHouse, recording_house

INNER = """
name: inner
steps:
  deploy: {action: acme/tools/echo.yml, timeout: {cancel: 2s}, inputs: {wait_time: '60'}}
"""
OUTER = """
name: outer
concurrency: outer
steps:
  change:
    action: acme/tools/echo.yml
    compensate: {action: acme/tools/echo.yml}
  inner: {needs: change, pipeline: inner.yaml, concurrency: outer}
  tidy: {needs: inner, if: always(), action: acme/tools/echo.yml}
"""


async def cancelled(house: RecordingHouse) -> None:
    """A cancellation reaches GitHub."""
    handle = await house.start("action-cancelled", inputs={"wait_time": "60"})
    await house.reaches(handle, Stage.RUNNING)
    await handle.cancel()
    await house.record("action-cancelled")


async def refused(house: RecordingHouse) -> None:
    """GitHub never cancels the run, and the action ends all the same."""
    handle = await house.start(
        "action-left-running", inputs={"wait_time": "60"}, cancel_timeout=timedelta(seconds=1)
    )
    await house.reaches(handle, Stage.RUNNING)
    house.emulator.faults.fail_next("POST", "cancel", status=503, times=1_000)
    await handle.cancel()
    await house.record("action-left-running")
    house.emulator.faults.clear()


async def pipelines(house: RecordingHouse) -> None:
    """One is cancelled and undoes; GitHub refuses in its child. Another is told to undo nothing."""
    first = await _deploying(house, "first")
    house.emulator.faults.fail_next("POST", "cancel", status=409, times=1_000)
    await first.cancel()
    await house.record("pipeline-cancelled", first.id)
    await house.record("pipeline-cancelled-below", f"{first.id}/inner")
    house.emulator.faults.clear()
    second = await _deploying(house, "second")
    await second.decline_compensation()
    await second.cancel()
    await house.record("pipeline-left-as-it-is", second.id)


async def _deploying(house: RecordingHouse, key: str) -> PipelineHandle:
    files = {"inner.yaml": read_pipeline(INNER)}
    earlier = len(house.emulator.runs)
    handle = await start_pipeline(house.client, read_pipeline(OUTER), files=files, key=key)
    await house.runs_at_github(earlier + 2)
    async with asyncio.timeout(30):
        while house.emulator.runs[-1].status != "in_progress":
            await asyncio.sleep(0.05)
    return handle


async def main() -> None:
    """Record everything."""
    async with recording_house(Kind()) as house:
        await cancelled(house)
        await refused(house)
        await pipelines(house)


if __name__ == "__main__":
    asyncio.run(main())
