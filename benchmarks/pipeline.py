"""What a step of a pipeline costs in pipelines of any size, beside a bare workflow that does the same steps.

Prints a table and JSON; see README.md for what it means.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bare import TASK_QUEUE, BareInput
from bare_steps import BareStepsInput, BareStepsWorkflow
from report import machine
from rich.console import Console
from rich.table import Table
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.service import RPCError
from town import REPOSITORY, WORKFLOW_FILE, Town, running_town

from perdure.engine.exits import leave
from perdure.engine.outages import Outage
from perdure.engine.pipelines import start_pipeline
from perdure.pipeline import read_pipeline

KINDS = ("run", "action")
SIDES = ("perdure", "bare")
_WORK = {
    "run": """
    run: bare_steps:nothing
    with: {number: '${{ matrix.n }}'}
    outputs: {number: integer}
""",
    "action": f"""
    action: {REPOSITORY}/{WORKFLOW_FILE}
    ref: main
""",
}
_COLUMNS = (
    ("wall, s", "wall_seconds", 2),
    ("wall, ms a step", "wall_milliseconds", 1),
    ("worker CPU, ms", "worker_cpu_milliseconds", 1),
    ("server CPU, ms", "server_cpu_milliseconds", 1),
    ("events", "events", 1),
    ("bytes", "history_bytes", 0),
    ("histories", "histories", 0),
    ("worker, MB", "worker_megabytes", 0),
)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one pipeline, or one bare workflow, has cost. Without another word, for each of its steps."""

    kind: str
    steps: int
    side: str
    wall_seconds: float
    wall_milliseconds: float
    worker_cpu_milliseconds: float
    server_cpu_milliseconds: float
    events: float
    history_bytes: float
    histories: int
    worker_megabytes: float


def main() -> int:
    """Measure, and print what was found."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="perdure-benchmark-") as folder:
        try:
            report = asyncio.run(_run(Path(folder), options))
        except TimeoutError:
            _say(f"error: not done within {options.time_limit:g} s\n\nhint: leave the largest of --steps out")
            return 1
    _show(report, Console(width=140))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


async def _run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    async with asyncio.timeout(options.time_limit), running_town(folder, look_interval=0.5) as town:
        found: list[Measured] = []
        for kind in options.kinds:
            for side in SIDES:
                _say(f"warming up: {kind}, {side}")
                await _measured(town, kind, side, 5, options.at_once)
            for steps in options.steps:
                for side in SIDES:
                    found.append(await _measured(town, kind, side, steps, options.at_once))
                    last = found[-1]
                    _say(
                        f"{kind}: {steps} steps, {side}: {last.wall_milliseconds:.1f} ms, "
                        f"{last.events:.1f} events and {last.history_bytes:.0f} bytes a step"
                    )
        about = await town.client.workflow_service.get_system_info(GetSystemInfoRequest())
        return {
            "options": {"steps": options.steps, "kinds": options.kinds, "at_once": options.at_once},
            "machine": machine(len(os.sched_getaffinity(0)), about.server_version),
            "measured": [asdict(one) for one in found],
        }


async def _measured(town: Town, kind: str, side: str, steps: int, at_once: int) -> Measured:
    cpu_before = town.cpu_seconds()
    begun = time.perf_counter()
    async with _largest_memory(town) as memory:
        run = _run_pipeline if side == "perdure" else _run_bare
        workflow_id = await run(town, kind, steps, at_once)
    wall, cpu = time.perf_counter() - begun, town.cpu_seconds()
    sizes = await _histories(town, workflow_id)
    each = 1000 / steps
    return Measured(
        kind=kind,
        steps=steps,
        side=side,
        wall_seconds=wall,
        wall_milliseconds=wall * each,
        worker_cpu_milliseconds=(cpu["worker"] - cpu_before["worker"]) * each,
        server_cpu_milliseconds=(cpu["server"] - cpu_before["server"]) * each,
        events=sum(events for events, _ in sizes) / steps,
        history_bytes=sum(size for _, size in sizes) / steps,
        histories=len(sizes),
        worker_megabytes=max(memory) / 1e6,
    )


async def _run_pipeline(town: Town, kind: str, steps: int, at_once: int) -> str:
    numbers = ", ".join(map(str, range(steps)))
    text = f"name: benchmark\nsteps:\n  all:\n    matrix: {{n: [{numbers}]}}\n    max-parallel: {at_once}\n"
    handle = await start_pipeline(town.client, read_pipeline(text + _WORK[kind]))
    result = await handle.result()
    if len(result.jobs) != steps:
        msg = f"{len(result.jobs)} jobs instead of {steps}"
        raise RuntimeError(msg)
    return handle.id


async def _run_bare(town: Town, kind: str, steps: int, at_once: int) -> str:
    action = BareInput(repository=REPOSITORY, workflow_file=WORKFLOW_FILE, ref="main")
    handle = await town.client.start_workflow(
        BareStepsWorkflow.run,
        BareStepsInput(count=steps, at_once=at_once, action=action if kind == "action" else None),
        id=f"bare-steps/{time.monotonic_ns()}",
        task_queue=TASK_QUEUE,
    )
    outage = Outage(handle.id)
    while True:
        try:
            await handle.result()
        except RPCError as error:
            # On a busy machine the connection may break. Perdure's own handle does the same.
            await outage.sit_out(error)
        else:
            return handle.id


@asynccontextmanager
async def _largest_memory(town: Town) -> AsyncIterator[list[int]]:
    """Look at the worker's memory during the block."""
    seen = [town.worker_memory()]

    async def look() -> None:
        while True:
            await asyncio.sleep(0.25)
            seen.append(town.worker_memory())

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
        seen.append(town.worker_memory())


async def _histories(town: Town, workflow_id: str) -> list[tuple[int, int]]:
    """Return events and bytes of each history of a workflow; what its children have is not counted."""
    sizes = []
    run_id: str | None = None
    while run_id != "":
        handle = town.client.get_workflow_handle(workflow_id, run_id=run_id)
        about = (await handle.describe()).raw_description.workflow_execution_info
        sizes.append((about.history_length, about.history_size_bytes))
        async for event in handle.fetch_history_events(page_size=1):
            run_id = event.workflow_execution_started_event_attributes.continued_execution_run_id
            break
    return sizes


def _show(report: dict[str, Any], console: Console) -> None:
    where = report["machine"]
    title = (
        f"{report['options']['at_once']} steps at a time; {where['processors']} processors, "
        f"Python {where['python']}, Temporal {where['temporal_server']}"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("steps of kind", "side", "steps", *(heading for heading, _, _ in _COLUMNS)):
        table.add_column(heading, justify="left" if heading in {"steps of kind", "side"} else "right")
    for one in report["measured"]:
        numbers = (f"{one[key]:,.{digits}f}" for _, key, digits in _COLUMNS)
        table.add_row(one["kind"], one["side"], f"{one['steps']:,}", *numbers)
    console.print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--steps", type=_numbers, default=[1, 10, 100, 1000], metavar="N,N", help="sizes of the pipelines"
    )
    parser.add_argument(
        "--kinds", type=_kinds, default=list(KINDS), metavar="KIND,KIND", help="`run`, `action` or both"
    )
    parser.add_argument("--at-once", type=int, default=50, help="steps at the same time")
    parser.add_argument("--time-limit", type=float, default=900, help="seconds after which it gives up")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here instead")
    return parser


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _kinds(text: str) -> Sequence[str]:
    kinds = text.split(",")
    if unknown := set(kinds) - set(KINDS):
        msg = f"{', '.join(sorted(unknown))}: choose among {', '.join(KINDS)}"
        raise argparse.ArgumentTypeError(msg)
    return kinds


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    leave(main())
