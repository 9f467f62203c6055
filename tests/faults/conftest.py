"""Real processes that are killed: the Temporal server, workers, and GitHub's answers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.client import Client

from faults.worker_processes import ECHO, WorkerProcess, start_worker_process
from perdure.emulator import EmulatorSettings, RunningEmulator, create_repository, running_emulator
from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.model.actions import ActionInput


@dataclass
class Town:
    """A Temporal server, an emulated GitHub, and as many workers as a test starts."""

    server: LocalServer
    emulator: RunningEmulator
    root: Path
    folder: Path
    grace_time: str = "6s"
    worker_address: str = ""
    """Where workers find the server, if not at its own address."""
    suffix: str = field(default_factory=lambda: f"-{uuid.uuid4().hex[:8]}")
    workers: list[WorkerProcess] = field(default_factory=list)
    client: Client | None = None

    async def connect(self) -> Client:
        self.client = await connect_local(self.server.address)
        return self.client

    async def start_worker(self, **environment: str) -> WorkerProcess:
        """Start a worker process and return when it polls."""
        worker = await start_worker_process(
            self.folder,
            self.worker_address or self.server.address,
            self.emulator.api_url,
            suffix=self.suffix,
            grace_time=self.grace_time,
            **environment,
        )
        self.workers.append(worker)
        return worker

    async def start(self, **fields: object) -> ActionHandle:
        input = ActionInput.model_validate(
            {"repository": "acme/tools", "workflow_file": "echo.yml", **fields}
        )
        assert self.client is not None
        return await start_action(self.client, input, task_queue="perdure" + self.suffix)

    async def dispatched(self, count: int = 1) -> None:
        """Wait until GitHub has that many runs in progress."""
        async with asyncio.timeout(30):
            while sum(run.status == "in_progress" for run in self.emulator.runs) < count:
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        for worker in self.workers:
            await worker.kill()


@pytest.fixture
async def town(tmp_path) -> AsyncIterator[Town]:
    """A town with one repository and no worker yet."""
    root, folder = tmp_path / "github", tmp_path / "town"
    folder.mkdir()
    create_repository(root, "acme/tools", {".github/workflows/echo.yml": ECHO})
    async with (
        LocalServer(tmp_path / "temporal") as server,
        running_emulator(root, EmulatorSettings(timing="fast")) as emulator,
    ):
        town = Town(server, emulator, root, folder)
        await town.connect()
        try:
            yield town
        finally:
            await town.stop()
