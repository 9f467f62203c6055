"""What the watch benchmark measures, as processes: server, emulated GitHub, worker, and the receiver."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psutil
from temporalio.client import Client

from perdure.emulator import create_repository
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.ports import free_port
from perdure.engine.processes import Program
from perdure.engine.supervisor import ProgramService

WORKFLOW_FILE = "nothing.yml"

# Its only step is skipped, so that no process is started: what is measured is not this machine's bash.
_NOTHING = """
run-name: Nothing [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      dispatch_id: {type: string, default: ''}
jobs:
  nothing:
    runs-on: ubuntu-latest
    steps: [{run: 'true', if: false}]
"""
_SECRET = "watch-benchmark"
_TOKEN = "any-token"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much of what there is.

    Attributes:
        shortest: Seconds that a run takes at least.
        longest: And at most.
        longest_interval: Between two looks of a watcher, at most.
        webhook_interval: Between any two looks of a watcher, where there are webhooks.
    """

    runs: int
    repositories: int
    shortest: float
    longest: float
    longest_interval: float
    webhook_interval: float

    def repository(self, number: int) -> str:
        """Return the repository of a run."""
        return f"acme/r{number % self.repositories}"


@dataclass(frozen=True)
class WatchTown:
    """Everything that runs, and the connections to it."""

    server: LocalServer
    services: dict[str, ProgramService]
    client: Client
    github: httpx2.AsyncClient
    ends_file: Path

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that each process has used so far."""
        pids = {"server": self.server.pid, **{name: service.pid for name, service in self.services.items()}}
        times = {name: psutil.Process(pid).cpu_times() for name, pid in pids.items()}
        return {name: spent.user + spent.system for name, spent in times.items()}

    async def requests(self) -> dict[str, int]:
        """Return how often each of GitHub's routes was asked."""
        counts = (await self.github.get("/_emulator/requests")).raise_for_status().json()["counts"]
        return {route: count for route, count in counts.items() if "_emulator" not in route}

    async def quota_used(self) -> int:
        """Return how many requests have counted: unchanged answers do not."""
        headers = {"Authorization": f"token {_TOKEN}"}
        limits = (await self.github.get("/rate_limit", headers=headers)).raise_for_status().json()
        return int(limits["resources"]["core"]["used"])

    def ends(self) -> dict[int, float]:
        """Return when each run that is over ended."""
        lines = self.ends_file.read_text().splitlines() if self.ends_file.exists() else []
        return {int(number): float(at) for number, _, at in (line.partition(" ") for line in lines)}


@asynccontextmanager
async def running_watch_town(folder: Path, scale: Scale, *, webhooks: bool) -> AsyncIterator[WatchTown]:
    """Start everything below a folder, and stop it after the block."""
    root = folder / "github"
    for number in range(scale.repositories):
        create_repository(root, scale.repository(number), {f".github/workflows/{WORKFLOW_FILE}": _NOTHING})
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(LocalServer(folder / "temporal"))
        port, web_port = free_port(), free_port()
        url = f"http://127.0.0.1:{port}"
        github = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, trust_env=False))
        hook = [f"http://127.0.0.1:{web_port}/webhooks/github", _SECRET] if webhooks else []
        services = {
            "emulator": _emulator(folder, root, port, scale, hook, github),
            "worker": _worker(folder, server.address, url, scale, webhooks=webhooks),
        }
        if webhooks:
            services["web"] = _web(folder, server.address, url, web_port)
        for service in services.values():
            stack.push_async_callback(service.stop)
            await service.start()
        client = await connect_local(server.address)
        yield WatchTown(server, services, client, github, folder / "ends")


def _emulator(  # noqa: PLR0913 - what its command takes
    folder: Path, root: Path, port: int, scale: Scale, hook: list[str], github: httpx2.AsyncClient
) -> ProgramService:
    async def answers(_: int) -> bool:
        try:
            return (await github.get("/_emulator/faults")).is_success
        except httpx2.TransportError:
            return False

    numbers = [str(number) for number in (port, scale.shortest, scale.longest)]
    script = Path(__file__).with_name("watch_github.py")
    program = Program(
        name="emulated GitHub",
        command=[sys.executable, str(script), str(root), *numbers, str(folder / "ends"), *hook],
        log_path=folder / "emulator.log",
        environment=_no_settings(),
    )
    return ProgramService(program, is_ready=answers)


def _worker(folder: Path, address: str, url: str, scale: Scale, *, webhooks: bool) -> ProgramService:
    intervals = {"PERDURE_WATCH_LONGEST_INTERVAL": str(scale.longest_interval)}
    if webhooks:
        # As the guide says: whoever is told at once need not look often.
        intervals = {
            f"PERDURE_WATCH_{name}_INTERVAL": str(scale.webhook_interval) for name in ("SHORTEST", "LONGEST")
        }
    return _saying(
        Program(
            name="worker",
            command=[sys.executable, str(Path(__file__).with_name("worker.py")), address],
            log_path=folder / "worker.log",
            environment={
                **_no_settings(),
                **intervals,
                "GITHUB_TOKEN": _TOKEN,
                "PERDURE_GITHUB_URL": url,
                "PERDURE_STORE_PATH": str(folder / "store"),
                # Each poll is an activity for as long as its run lasts.
                "PERDURE_WORKER_MAX_CONCURRENT_ACTIVITIES": str(scale.runs + 100),
                "PERDURE_WORKER_MAX_CACHED_WORKFLOWS": str(min(scale.runs + 100, 2_000)),
                # GitHub's secondary limits are kept by a rate of one a second: that alone would take an hour.
                "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
                "PERDURE_WORKER_GRACEFUL_SHUTDOWN": "1s",
                "PERDURE_WORKER_ACTIVITIES": "bare_steps:nothing",
            },
        ),
        "worker ready",
    )


def _web(folder: Path, address: str, url: str, port: int) -> ProgramService:
    return _saying(
        Program(
            name="web",
            command=[sys.executable, "-m", "perdure", "web", "--address", address],
            log_path=folder / "web.log",
            environment={
                **_no_settings(),
                "GITHUB_TOKEN": _TOKEN,
                "WATCH_BENCHMARK_SECRET": _SECRET,
                "PERDURE_GITHUB_URL": url,
                "PERDURE_WEBHOOKS_SECRETS": "env:WATCH_BENCHMARK_SECRET",
                "PERDURE_WEBHOOKS_PORT": str(port),
            },
        ),
        "webhooks ready",
    )


def _saying(program: Program, word: str) -> ProgramService:
    async def is_ready(_: int) -> bool:
        return word in program.log_path.read_text()

    return ProgramService(program, is_ready=is_ready)


def _no_settings() -> dict[str, str | None]:
    """Take away whatever configures Perdure or Temporal on this machine."""
    return {name: None for name in os.environ if name.startswith(("PERDURE_", "TEMPORAL_"))}
