"""What an item of a fleet costs, beside a bare workflow that does the same, at 100, 1,000 and 10,000 items.

Prints a table and JSON; see README.md for what it means.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from fleet_work import BareFleet, BareInput, Counted
from report import machine
from rich.console import Console
from rich.table import Table
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from perdure.engine.connection import connect_local
from perdure.engine.exits import leave
from perdure.engine.fleet_store import keep_list
from perdure.engine.fleets import start_fleet
from perdure.engine.local import LocalServer
from perdure.engine.outages import Outage
from perdure.engine.processes import Program
from perdure.engine.supervisor import ProgramService
from perdure.model.fleet import Work
from perdure.model.fleet_progress import FleetInput

_WORKER = Path(__file__).with_name("fleet_worker.py")
_CHILD = "CountedChild"
_ACTIVITY = "count"
_SIDES = ["children", "activities", "bare"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one fleet has shown. Costs are for one item.

    Attributes:
        side: ``children``: a fleet of child workflows. ``activities``: a fleet of activities. ``bare``: one
            workflow that starts the same children, so many at once, and promises nothing else.
        histories: How many histories its workflow has had.
        longest_history: Events of the longest of them.
        largest_history: Bytes of the largest of them.
        most_at_once: Items that were under way at the same time, counted where they are done.
    """

    side: str
    items: int
    seconds: float
    milliseconds: float
    server_cpu_ms: float
    worker_cpu_ms: float
    events: float
    history_bytes: float
    histories: int
    longest_history: int
    largest_history: int
    worker_megabytes: float
    most_at_once: int
    done: int


@dataclass(frozen=True)
class Yard:
    """The engine, the worker, and the connection to it."""

    client: Client
    server: LocalServer
    worker: ProgramService
    counted: Counted
    max_parallel: int

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the processor time that server and worker have used so far."""
        return _cpu_seconds(self.server.pid), _cpu_seconds(self.worker.pid)

    def worker_megabytes(self) -> float:
        """Return what the worker has resident."""
        return float(psutil.Process(self.worker.pid).memory_info().rss) / 1e6

    async def run(self, side: str, count: int) -> Found:
        """Run one side."""
        return await (self.bare(count) if side == "bare" else self.fleet(count, children=side == "children"))

    async def fleet(self, count: int, *, children: bool) -> Found:
        """Run a fleet."""
        name = "children" if children else "activities"
        work = (
            Work(workflow=_CHILD, task_queue="bench")
            if children
            else Work(activity=_ACTIVITY, task_queue="bench")
        )
        values = [f"item-{number:05}" for number in range(count)]
        self.counted.forget()
        cpu = self.cpu_seconds()
        begun = time.perf_counter()
        items = await keep_list(self.client, values)
        input = FleetInput(name=name, items=items, work=work, max_parallel=self.max_parallel)
        handle = await start_fleet(self.client, input, key=str(time.monotonic_ns()))
        result = await handle.result()
        seconds = time.perf_counter() - begun
        if result.counts.succeeded != count:
            msg = f"{result.counts.succeeded} of {count} items succeeded"
            raise RuntimeError(msg)
        return await self._found(name, count, seconds, cpu, handle.id)

    async def bare(self, count: int) -> Found:
        """Run as many children from one workflow."""
        self.counted.forget()
        cpu = self.cpu_seconds()
        begun = time.perf_counter()
        handle = await self.client.start_workflow(
            BareFleet.run,
            BareInput(count=count, max_parallel=self.max_parallel),
            id=f"bare/{time.monotonic_ns()}",
            task_queue="bench",
        )
        await _result(handle)
        return await self._found("bare", count, time.perf_counter() - begun, cpu, handle.id)

    async def _found(
        self, side: str, count: int, seconds: float, cpu: tuple[float, float], workflow_id: str
    ) -> Found:
        server_cpu, worker_cpu = (now - then for now, then in zip(self.cpu_seconds(), cpu, strict=True))
        sizes = await _histories(self.client, workflow_id)
        return Found(
            side=side,
            items=count,
            seconds=round(seconds, 2),
            milliseconds=round(seconds / count * 1000, 2),
            server_cpu_ms=round(server_cpu / count * 1000, 2),
            worker_cpu_ms=round(worker_cpu / count * 1000, 2),
            events=round(sum(events for events, _ in sizes) / count, 2),
            history_bytes=round(sum(size for _, size in sizes) / count),
            histories=len(sizes),
            longest_history=max(events for events, _ in sizes),
            largest_history=max(size for _, size in sizes),
            worker_megabytes=round(self.worker_megabytes()),
            most_at_once=self.counted.most_at_once(),
            done=self.counted.done(),
        )


async def _result(handle: WorkflowHandle[object, object]) -> None:
    outage = Outage(handle.id)
    while True:
        try:
            await handle.result()
        except RPCError as error:
            await outage.sit_out(error)
        else:
            return


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def _histories(client: Client, workflow_id: str) -> list[tuple[int, int]]:
    """Return events and bytes of each history of a workflow, the last one first."""
    sizes = []
    run_id: str | None = None
    while True:
        described = await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
        info = described.raw_description.workflow_execution_info
        sizes.append((info.history_length, info.history_size_bytes))
        handle = client.get_workflow_handle(workflow_id, run_id=described.run_id)
        async for event in handle.fetch_history_events(page_size=1):
            run_id = event.workflow_execution_started_event_attributes.continued_execution_run_id
            break
        if not run_id:
            return sizes


@asynccontextmanager
async def _yard(folder: Path, max_parallel: int) -> AsyncIterator[Yard]:
    async with LocalServer(folder / "temporal") as server:
        log, counted = folder / "worker.log", Counted(folder / "counted.bin")
        program = Program(
            name="worker",
            command=[sys.executable, str(_WORKER), server.address, str(counted.path)],
            log_path=log,
            environment={
                **{name: None for name in os.environ if name.startswith(("PERDURE_", "TEMPORAL_"))},
                "GITHUB_TOKEN": "any-token",
                "PERDURE_STORE_PATH": str(folder / "store"),
            },
        )

        async def is_ready(_: int) -> bool:
            return "worker ready" in log.read_text()

        worker = ProgramService(program, is_ready=is_ready)
        await worker.start()
        try:
            yield Yard(await connect_local(server.address), server, worker, counted, max_parallel)
        finally:
            await worker.stop()


async def _run(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    found: list[Found] = []
    async with _yard(folder, options.max_parallel) as yard:
        _say("warming up")
        await yard.bare(20)
        await yard.fleet(20, children=True)
        for count in options.items:
            for side in options.sides:
                if side == "bare" and count > options.largest_bare:
                    continue
                one = await yard.run(side, count)
                _say(f"{one.side}: {one.items:,} items in {one.seconds:.1f} s")
                found.append(one)
        about = await yard.client.workflow_service.get_system_info(GetSystemInfoRequest())
    return {
        "options": {"items": options.items, "max_parallel": options.max_parallel},
        "machine": machine(len(os.sched_getaffinity(0)), about.server_version),
        "found": [asdict(one) for one in found],
    }


def _show(report: dict[str, object], console: Console) -> None:
    table = Table(title=f"{report['options']}; {report['machine']}", title_justify="left")
    names = list(Found.__dataclass_fields__)
    for name in names:
        table.add_column(name.replace("_", " "), justify="left" if name == "side" else "right")
    rows = report["found"]
    assert isinstance(rows, list)
    for row in rows:
        table.add_row(*(f"{row[name]:,}" if not isinstance(row[name], str) else row[name] for name in names))
    console.print(table)


def main() -> int:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[100, 1_000, 10_000], help="sizes of fleets")
    parser.add_argument("--sides", nargs="+", choices=_SIDES, default=_SIDES, help="what is measured")
    parser.add_argument("--max-parallel", type=int, default=50, help="items under way at the same time")
    parser.add_argument(
        "--largest-bare", type=int, default=1_000, help="the bare workflow's history holds no more items"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here instead")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="perdure-fleet-") as folder:
        try:
            report = asyncio.run(_run(Path(folder), options))
        except RPCError as error:
            _say(f"error: the engine refused: {error}")
            return 1
    _show(report, Console(width=170))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    leave(main())
