"""Where histories are recorded: the real Temporal server, the emulated GitHub, and Perdure's workers."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from perdure.config import GitHubSettings, Settings, StoreSettings, WatchSettings, WorkerSettings
from perdure.emulator import EmulatorSettings, RunningEmulator, create_repository, running_emulator
from perdure.engine.local import temporal_binary
from perdure.engine.workers import run_workers
from perdure.model import queues
from perdure.model.action_state import ActionWorkflowInput
from perdure.model.actions import ActionInput
from perdure.model.progress import Stage
from perdure.workflows.action import ActionWorkflow
from replay.files import RECORDED_AS, save

ECHO = """
run-name: Echo ${{ inputs.message }} [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      wait_time: {type: number, default: 0}
      message: {type: string, default: hello}
      passes_at: {type: number, default: 1}
      dispatch_id: {type: string, default: ''}
jobs:
  echo:
    runs-on: ubuntu-latest
    steps:
      - name: Wait
        run: sleep "$WAIT"
        env: {WAIT: '${{ inputs.wait_time }}'}
      - name: Pass in time
        run: test "$ATTEMPT" -ge "$PASSES_AT"
        env: {ATTEMPT: '${{ github.run_attempt }}', PASSES_AT: '${{ inputs.passes_at }}'}
      - run: |
          printf '{"message": "%s"}' "$MESSAGE" > outputs.json
        env: {MESSAGE: '${{ inputs.message }}'}
      - uses: actions/upload-artifact@v4
        with: {name: perdure-outputs, path: outputs.json}
"""
PLAIN = """
on: workflow_dispatch
jobs:
  one: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What sets one house apart from another."""

    profile: Literal["github", "ghes-3.19"] = "github"
    reconcile_interval: timedelta = timedelta(minutes=5)
    events_before_continuing: int | None = None


@dataclass
class RecordingHouse:
    """What a scene works with."""

    client: Client
    emulator: RunningEmulator

    async def start(
        self, name: str, workflow_file: str = "echo.yml", **fields: object
    ) -> WorkflowHandle[ActionWorkflow, object]:
        """Start an action under a name that is the same in every recording."""
        input = ActionInput.model_validate(
            {"repository": "acme/tools", "workflow_file": workflow_file, **fields}
        )
        return await self.client.start_workflow(
            ActionWorkflow.run, ActionWorkflowInput.of(input), id=f"recorded/{name}", task_queue="perdure"
        )

    async def reaches(self, handle: WorkflowHandle[ActionWorkflow, object], stage: Stage) -> None:
        """Wait until an action stands at a stage."""
        async with asyncio.timeout(20):
            while (await handle.query(ActionWorkflow.progress)).stage is not stage:
                await asyncio.sleep(0.05)

    async def runs_at_github(self, count: int) -> None:
        """Wait until that many runs were started."""
        async with asyncio.timeout(20):
            while len(self.emulator.runs) < count:
                await asyncio.sleep(0.05)

    async def record(self, name: str, workflow_id: str | None = None, run_id: str | None = None) -> None:
        """Wait until a workflow has ended, well or not, and write its history down."""
        handle = self.client.get_workflow_handle(workflow_id or f"recorded/{name}", run_id=run_id)
        async with asyncio.timeout(60):
            try:
                await handle.result(follow_runs=run_id is None)
            except WorkflowContinuedAsNewError:
                print(f"{name}: continued")
            except WorkflowFailureError as failure:
                print(f"{name}: {failure.cause}".splitlines()[0])
        path = save(name, await handle.fetch_history())
        print(f"{path.name}: {path.stat().st_size:,} bytes")


@asynccontextmanager
async def recording_house(kind: Kind) -> AsyncIterator[RecordingHouse]:
    """Open a house of its own for some scenes."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "github"
        files = {".github/workflows/echo.yml": ECHO, ".github/workflows/plain.yml": PLAIN}
        for repository in ("acme/tools", "acme/watched"):
            create_repository(root, repository, files)
        os.environ["RECORDER_TOKEN"] = "any-token"
        async with (
            await _server(kind) as server,
            running_emulator(root, EmulatorSettings(timing="fast", profile=kind.profile)) as emulator,
            _workers(server.client, emulator, kind, Path(folder) / "store"),
        ):
            yield RecordingHouse(server.client, emulator)


async def _server(kind: Kind) -> WorkflowEnvironment:
    flags = ["--log-level", "error", "--dynamic-config-value", 'history.timerProcessorMaxTimeShift="20ms"']
    if kind.events_before_continuing:
        limit = f"limit.historyCount.suggestContinueAsNew={kind.events_before_continuing}"
        flags += ["--dynamic-config-value", limit]
    return await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(temporal_binary()),
        dev_server_extra_args=flags,
        identity=RECORDED_AS,
        data_converter=pydantic_data_converter,
    )


@asynccontextmanager
async def _workers(client: Client, emulator: RunningEmulator, kind: Kind, store: Path) -> AsyncIterator[None]:
    settings = Settings(
        github=GitHubSettings(
            url=emulator.api_url, token="env:RECORDER_TOKEN", grace_time=timedelta(seconds=1)
        ),
        watch=WatchSettings(
            shortest_interval=timedelta(milliseconds=100),
            longest_interval=timedelta(milliseconds=500),
            reconcile_interval=kind.reconcile_interval,
        ),
        worker=WorkerSettings(dispatches_per_second=0, graceful_shutdown=timedelta(seconds=1)),
        store=StoreSettings(path=store),
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run_workers(client, settings, queues.ALL, stop=stop, ready=ready))
    is_ready = asyncio.create_task(ready.wait())
    await asyncio.wait({running, is_ready}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield
    finally:
        is_ready.cancel()
        stop.set()
        await running
