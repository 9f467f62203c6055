"""What ``perdure check determinism`` costs on this project and what it uses: time and memory, cold and warm.

Prints a table and JSON; see README.md for what it means.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run of the command."""

    kind: str
    seconds: float
    cpu_seconds: float
    resident_mb: float
    workflows: int
    functions: int
    files: int
    findings: int


def main() -> int:
    """Check a tree several times without and with the cache, and report."""
    options = _options()
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(path).resolve()) for path in options.paths]
        for _ in range(options.rounds):
            measured.append(_measure("cold", [*paths, "--no-cache"], folder))
        _measure("fill", paths, folder)
        for _ in range(options.rounds):
            measured.append(_measure("warm", paths, folder))
    table = Table("run", "s", "CPU s", "MB", "workflows", "functions", "files", "findings")
    for one in measured:
        counted = (one.workflows, one.functions, one.files, one.findings)
        row = (one.kind, f"{one.seconds:.2f}", f"{one.cpu_seconds:.2f}", f"{one.resident_mb:.0f}")
        table.add_row(*row, *map(str, counted))
    Console().print(table)
    if options.json:
        report = {"machine": _machine(), "runs": [asdict(one) for one in measured]}
        options.json.write_text(json.dumps(report, indent=2))
    return 0


def _measure(kind: str, arguments: list[str], folder: str) -> Measured:
    command = [sys.executable, "-m", "perdure", "check", "determinism", "--json", *arguments]
    output = Path(folder, "report.json")
    started = time.monotonic()
    with output.open("wb") as file:
        # The cache is kept in the folder where the command runs: a new one, so that the first run is cold.
        process = psutil.Popen(command, stdout=file, stderr=subprocess.DEVNULL, cwd=folder)
        resident, cpu_seconds = _watch(process)
    seconds = time.monotonic() - started
    report = json.loads(output.read_bytes())
    return Measured(
        kind=kind,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        resident_mb=resident / 1e6,
        workflows=report["workflows"],
        functions=report["functions"],
        files=report["files"],
        findings=len(report["findings"]),
    )


def _watch(process: psutil.Popen) -> tuple[int, float]:
    """Return the most memory that a process had, and its processor time, once it has ended."""
    resident, cpu_seconds = 0, 0.0
    while process.poll() is None:
        # What the system keeps of a process that has ended counts the one that started it as well.
        with contextlib.suppress(psutil.Error):
            resident = max(resident, process.memory_info().rss)
            used = process.cpu_times()
            cpu_seconds = max(cpu_seconds, used.user + used.system)
        time.sleep(0.01)
    return resident, cpu_seconds


def _machine() -> dict[str, str | int | None]:
    return {"python": platform.python_version(), "processors": os.cpu_count()}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "paths", nargs="*", default=[_ROOT / "src", _ROOT / "examples"], help="What to check."
    )
    parser.add_argument("--rounds", type=int, default=3, help="How often, each way.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="Write what was measured.")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
