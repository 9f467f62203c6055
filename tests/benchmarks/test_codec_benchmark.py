"""The benchmark of the codec, on a scale that takes a second."""

import json
import subprocess
import sys
from pathlib import Path

_BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "codec.py"


def test_the_benchmark_measures_each_size(tmp_path):
    """Its JSON says what each payload costs and how much of it is kept."""
    file = tmp_path / "report.json"
    done = subprocess.run(
        [sys.executable, _BENCHMARK, "--sizes", "100", "5000", "--seconds", "0.01", "--json", file],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    rows = {(row["kind"], row["bytes"]): row for row in json.loads(file.read_text())["payloads"]}
    assert set(rows) == {(kind, size) for kind in ("text", "noise") for size in (100, 5000)}
    assert rows["text", 5000]["kept_bytes"] < 5000 < rows["noise", 5000]["kept_bytes"]
    assert all(row["encode_microseconds"] > 0 < row["decode_microseconds"] for row in rows.values())
