"""Records the histories of fleets.

PYTHONPATH=tests .venv/bin/python -m replay.record_fleets
"""

import asyncio
from typing import Any

from perdure.model.fleet import ListedItems, Work
from perdure.model.fleet_progress import FleetInput, OrganizationInput
from perdure.model.parallel import ParallelAnalysisInput
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow
from perdure.workflows.organization_pipeline import OrganizationPipelineWorkflow
from perdure.workflows.parallel_analysis import ParallelAnalysisWorkflow
from replay.house import Kind, RecordingHouse, recording_house

KEEP = Work(workflow="FleetStoreWorkflow", input={"items": {"items": ["${{ item }}"]}})
WAIT = Work(
    pipeline={"file": {"name": "waits", "steps": {"pause": {"wait": "PT1M"}}}}  # type: ignore[arg-type]
)


async def start(house: RecordingHouse, name: str, workflow_type: Any, input: object) -> None:
    """Start something under a name that is the same in every recording."""
    await house.client.start_workflow(workflow_type, input, id=f"recorded/{name}", task_queue="perdure")


def fleet(*items: str, work: Work = KEEP, **fields: Any) -> FleetInput:
    """Return a fleet's input."""
    return FleetInput(name="recorded", items=ListedItems(items=items), work=work, **fields)


async def fleets(house: RecordingHouse) -> None:
    """One of each kind; one whose work is refused, one that is cancelled, one that continues as new."""
    run = ChunkedProcessorWorkflow.run
    await start(house, "fleet", run, fleet("a", "b", "c", max_parallel=2, chunk_size=2))
    await house.record("fleet")
    await start(house, "fleet-activity", run, fleet("a", "b", work=Work(activity="nobody_does", attempts=1)))
    handle = house.client.get_workflow_handle("recorded/fleet-activity")
    await handle.cancel()
    await house.record("fleet-activity")
    await start(house, "fleet-cancelled", run, fleet("a", "b", "c", work=WAIT, max_parallel=2))
    await until_running(house, "fleet-cancelled", 2)
    await house.client.get_workflow_handle("recorded/fleet-cancelled").cancel()
    await house.record("fleet-cancelled")
    items = [f"item-{number}" for number in range(24)]
    await start(house, "fleet-continued", run, fleet(*items, max_parallel=4, events_per_history=50))
    first = (await house.client.get_workflow_handle("recorded/fleet-continued").describe()).run_id
    await house.record("fleet-continued", run_id=first)
    await house.record("fleet-after-continuing", "recorded/fleet-continued")
    await start(
        house,
        "fleet-of-organization",
        OrganizationPipelineWorkflow.run,
        OrganizationInput(organization="acme", tier_queue="perdure", work=KEEP),
    )
    await house.record("fleet-of-organization")
    await start(
        house,
        "parallel-analysis",
        ParallelAnalysisWorkflow.run,
        ParallelAnalysisInput(items=("a", "b", "c"), work=KEEP, max_parallel=2),
    )
    await house.record("parallel-analysis")
    await house.record("fleet-store", "recorded/parallel-analysis/a")


async def until_running(house: RecordingHouse, name: str, count: int) -> None:
    """Wait until so many items are under way."""
    handle = house.client.get_workflow_handle(f"recorded/{name}")
    async with asyncio.timeout(30):
        while (await handle.query(ChunkedProcessorWorkflow.progress)).running_count < count:
            await asyncio.sleep(0.05)


async def main() -> None:
    """Record everything."""
    async with recording_house(Kind()) as house:
        await fleets(house)


if __name__ == "__main__":
    asyncio.run(main())
