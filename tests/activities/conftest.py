"""Activities as a worker runs them, on an emulated GitHub in this process."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from temporalio.testing import ActivityEnvironment

from perdure.activities.actions import ActionActivities
from perdure.activities.dispatching import DispatchActivities
from perdure.activities.store import ContentStore
from perdure.config import GitHubSettings
from perdure.emulator import GitHubEmulator, create_repository
from perdure.github import open_github_client
from perdure.model.actions import ActionsRunRef
from perdure.model.dispatch import DispatchRequest

REPOSITORY = "acme/tools"

ECHO = """
run-name: Echo [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      dispatch_id: {type: string}
      size: {type: number, default: 1}
jobs:
  echo:
    runs-on: ubuntu-latest
    steps:
      - run: printf '{"text":"%s"}' "$(head -c "$SIZE" /dev/zero | tr '\\0' x)" > outputs.json
        env: {SIZE: '${{ inputs.size }}'}
      - uses: actions/upload-artifact@v4
        with: {name: perdure-outputs, path: outputs.json}
"""
FLAKY = """
run-name: Flaky [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
jobs:
  flaky:
    runs-on: ubuntu-latest
    steps:
      - name: Pass the second time
        run: echo "attempt $ATTEMPT"; test "$ATTEMPT" -ge 2
        env: {ATTEMPT: '${{ github.run_attempt }}'}
"""
SLEEPING = """
run-name: Sleep [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs: {dispatch_id: {type: string}}
jobs:
  nap: {runs-on: ubuntu-latest, steps: [{run: exec sleep 60}]}
"""
PLAIN = "on: workflow_dispatch\njobs:\n  one: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}\n"
PUSHED = PLAIN.replace("workflow_dispatch", "push")
TITLED = PLAIN.replace("on: workflow_dispatch", "on: {workflow_dispatch: {inputs: {dispatch_id: {}}}}")

FILES = {
    f".github/workflows/{name}.yml": text
    for name, text in {
        "echo": ECHO,
        "flaky": FLAKY,
        "sleep": SLEEPING,
        "plain": PLAIN,
        "pushed": PUSHED,
        "hidden-id": TITLED,
    }.items()
}


@pytest.fixture
async def emulator(tmp_path):
    create_repository(tmp_path / "root", REPOSITORY, FILES)
    async with GitHubEmulator(tmp_path / "root", timing="fast") as running:
        yield running


@pytest.fixture
async def github(emulator, monkeypatch):
    monkeypatch.setenv("ACTIVITIES_TOKEN", "any-token")
    settings = GitHubSettings(url="http://localhost", token="env:ACTIVITIES_TOKEN")
    async with open_github_client(settings, transport=httpx2.ASGITransport(app=emulator.app)) as client:
        yield client


@pytest.fixture
def store(tmp_path):
    return ContentStore(tmp_path / "store")


@pytest.fixture
def actions(github, store):
    return ActionActivities(
        github, store, grace_time=timedelta(seconds=7), reconcile_interval=timedelta(seconds=9)
    )


@pytest.fixture
def dispatching(github):
    return DispatchActivities(github)


@pytest.fixture
def environment():
    """Where an activity runs; ``beats`` are its heartbeats' details."""
    made = ActivityEnvironment()
    made.beats = []
    made.on_heartbeat = lambda *details: made.beats.append(details)
    return made


def since():
    return datetime.now(UTC) - timedelta(minutes=2)


def request(workflow_file="echo.yml", dispatch_id="pd1", **inputs):
    ids = {"dispatch_id": dispatch_id} if dispatch_id else {}
    return DispatchRequest(
        repository=REPOSITORY, workflow_file=workflow_file, ref="main", inputs={**ids, **inputs}
    )


@pytest.fixture
def dispatched(github):
    """Dispatch a workflow file and return its run as it was right afterwards."""

    async def dispatch(workflow_file="echo.yml", **inputs):
        answer = await github.dispatch(request(workflow_file, **inputs))
        return await github.get_actions_run(
            ActionsRunRef(repository=REPOSITORY, actions_run_id=answer.actions_run_id)
        )

    return dispatch


@pytest.fixture
def ended(github):
    """Wait for a run's end and return it."""

    async def wait(actions_run):
        async with asyncio.timeout(20):
            while not (seen := await github.get_actions_run(actions_run.ref)).is_completed:
                await asyncio.sleep(0.02)
        return seen

    return wait
