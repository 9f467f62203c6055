"""What it costs to follow many runs that last, by webhooks, by watching, and by polling each of them.

Prints a table and JSON; see README.md for what it means.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from watch_town import WORKFLOW_FILE, Scale, WatchTown, running_watch_town

from perdure.engine.actions import ActionHandle, start_action
from perdure.engine.exits import leave
from perdure.model.actions import ActionInput, WaitBy

SIDES: Final = ("webhooks", "watch", "poll")

_STARTS_AT_ONCE = 20
_LATEST = 300.0
"""Seconds after the last run's end in which the actions have to end."""


def main() -> int:
    """Measure, and print what was found."""
    options = _parser().parse_args()
    scale = Scale(
        runs=options.runs,
        repositories=options.repositories,
        shortest=options.shortest,
        longest=options.longest,
        longest_interval=options.longest_interval,
        webhook_interval=options.webhook_interval,
    )
    found = []
    for side in options.sides.split(","):
        with tempfile.TemporaryDirectory(prefix="perdure-benchmark-") as folder:
            found.append(asyncio.run(_measure(Path(folder), scale, side, options.poll_interval)))
        _say(f"{side}: {found[-1]['requests_per_run']:.2f} requests for each run")
    report = {"options": vars(options) | {"json": None}, "machine": _machine(), "found": found}
    _show(report, Console(width=120, stderr=True))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


async def _measure(folder: Path, scale: Scale, side: str, poll_interval: float) -> dict[str, Any]:
    async with running_watch_town(folder, scale, webhooks=side == "webhooks") as town:
        begun, cpu_before = time.monotonic(), town.cpu_seconds()
        handles = await _start_all(town, scale, side, poll_interval)
        started_in = time.monotonic() - begun
        _say(f"{side}: {scale.runs} actions started within {started_in:.0f} s")
        async with asyncio.timeout(scale.longest + _LATEST):
            results = await asyncio.gather(*(handle.result() for handle in handles))
        ends, requests, cpu = town.ends(), await town.requests(), town.cpu_seconds()
        quota_used = await town.quota_used()
        closed = {handle.id: await _closed_at(town, handle) for handle in handles}
    delays = sorted(
        closed[handle.id] - ends[result.actions_run_id]
        for handle, result in zip(handles, results, strict=True)
    )
    return {
        "side": side,
        "runs": len(results),
        "succeeded": sum(result.conclusion == "success" for result in results),
        "started_in_seconds": started_in,
        "requests_per_run": sum(requests.values()) / scale.runs,
        "quota_per_run": quota_used / scale.runs,
        "requests_per_run_by_route": {route: count / scale.runs for route, count in sorted(requests.items())},
        "delay_seconds": {name: _percentile(delays, part) for name, part in _PARTS.items()},
        "cpu_milliseconds_per_run": {
            name: (cpu[name] - cpu_before[name]) * 1000 / scale.runs for name in sorted(cpu)
        },
    }


async def _start_all(town: WatchTown, scale: Scale, side: str, poll_interval: float) -> list[ActionHandle]:
    slots = asyncio.Semaphore(_STARTS_AT_ONCE)

    async def one(number: int) -> ActionHandle:
        input = ActionInput(
            repository=scale.repository(number),
            workflow_file=WORKFLOW_FILE,
            ref="main",
            wait=WaitBy.POLL if side == "poll" else WaitBy.WATCH,
            poll_interval=timedelta(seconds=poll_interval),
        )
        async with slots:
            return await start_action(town.client, input)

    return await asyncio.gather(*(one(number) for number in range(scale.runs)))


async def _closed_at(town: WatchTown, handle: ActionHandle) -> float:
    closed_at = (await town.client.get_workflow_handle(handle.id).describe()).close_time
    assert closed_at is not None
    return closed_at.timestamp()


_PARTS: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def _percentile(values: list[float], part: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * part))], 3)


def _show(report: dict[str, Any], console: Console) -> None:
    options = report["options"]
    title = (
        f"{options['runs']} runs of {options['shortest']:g} to {options['longest']:g} s in"
        f" {options['repositories']} repositories; for each run"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("", "requests", "of the quota", "delay p50, s", "p99, s", "max, s", "CPU, ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for one in report["found"]:
        delay, cpu = one["delay_seconds"], one["cpu_milliseconds_per_run"]
        table.add_row(
            one["side"],
            f"{one['requests_per_run']:.2f}",
            f"{one['quota_per_run']:.2f}",
            *(f"{delay[name]:.2f}" for name in ("p50", "p99", "max")),
            ", ".join(f"{name} {spent:.0f}" for name, spent in cpu.items()),
        )
    console.print(table)


def _machine() -> dict[str, object]:
    return {"processors": len(os.sched_getaffinity(0)), "python": platform.python_version()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="actions at the same time")
    parser.add_argument("--repositories", type=int, default=10, help="that they are spread over")
    parser.add_argument("--shortest", type=float, default=120.0, help="seconds that a run takes at least")
    parser.add_argument("--longest", type=float, default=600.0, help="seconds that a run takes at most")
    parser.add_argument(
        "--longest-interval", type=float, default=30.0, help="seconds between two looks of a watcher"
    )
    parser.add_argument(
        "--webhook-interval", type=float, default=120.0, help="the same, where there are webhooks: always"
    )
    parser.add_argument(
        "--poll-interval", type=float, default=10.0, help="seconds between two polls of a run"
    )
    parser.add_argument("--sides", default=",".join(SIDES), help="some of webhooks, watch and poll")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here instead")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    leave(main())
