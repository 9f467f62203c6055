"""An emulated GitHub and a worker, for the commands that need them. They live for one file of tests."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio
from cli.local_processes import Perdure, perdure

from perdure.emulator import RunningEmulator, create_repository, running_emulator
from perdure.engine.local import LocalServer

REPOSITORY = "acme/library"
FILES = {
    "release.yml": """
name: release
run-name: "release ${{ inputs.version }} [${{ inputs.dispatch_id }}]"
on:
  workflow_dispatch:
    inputs:
      version: {type: string, required: true}
      wait: {type: string, default: "0"}
      exit: {type: string, default: "0"}
      target: {type: choice, options: [staging, production], default: staging}
      dispatch_id: {type: string}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: sleep ${{ inputs.wait }}
      - name: Test
        run: |
          echo "tested ${{ inputs.version }}"
          exit ${{ inputs.exit }}
      - run: echo '{"tag":"v${{ inputs.version }}"}' > perdure-outputs.json
      - uses: actions/upload-artifact@v4
        with:
          name: perdure-outputs
          path: perdure-outputs.json
  docs:
    runs-on: ubuntu-latest
    steps:
      - run: echo documented
""",
    "push.yml": "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n",
    "bare.yml": "on: workflow_dispatch\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n",
    "off.yml": "on: workflow_dispatch\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n",
}


@dataclass
class Scene:
    """What a command finds around it: an engine, a worker and a GitHub."""

    emulator: RunningEmulator
    variables: dict[str, str]
    folder: str

    @property
    def dispatched(self) -> int:
        """How many runs there are at GitHub."""
        return len(self.emulator.runs)

    def start(self, *arguments: str, **variables: str):
        """Start a command in this scene."""
        return perdure(*arguments, cwd=self.folder, **{**self.variables, **variables})

    async def run(self, *arguments: str, **variables: str) -> Perdure:
        """Run a command to its end."""
        async with self.start(*arguments, **variables) as run:
            await run.ends(within=60)
        return run


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(temporal_server: LocalServer, tmp_path_factory) -> AsyncIterator[Scene]:
    """Serve an emulated GitHub, and let a worker take work for it from the server."""
    folder = tmp_path_factory.mktemp("scene")
    create_repository(
        folder / "github", REPOSITORY, {f".github/workflows/{name}": text for name, text in FILES.items()}
    )
    async with running_emulator(folder / "github") as emulator:
        variables = {
            "TEMPORAL_ADDRESS": temporal_server.address,
            "PERDURE_GITHUB_URL": emulator.api_url,
            "PERDURE_GITHUB_GRACE_TIME": "3s",
            "PERDURE_GITHUB_TOKEN": "env:EMULATED_TOKEN",
            "EMULATED_TOKEN": "any",
            # The server is shared with other tests: these have queues of their own.
            "PERDURE_WORKER_QUEUE_SUFFIX": f"-{folder.name}",
            "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
            "PERDURE_WATCH_SHORTEST_INTERVAL": "200ms",
            "PERDURE_WATCH_LONGEST_INTERVAL": "1s",
        }
        async with perdure("worker", cwd=folder, **variables) as worker:
            await worker.says("worker ready")
            yield Scene(emulator, variables, str(folder))
