"""Real processes that are killed: the Temporal server, workers, and GitHub's answers."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from temporalio.client import Client

from perdure.emulator import EmulatorSettings, RunningEmulator, create_repository, running_emulator
from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.model.actions import ActionInput

ECHO = """
run-name: Echo [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      seconds: {type: number, default: 0}
      dispatch_id: {type: string, default: ''}
jobs:
  echo:
    runs-on: ubuntu-latest
    steps: [{run: sleep "$SECONDS_TO_WAIT", env: {SECONDS_TO_WAIT: '${{ inputs.seconds }}'}}]
"""


@dataclass
class WorkerProcess:
    """A ``perdure worker`` of its own."""

    process: asyncio.subprocess.Process
    log: Path

    async def kill(self) -> None:
        """End it as a crash does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@dataclass
class Town:
    """A Temporal server, an emulated GitHub, and as many workers as a test starts."""

    server: LocalServer
    emulator: RunningEmulator
    root: Path
    folder: Path
    grace_time: str = "6s"
    suffix: str = field(default_factory=lambda: f"-{uuid.uuid4().hex[:8]}")
    workers: list[WorkerProcess] = field(default_factory=list)
    client: Client | None = None

    async def connect(self) -> Client:
        self.client = await connect_local(self.server.address)
        return self.client

    async def start_worker(self, **environment: str) -> WorkerProcess:
        """Start a worker process and return when it polls."""
        log = self.folder / f"worker-{len(self.workers)}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "perdure", "worker", "--address", self.server.address),
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(self.folder),
                    "GITHUB_TOKEN": "any-token",
                    "PERDURE_GITHUB_URL": self.emulator.api_url,
                    "PERDURE_GITHUB_GRACE_TIME": self.grace_time,
                    "PERDURE_WATCH_SHORTEST_INTERVAL": "0.2s",
                    "PERDURE_WATCH_LONGEST_INTERVAL": "1s",
                    "PERDURE_WORKER_QUEUE_SUFFIX": self.suffix,
                    "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
                    **environment,
                },
            )
        worker = WorkerProcess(process, log)
        self.workers.append(worker)
        async with asyncio.timeout(30):
            while "worker ready" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
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
