"""Rooms for rehearsals: each an emulated GitHub and workers of its own, in a namespace of a private engine.

Any number of rooms is used side by side: none sees the locks, watchers, tags or releases of another. The
emulated GitHub runs in this process, so that it can ask a script how each run is to end.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx2
from temporalio import activity
from temporalio.client import Client

from perdure.config import GitHubSettings, Settings, StoreSettings, WatchSettings, WorkerSettings
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.pipelines import PipelineHandle, get_pipeline, start_input
from perdure.engine.rehearsal_approvals import decide_all
from perdure.engine.rehearsal_repositories import copy_again
from perdure.engine.rehearsal_steps import made_up_worker
from perdure.engine.workers import build_workers
from perdure.errors import PerdureError
from perdure.github import GitHubClient, open_github_client
from perdure.github.write_guard import WriteGuard
from perdure.model import queues
from perdure.model.approvals import Person
from perdure.pipeline.plan import Plan
from perdure.pipeline.rehearsing import RehearsedPipeline
from perdure.pipeline.running import CompensationResult, JobProgress, PipelineInput
from perdure.pipeline.scenario import Outcome, Scenario

if TYPE_CHECKING:
    from perdure.emulator import EmulatorSettings, RunningEmulator
    from perdure.emulator.faults import Oddity

COPIES: Final = "repositories"
"""The folder in a rehearsal's own with the copies from which each room has its own."""

_ODDITIES: "Mapping[Outcome, Oddity]" = {
    Outcome.FAIL: "fails",
    Outcome.FLAKY: "fails",
    Outcome.HANG: "hangs",
    Outcome.TIMEOUT: "times_out",
    Outcome.NEVER_STARTS: "startup_failure",
}
_REHEARSER = Person(login="rehearsal")
_KEY = "rehearsal"
_TOKEN = "token"  # noqa: S105 - a file's name: an emulated GitHub takes any token


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A private engine with rooms.

    Attributes:
        folder: Everything lies below it.
        rooms: Names that were not taken yet.
    """

    server: LocalServer
    folder: Path
    rooms: list[str]


@asynccontextmanager
async def open_stage(folder: Path, rooms: int) -> AsyncIterator[Stage]:
    """Start an engine of its own, with a room for each rehearsal.

    Raises:
        LocalEngineError: It could not be started.
    """
    names = [f"rehearsal-{number}" for number in range(1, rooms + 1)]
    async with LocalServer(folder, namespaces=names) as server:
        yield Stage(server=server, folder=server.folder, rooms=names[::-1])


class Script:
    """Says how each attempt of a run ends, by a scenario. The emulated GitHub asks it.

    Attributes:
        attempts: How often each job was run, and how often each that undoes one.
    """

    def __init__(self, scenario: Scenario, pipeline_id: str) -> None:
        self.attempts: Counter[str] = Counter()
        self._scenario = scenario
        self._prefix = f"{pipeline_id}/"

    def __call__(self, caller: str) -> "Oddity | None":
        """Return what is odd about the next attempt of the run that a workflow has dispatched."""
        key = caller.removeprefix(self._prefix)
        self.attempts[key] += 1
        job, slash, number = key.rpartition("/compensate-")
        undoing = bool(slash) and number.isdecimal()
        found = self._scenario.of_compensation(job) if undoing else self._scenario.of_step(key)
        return _ODDITIES.get(found.at(self.attempts[key]))

    def attempts_of(self, key: str) -> int:
        """Return how often a job's Actions workflows were run, those below it included."""
        return sum(
            count
            for name, count in self.attempts.items()
            if "/compensate-" not in name and (name == key or name.startswith(f"{key}/"))
        )


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a pipeline ended in a room.

    Attributes:
        jobs: Where each stands, those of pipelines that it ran after the step that ran them.
        undone: What was undone, the same.
        error: Why it did not succeed; empty where it did.
        refused: Requests that the write guard refused.
    """

    jobs: tuple[JobProgress, ...]
    undone: tuple[CompensationResult, ...]
    error: str
    script: Script
    refused: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Room:
    """Where one pipeline is rehearsed.

    Attributes:
        github: The room's own.
        guard: Stands before it.
    """

    name: str
    stage: Stage
    settings: Settings
    github: GitHubClient
    guard: WriteGuard
    emulator: "RunningEmulator"

    async def run(self, plan: Plan, fitted: RehearsedPipeline, scenario: Scenario, limit: timedelta) -> Ended:
        """Run a plan to its end, or to the end of its time."""
        script = Script(scenario, f"pipeline/{plan.pipeline.name}/{_KEY}")
        self.emulator.faults.script = script
        client = await connect_local(self.stage.server.address, namespace=self.name)
        input = PipelineInput(
            pipeline=fitted.pipeline,
            files=fitted.files,
            requester=_REHEARSER,
            digest=plan.digest,
            pins=plan.pins,
        )
        async with AsyncExitStack() as workers:
            for worker in (
                *build_workers(client, self.settings, self.github),
                made_up_worker(client, fitted.pipeline, fitted.files, scenario),
            ):
                await workers.enter_async_context(worker)
            handle = await start_input(client, input, _KEY, queues.WORKFLOWS)
            deciding = asyncio.create_task(decide_all(client, handle.id, plan, scenario))
            try:
                error = await _end_of(handle, limit)
                jobs, undone = await _all_of(client, handle)
            finally:
                deciding.cancel()
                await asyncio.wait({deciding})
        return Ended(
            jobs=tuple(jobs),
            undone=tuple(undone),
            error=error,
            script=script,
            refused=tuple(self.guard.refused),
        )


@asynccontextmanager
async def open_room(stage: Stage, repositories: Collection[str], scenario: Scenario) -> AsyncIterator[Room]:
    """Copy the repositories once more, and serve the copies.

    Args:
        stage: Has a room left.
        repositories: ``owner/name`` of those that may be changed in it.
        scenario: Says their configuration variables.
    """
    from perdure.emulator import EmulatorSettings

    name = stage.rooms.pop()
    folder = stage.folder / name
    await copy_again(stage.folder / COPIES, folder / "github")
    variables = {name: dict(values) for name, values in scenario.variables.items()}
    emulated = EmulatorSettings(timing="fast", variables=variables)
    async with served(folder / "github", folder, emulated, repositories) as (emulator, github, guard):
        yield Room(
            name=name,
            stage=stage,
            settings=_settings(emulator.api_url, folder),
            github=github,
            guard=guard,
            emulator=emulator,
        )


@asynccontextmanager
async def served(
    root: Path, folder: Path, emulated: "EmulatorSettings", writable: Collection[str]
) -> AsyncIterator[tuple["RunningEmulator", GitHubClient, WriteGuard]]:
    """Serve repositories as a GitHub, with a client that may change some of them and nothing else."""
    from perdure.emulator import running_emulator

    await asyncio.to_thread((folder / _TOKEN).write_text, "emulated\n")
    guard = WriteGuard(writable)
    async with running_emulator(root, emulated) as emulator:
        settings = _settings(emulator.api_url, folder).github
        naming = _Naming(httpx2.AsyncHTTPTransport())
        async with open_github_client(settings, transport=naming, guard=guard) as github:
            yield emulator, github, guard


class _Naming(httpx2.AsyncBaseTransport):
    """Says with each request for which workflow it is, so that a script knows which job a run belongs to."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        from perdure.emulator.faults import CALLER_HEADER

        if activity.in_activity():
            request.headers[CALLER_HEADER] = activity.info().workflow_id or ""
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _all_of(
    client: Client, handle: PipelineHandle, above: str = ""
) -> tuple[list[JobProgress], list[CompensationResult]]:
    """Return the jobs of a pipeline and of those below it, and what was undone, with their whole keys."""
    progress = await handle.progress()
    jobs: list[JobProgress] = []
    undone: list[CompensationResult] = []
    for job in progress.jobs:
        jobs.append(job.model_copy(update={"key": above + job.key}))
        if job.kind == "pipeline" and job.workflow_id:
            below = await _all_of(client, get_pipeline(client, job.workflow_id), f"{above}{job.key}/")
            jobs += below[0]
            undone += below[1]
    undone += [one.model_copy(update={"job_key": above + one.job_key}) for one in progress.compensations]
    return jobs, undone


async def _end_of(handle: PipelineHandle, limit: timedelta) -> str:
    try:
        async with asyncio.timeout(limit.total_seconds()):
            await handle.result()
    except TimeoutError:
        return f"it was not over after {limit.total_seconds():.0f} s"
    except PerdureError as error:
        return str(error).partition("\n")[0]
    return ""


def _settings(github_url: str, folder: Path) -> Settings:
    """Return settings in which nothing is anybody's: no notification, no key, no store leads outside."""
    return Settings(
        github=GitHubSettings(
            url=github_url, token=f"file:{folder / _TOKEN}", grace_time=timedelta(seconds=5)
        ),
        watch=WatchSettings(
            shortest_interval=timedelta(milliseconds=200), longest_interval=timedelta(seconds=1)
        ),
        worker=WorkerSettings(dispatches_per_second=0, graceful_shutdown=timedelta(seconds=1)),
        store=StoreSettings(path=folder / "store"),
    )
