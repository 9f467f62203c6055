"""The whole house, and a desk where the items of a test's fleets are worked on."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from temporalio.client import WorkflowHandle

from fleet.work import Desk, desk_worker
from perdure.model.fleet import Work
from perdure.model.fleet_progress import FleetInput, FleetProgress
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow
from workflows.conftest import House, emulator_settings, house, idle_house

__all__ = ["emulator_settings", "house", "idle_house"]


@dataclass
class Yard:
    """A house with a desk beside it."""

    house: House
    desk: Desk
    queue: str

    def work(self, **changes: object) -> Work:
        return Work(**{"workflow": "FleetTestChild", "task_queue": self.queue, **changes})

    async def start(self, items: object, **fields: object) -> WorkflowHandle:
        """Start a fleet over items."""
        given = {"name": "test", "work": self.work(), **fields}
        return await self.house.client.start_workflow(
            ChunkedProcessorWorkflow.run,
            FleetInput(items=items, **given),
            id=f"fleet/test/{uuid.uuid4().hex[:8]}",
            task_queue=self.house.task_queue,
        )

    async def progress(self, handle: WorkflowHandle) -> FleetProgress:
        return await handle.query(ChunkedProcessorWorkflow.progress)


@pytest.fixture
async def yard(house) -> AsyncIterator[Yard]:
    queue = f"desk-{uuid.uuid4().hex[:8]}"
    async with desk_worker(house.client, queue) as desk:
        yield Yard(house, desk, queue)
