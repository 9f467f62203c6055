"""The benchmark of the index, on a scale that takes seconds."""

import json
import subprocess
import sys
from pathlib import Path

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "index.py"


def test_the_benchmark_cuts_writes_and_finds(tmp_path):
    """Its JSON has rates, latencies and sizes; as many chunks as asked for are in the index."""
    file = tmp_path / "report.json"
    scale = ["--chunks", "200", "--repositories", "2", "--searches", "3"]
    done = subprocess.run(
        [sys.executable, _BENCHMARK, *scale, "--json", file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert "chunks per processor second" in done.stdout
    report = json.loads(file.read_text())
    assert report["rows"] == 200
    assert report["write_chunks_per_second"] > 0
    assert set(report["search_milliseconds"]) == {"words alone", "words and vectors"}
    assert report["install_bytes"]["review"] > 10_000_000
