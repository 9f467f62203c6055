"""What an action costs, beside a bare Temporal workflow that makes the same requests.

Prints a table and JSON; see README.md for what it means.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measuring import SIDES, Round, measure
from report import machine, show, spread, summary
from rich.console import Console
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from town import Town, running_town

from perdure.engine.exits import leave

_ALONE = 8
"""Workflows that are run one at a time, on an idle engine."""

_NO_MORE_ROUNDS_AFTER = 90
_TIME_LIMIT = 175
"""Seconds after which it gives up: something stands still."""


def main() -> int:
    """Measure, and print what was found."""
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="perdure-benchmark-") as folder:
        try:
            report = asyncio.run(_run(Path(folder), options))
        except TimeoutError:
            _say(f"error: not done within {_TIME_LIMIT} s\n\nhint: try it with fewer --actions")
            return 1
    show(report, Console(width=120))
    text = json.dumps(report, indent=2)
    if options.json is None:
        print(text)
    else:
        options.json.write_text(text + "\n")
    return 0


async def _run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    async with (
        asyncio.timeout(_TIME_LIMIT),
        running_town(folder, look_interval=options.look_interval) as town,
    ):
        rounds: dict[str, list[Round]] = {side: [] for side in SIDES}
        for side in SIDES:
            _say(f"warming up: {side}")
            await measure(town, side, count=min(20, options.actions), concurrency=options.concurrency)
        begun = time.monotonic()
        for number in range(options.rounds):
            if number and time.monotonic() - begun > _NO_MORE_ROUNDS_AFTER:
                _say(f"a busy machine: {number} rounds have to do")
                break
            # One after the other, round by round: what else the machine does meets both alike.
            for side in SIDES:
                found = await measure(town, side, count=options.actions, concurrency=options.concurrency)
                _say(f"round {number + 1} of {options.rounds}: {side} {found.per_second:.1f} per second")
                rounds[side].append(found)
        _say("one at a time")
        count = min(_ALONE, options.actions)
        # With a pause, so that neither side is still between two looks for the one before.
        pause = 2 * options.look_interval
        alone = {side: await measure(town, side, count=count, concurrency=1, pause=pause) for side in SIDES}
        return await _report(town, options, rounds, alone)


async def _report(
    town: Town, options: argparse.Namespace, rounds: dict[str, list[Round]], alone: dict[str, Round]
) -> dict[str, Any]:
    about = await town.client.workflow_service.get_system_info(GetSystemInfoRequest())
    pairs = zip(rounds["perdure"], rounds["bare"], strict=True)
    asked = {name: value for name, value in vars(options).items() if name != "json"}
    return {
        "options": {**asked, "rounds": len(rounds["bare"])},
        "machine": machine(len(os.sched_getaffinity(0)), about.server_version),
        **{side: summary(found, alone[side]) for side, found in rounds.items()},
        "ratio": spread(ours.per_second / bare.per_second for ours, bare in pairs),
        "worker_resident_bytes": town.worker_memory(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=200, help="workflows in each round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each side")
    parser.add_argument("--concurrency", type=int, default=50, help="workflows at the same time")
    parser.add_argument(
        "--look-interval", type=float, default=0.5, help="seconds between two looks at the list of runs"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the JSON here instead")
    return parser


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    leave(main())
