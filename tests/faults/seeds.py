"""Lives through many seeds at the same time: one Temporal server, an emulated GitHub of each kind.

What belongs to a seed is its own, so that it meets the same faults alone as among others: its repository and
that repository's faults and list lag, and, where one is killed, its workers.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from temporalio.client import Client

from faults.histories import assert_no_failed_task
from faults.plans import Blow, Killing, Moment, Plan
from faults.worker_processes import ECHO, WorkerProcess, start_worker_process
from perdure.emulator import EmulatorSettings, RunningEmulator, create_repository, running_emulator
from perdure.emulator.records import Run
from perdure.emulator.request_log import RequestLog, Served
from perdure.emulator.settings import Profile
from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.model import queues
from perdure.model.actions import ActionInput, ActionResult
from perdure.model.dispatch import carries

PROFILES: tuple[Profile, ...] = ("github", "ghes-3.19")
_AT_ONCE = 24
_KILLED_AT_ONCE = 14
_LONGEST = 150.0
_REFUSED_FORMS = {400, 422}


class Visits:
    """What was asked of each repository, read from the emulator's log as it grows."""

    def __init__(self, log: RequestLog) -> None:
        self._log = log
        self._read = 0
        self._seen: dict[str, list[Served]] = defaultdict(list)

    def of(self, repository: str) -> list[Served]:
        """Return the repository's requests so far, oldest first."""
        total = sum(self._log.counts.values())
        newest = list(islice(reversed(self._log.served), total - self._read))
        self._read = total
        for served in reversed(newest):
            _, _, rest = served.path.partition("/repos/")
            self._seen["/".join(rest.split("/")[:2])].append(served)
        return self._seen[repository]


@dataclass
class Host:
    """One emulated GitHub, and the workers that no seed kills."""

    emulator: RunningEmulator
    root: Path
    visits: Visits
    suffix: str

    def runs(self, repository: str) -> list[Run]:
        """Return the repository's runs, also those that lists do not show yet."""
        return [run for run in self.emulator.runs if run.repository == repository]


@dataclass
class Outcome:
    """What has become of a seed."""

    plan: Plan
    error: BaseException | None = None
    killed: bool = False
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


@dataclass
class City:
    """Everything that seeds share."""

    server: LocalServer
    client: Client
    folder: Path
    hosts: dict[Profile, Host]
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _killings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_KILLED_AT_ONCE))

    async def live_through(self, plans: Iterable[Plan]) -> list[Outcome]:
        """Live through the plans, and look once more at the end that each left one run."""
        longest_first = sorted(plans, key=lambda plan: plan.is_long, reverse=True)
        outcomes = await asyncio.gather(*(self._outcome(plan) for plan in longest_first))
        for outcome in outcomes:
            if outcome.error is None:
                outcome.error = _error_of(lambda plan=outcome.plan: self._only_run(plan))
        return outcomes

    async def _outcome(self, plan: Plan) -> Outcome:
        outcome = Outcome(plan)
        async with self._slots:
            began = time.monotonic()
            try:
                if plan.killing is None:
                    await self._live(plan, self.hosts[plan.profile].suffix, [], outcome)
                else:
                    async with self._killings, self._own_workers(plan) as workers:
                        await self._live(plan, _suffix(plan), workers, outcome)
            except Exception as error:
                outcome.error = error
            outcome.seconds = time.monotonic() - began
        return outcome

    @asynccontextmanager
    async def _own_workers(self, plan: Plan) -> AsyncIterator[list[WorkerProcess]]:
        workers: list[WorkerProcess] = []
        try:
            for _ in range(2 if plan.killing and plan.killing.has_spare else 1):
                workers.append(await self._start_worker(plan))
            yield workers
        finally:
            for worker in workers:
                await worker.kill()

    async def _start_worker(self, plan: Plan) -> WorkerProcess:
        api_url = self.hosts[plan.profile].emulator.api_url
        return await start_worker_process(self.folder, self.server.address, api_url, suffix=_suffix(plan))

    async def _live(self, plan: Plan, suffix: str, workers: list[WorkerProcess], outcome: Outcome) -> None:
        host = self.hosts[plan.profile]
        faults = host.emulator.faults
        await asyncio.to_thread(
            create_repository, host.root, plan.repository, {".github/workflows/echo.yml": ECHO}
        )
        faults.list_lags[plan.repository] = plan.list_lag
        strikes = [_strike(host.emulator, plan.repository, blow) for blow in plan.blows]
        handle = await start_action(
            self.client,
            ActionInput(
                repository=plan.repository, workflow_file="echo.yml", inputs={"seconds": str(plan.seconds)}
            ),
            task_queue=queues.WORKFLOWS + suffix,
        )
        begins = {
            Moment.PLANNING: lambda: bool(host.visits.of(plan.repository)),
            Moment.POSTING: lambda: all(strike.times == 0 for strike in strikes),
            Moment.LOOKING: lambda: any(_is_look(served) for served in host.visits.of(plan.repository)),
            Moment.FOLLOWING: lambda: bool(host.runs(plan.repository)),
        }
        tasks = []
        if plan.killing is not None:
            begun = begins[plan.killing.moment]
            tasks.append(asyncio.create_task(self._kill(outcome, plan.killing, workers, handle, begun)))
        try:
            result = await asyncio.wait_for(handle.result(), _LONGEST)
        finally:
            outcome.notes += await _notes(handle)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._check(plan, handle, result)

    async def _kill(
        self,
        outcome: Outcome,
        killing: Killing,
        workers: list[WorkerProcess],
        handle: ActionHandle,
        begun: Callable[[], bool],
    ) -> None:
        while not begun():
            await asyncio.sleep(0.01)
        await asyncio.sleep(killing.after)
        victim = await self._holder(workers, handle)
        await victim.kill()
        outcome.killed = True
        if not killing.has_spare:
            workers.append(await self._start_worker(outcome.plan))

    async def _holder(self, workers: list[WorkerProcess], handle: ActionHandle) -> WorkerProcess:
        """Return the worker that executes the action's activity, or the first."""
        described = await self.client.get_workflow_handle(handle.id).describe()
        identities = [each.last_worker_identity for each in described.raw_description.pending_activities]
        for worker in workers:
            if any(identity.startswith(f"{worker.pid}@") for identity in identities):
                return worker
        return workers[0]

    async def _check(self, plan: Plan, handle: ActionHandle, result: ActionResult) -> None:
        run = self._only_run(plan)
        assert carries(run.title, result.dispatch_id), f"{run.title!r} carries another dispatch id"
        assert (result.actions_run_id, result.conclusion) == (run.id, run.conclusion), result
        assert result.conclusion == "success", result
        assert result.attempts == 1, result
        host = self.hosts[plan.profile]
        posts = [served for served in host.visits.of(plan.repository) if served.method == "POST"]
        sent = [served.status for served in posts if served.status not in _REFUSED_FORMS]
        assert len(sent) <= plan.most_posts, f"{len(sent)} POSTs {sent}: {plan.most_posts} were enough"
        await assert_no_failed_task(self.client, handle.id)

    def _only_run(self, plan: Plan) -> Run:
        runs = self.hosts[plan.profile].runs(plan.repository)
        assert len(runs) == 1, f"{len(runs)} runs: {[(run.id, run.title, run.conclusion) for run in runs]}"
        return runs[0]


@asynccontextmanager
async def open_city(folder: Path) -> AsyncIterator[City]:
    """Start the server, a GitHub of each kind, and a worker for each."""
    settings = EmulatorSettings(timing="fast", rate_limit=1_000_000)
    roots = {profile: folder / profile for profile in PROFILES}
    for root in roots.values():
        root.mkdir()
    async with (
        LocalServer(folder / "temporal") as server,
        running_emulator(roots["github"], settings) as github,
        running_emulator(roots["ghes-3.19"], settings, profile="ghes-3.19") as enterprise,
    ):
        hosts = {
            emulator.settings.profile: Host(
                emulator, emulator.root, Visits(emulator.requests), f"-{emulator.settings.profile}"
            )
            for emulator in (github, enterprise)
        }
        city = City(server, await connect_local(server.address), folder, hosts)
        workers: list[WorkerProcess] = []
        try:
            for host in hosts.values():
                workers.append(
                    await start_worker_process(
                        folder, server.address, host.emulator.api_url, suffix=host.suffix
                    )
                )
            yield city
        finally:
            for worker in workers:
                await worker.kill()


def _suffix(plan: Plan) -> str:
    return f"-seed-{plan.seed}"


def _strike(emulator: RunningEmulator, repository: str, blow: Blow):
    return emulator.faults.fail_next(
        "POST",
        f"/{repository}/actions/workflows/echo.yml/dispatches",
        kind=blow.kind,
        status=blow.status,
        after_effect=blow.after_effect,
        delay=blow.delay,
        headers={"retry-after": "1"} if blow.status == 429 else None,
    )


def _is_look(served: Served) -> bool:
    return served.method == "GET" and "/workflows/" in served.path and served.path.endswith("/runs")


async def _notes(handle: ActionHandle) -> list[str]:
    try:
        return [f"{note.at:%H:%M:%S} {note.kind}: {note.text}" for note in (await handle.progress()).notes]
    except Exception as error:
        return [f"no account: {error}"]


def _error_of(check: Callable[[], object]) -> AssertionError | None:
    try:
        check()
    except AssertionError as error:
        return error
    return None
