"""Records the histories of a pipeline whose history is cut: while it runs, and while it is undone.

PYTHONPATH=tests .venv/bin/python -m replay.record_large
"""

import asyncio

from perdure.engine.pipelines import start_input
from perdure.pipeline import compile_pipeline, read_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.running import PipelineInput, SizeLimits
from replay.house import Kind, RecordingHouse, recording_house

TEXT = """
name: cut
concurrency: recorded-cut
defaults: {owner: acme, adopt-window: 0s}
steps:
  publish:
    action: tools/echo.yml
    matrix: {n: [1, 2, 3]}
    max-parallel: 2
    inputs: {message: 'published ${{ string(matrix.n) }}'}
    outputs: {message: string}
    compensate: {action: tools/echo.yml, inputs: {message: yanked}}
  pause1: {wait: 1s}
  pause2: {wait: 1s}
  pause3: {wait: 1s}
  last: {needs: [publish, pause1, pause2, pause3], action: tools/echo.yml, inputs: {passes_at: '9'}}
"""
LIMITS = SizeLimits(cut_events=20, hold_events=30, at_once=3, per_task=2)


async def cut(house: RecordingHouse) -> None:
    """No more starts until what runs has ended; then it goes on, fails, and is undone."""
    pipeline = compile_pipeline(read_pipeline(TEXT), {})
    input = PipelineInput(pipeline=pipeline, digest=plan_digest(pipeline), limits=LIMITS)
    handle = await start_input(house.client, input, "recorded", "perdure")
    runs = [await _first_run(house, handle.id)]
    while following := await _next_run(house, handle.id, runs[-1]):
        runs.append(following)
    for number, run_id in enumerate(runs, start=1):
        await house.record(f"pipeline-cut-{number}", handle.id, run_id)


async def _first_run(house: RecordingHouse, workflow_id: str) -> str:
    described = await house.client.get_workflow_handle(workflow_id).describe()
    return described.raw_description.workflow_execution_info.first_run_id


async def _next_run(house: RecordingHouse, workflow_id: str, run_id: str) -> str:
    """Wait for the end of a run; return the one after it, if there is one."""
    async with asyncio.timeout(60):
        handle = house.client.get_workflow_handle(workflow_id, run_id=run_id)
        async for event in handle.fetch_history_events(wait_new_event=True):
            last = event
    return last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id


async def main() -> None:
    """Record everything."""
    async with recording_house(Kind()) as house:
        await cut(house)


if __name__ == "__main__":
    asyncio.run(main())
