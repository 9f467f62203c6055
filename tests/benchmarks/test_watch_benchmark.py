"""The benchmark of following, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "watch.py"


@pytest.mark.faults
def test_the_benchmark_counts_requests_and_delays_of_every_side(tmp_path):
    """Every action ends as its run did; polling costs most."""
    file = tmp_path / "report.json"
    scale = ["--runs", "6", "--repositories", "2", "--shortest", "8", "--longest", "12"]
    done = subprocess.run(
        [sys.executable, _BENCHMARK, *scale, "--poll-interval", "1", "--json", file],
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    webhooks, watch, poll = json.loads(file.read_text())["found"]
    assert [one["side"] for one in (webhooks, watch, poll)] == ["webhooks", "watch", "poll"]
    for one in (webhooks, watch, poll):
        assert (one["runs"], one["succeeded"]) == (6, 6)
        assert one["quota_per_run"] <= one["requests_per_run"]
        assert 0 <= one["delay_seconds"]["p50"] <= one["delay_seconds"]["max"]
    assert poll["requests_per_run"] > webhooks["requests_per_run"]
