"""What is measured, as processes: the Temporal server, the emulated GitHub and one worker."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
from temporalio.client import Client

from perdure.emulator import create_repository
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.ports import free_port
from perdure.engine.processes import Program
from perdure.engine.supervisor import ProgramService

REPOSITORY = "acme/benchmark"
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
_GITHUB = Path(__file__).with_name("github.py")
_WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Town:
    """Everything that runs, and the connections to it."""

    server: LocalServer
    emulator: ProgramService
    worker: ProgramService
    client: Client
    github: httpx2.AsyncClient

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time that each process has used so far, its children's included."""
        pids = {"server": self.server.pid, "worker": self.worker.pid, "emulator": self.emulator.pid}
        return {name: _cpu_seconds(pid) for name, pid in {**pids, "client": os.getpid()}.items()}

    def worker_memory(self) -> int:
        """Return the worker's resident bytes."""
        resident: int = psutil.Process(self.worker.pid).memory_info().rss
        return resident

    async def forget_requests(self) -> None:
        """Begin to count GitHub's requests anew."""
        (await self.github.delete("/_emulator/requests")).raise_for_status()

    async def requests(self) -> dict[str, int]:
        """Return how often each of GitHub's routes was asked."""
        answer: dict[str, Any] = (await self.github.get("/_emulator/requests")).raise_for_status().json()
        counts: dict[str, int] = answer["counts"]
        return {route: count for route, count in counts.items() if "_emulator" not in route}


@asynccontextmanager
async def running_town(folder: Path, *, look_interval: float) -> AsyncIterator[Town]:
    """Start everything below a folder, and stop it after the block."""
    root = folder / "github"
    create_repository(root, REPOSITORY, {f".github/workflows/{WORKFLOW_FILE}": _NOTHING})
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(LocalServer(folder / "temporal"))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        github = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, trust_env=False))
        emulator = ProgramService(_emulator(folder, root, port), is_ready=lambda _: _answers(github))
        worker = _worker(folder, server.address, url, look_interval)
        for service in (emulator, worker):
            stack.push_async_callback(service.stop)
            await service.start()
        yield Town(server, emulator, worker, await connect_local(server.address), github)


def _emulator(folder: Path, root: Path, port: int) -> Program:
    return Program(
        name="emulated GitHub",
        command=[sys.executable, str(_GITHUB), str(root), str(port)],
        log_path=folder / "emulator.log",
        environment=_no_settings(),
    )


def _worker(folder: Path, address: str, url: str, look_interval: float) -> ProgramService:
    log = folder / "worker.log"

    async def is_ready(_: int) -> bool:
        return "worker ready" in log.read_text()

    program = Program(
        name="worker",
        command=[sys.executable, str(_WORKER), address],
        log_path=log,
        environment={
            **_no_settings(),
            "GITHUB_TOKEN": "any-token",
            "PERDURE_GITHUB_URL": url,
            "PERDURE_STORE_PATH": str(folder / "store"),
            "PERDURE_WATCH_SHORTEST_INTERVAL": str(look_interval),
            # GitHub's secondary limits are kept by a rate of one a second, which would be all one measures.
            "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
            "PERDURE_WORKER_GRACEFUL_SHUTDOWN": "1s",
            "PERDURE_WORKER_ACTIVITIES": "bare_steps:nothing",
        },
    )
    return ProgramService(program, is_ready=is_ready)


def _no_settings() -> dict[str, str | None]:
    """Take away whatever configures Perdure or Temporal on this machine."""
    return {name: None for name in os.environ if name.startswith(("PERDURE_", "TEMPORAL_"))}


async def _answers(github: httpx2.AsyncClient) -> bool:
    try:
        return (await github.get("/_emulator/faults")).is_success
    except httpx2.TransportError:
        return False


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
