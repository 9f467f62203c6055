"""The benchmark, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "action.py"


def test_the_benchmark_measures_both_sides_and_ends(tmp_path):
    """Its JSON has throughput, ratio and requests; every workflow counted has passed."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, _BENCHMARK, "--actions", "4", "--rounds", "1", "--json", file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "workflows per second" in done.stdout
    report = json.loads(file.read_text())
    assert report["ratio"]["median"] > 0
    for side in ("perdure", "bare"):
        assert report[side]["per_second"]["median"] > 0
        # Shared reads are divided among few here: a dispatch and a look for outputs are each action's own.
        assert 2 <= report[side]["github_requests"]["median"] <= 6
        assert report[side]["history_events_by_kind"]["workflow_execution_completed"]["median"] == 1
