"""The fleet benchmark, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "fleet.py"


def test_the_benchmark_measures_every_side_and_counts_what_is_under_way(tmp_path):
    """Every item is done once, and never more of them at once than may be."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, _BENCHMARK, "--items", "12", "--max-parallel", "4", "--json", file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(file.read_text())
    assert [one["side"] for one in report["found"]] == ["children", "activities", "bare"]
    for one in report["found"]:
        assert (one["items"], one["done"]) == (12, 12)
        assert 1 <= one["most_at_once"] <= 4
        assert one["histories"] == 1
        assert one["server_cpu_ms"] > 0
