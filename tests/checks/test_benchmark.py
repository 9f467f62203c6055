"""The benchmark of the checker, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_benchmark_measures_cold_and_warm(tmp_path):
    """Its JSON has time, memory and counts of both."""
    file = tmp_path / "report.json"
    command = [sys.executable, ROOT / "benchmarks" / "determinism.py", ROOT / "tests" / "checks" / "planted"]
    done = subprocess.run(
        [*command, "--rounds", "1", "--json", file], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    cold, warm = json.loads(file.read_text())["runs"]
    assert (cold["kind"], warm["kind"]) == ("cold", "warm")
    assert cold["findings"] == warm["findings"] >= 60
    assert cold["resident_mb"] > 5
