"""The benchmark of pipelines, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "pipeline.py"


@pytest.mark.parametrize("kind", ["run", pytest.param("action", marks=pytest.mark.faults)])
def test_the_benchmark_measures_each_size_on_both_sides(tmp_path, kind):
    """Its JSON has time, events, bytes and memory of each; a step of a larger pipeline has no more events."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, _BENCHMARK, "--kinds", kind, "--steps", "1,12", "--at-once", "4", "--json", file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "worker, MB" in done.stdout
    measured = {(one["side"], one["steps"]): one for one in json.loads(file.read_text())["measured"]}
    assert len(measured) == 4
    small, large = (measured["perdure", steps] for steps in (1, 12))
    assert 3 <= large["events"] < small["events"] < 20
    assert large["history_bytes"] > 300
    assert large["worker_megabytes"] > 30
