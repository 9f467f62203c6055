"""A whole house in one process: the real Temporal server, the emulated GitHub, and Perdure's workers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from perdure.config import GitHubSettings, Settings, StoreSettings, WatchSettings, WorkerSettings
from perdure.emulator import EmulatorSettings, RunningEmulator, create_repository, running_emulator
from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.workers import run_workers
from perdure.model import queues
from perdure.model.actions import ActionInput

WAIT_AND_ECHO = """
name: Wait, then echo
run-name: Echo ${{ inputs.message }} [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      wait_time: {type: number, default: 0}
      message: {type: string, default: hello}
      fail: {type: boolean, default: false}
      dispatch_id: {type: string, default: ''}
jobs:
  echo:
    runs-on: ubuntu-latest
    steps:
      - name: Dispatch ${{ inputs.dispatch_id }}
        run: sleep "$WAIT"
        env: {WAIT: '${{ inputs.wait_time }}'}
      - name: Fail where asked
        run: if [ "$FAIL" = true ]; then echo "this went wrong"; exit 1; fi
        env: {FAIL: '${{ inputs.fail }}'}
      - run: |
          printf '{"message": "%s"}' "$MESSAGE" > outputs.json
        env: {MESSAGE: '${{ inputs.message }}'}
      - uses: actions/upload-artifact@v4
        with: {name: perdure-outputs, path: outputs.json}
"""


@dataclass
class House:
    """What a test of a workflow works with."""

    client: Client
    emulator: RunningEmulator
    root: Path
    settings: Settings

    @property
    def task_queue(self) -> str:
        return queues.WORKFLOWS + self.settings.worker.queue_suffix

    def add(self, repository: str, **files: str) -> None:
        """Create a repository with these workflow files."""
        create_repository(
            self.root, repository, {f".github/workflows/{name}.yml": text for name, text in files.items()}
        )

    async def start(self, workflow_file: str = "echo.yml", **fields: object) -> ActionHandle:
        input = ActionInput.model_validate(
            {"repository": "acme/tools", "workflow_file": workflow_file, **fields}
        )
        return await start_action(self.client, input, task_queue=self.task_queue)

    @asynccontextmanager
    async def workers(self, **changes: object) -> AsyncIterator[None]:
        """Run workers beside the block."""
        stop, ready = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(
            run_workers(self.client, self.settings.model_copy(update=changes), stop=stop, ready=ready)
        )
        is_ready = asyncio.create_task(ready.wait())
        await asyncio.wait({running, is_ready}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield
        finally:
            is_ready.cancel()
            stop.set()
            await running


@pytest.fixture
def emulator_settings() -> EmulatorSettings:
    return EmulatorSettings(timing="fast")


@pytest.fixture
async def idle_house(temporal_client, tmp_path, monkeypatch, emulator_settings) -> AsyncIterator[House]:
    """The house before its workers have started."""
    monkeypatch.setenv("HOUSE_TOKEN", "any-token")
    root = tmp_path / "github"
    create_repository(root, "acme/tools", {".github/workflows/echo.yml": WAIT_AND_ECHO})
    async with running_emulator(root, emulator_settings) as emulator:
        settings = Settings(
            github=GitHubSettings(
                url=emulator.api_url, token="env:HOUSE_TOKEN", grace_time=timedelta(seconds=3)
            ),
            watch=WatchSettings(
                shortest_interval=timedelta(milliseconds=100), longest_interval=timedelta(milliseconds=500)
            ),
            worker=WorkerSettings(
                dispatches_per_second=0,
                queue_suffix=f"-{uuid.uuid4().hex[:8]}",
                graceful_shutdown=timedelta(seconds=1),
            ),
            store=StoreSettings(path=tmp_path / "store"),
        )
        yield House(client=temporal_client, emulator=emulator, root=root, settings=settings)


@pytest.fixture
async def house(idle_house) -> AsyncIterator[House]:
    """The house with its workers running."""
    async with idle_house.workers():
        yield idle_house
