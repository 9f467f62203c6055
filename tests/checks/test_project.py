"""The checker on this project, with everything that is installed for it."""

import time
from pathlib import Path

from perdure.checks.determinism.checking import check
from perdure.checks.determinism.configuration import load_configuration

ROOT = Path(__file__).parents[2]


def test_this_project_takes_less_than_twenty_seconds(monkeypatch):
    """Cold, in processor time, which other work on the machine does not change much."""
    monkeypatch.chdir(ROOT)
    started = time.process_time()
    report, _ = check([ROOT / "src", ROOT / "examples"], load_configuration(ROOT))
    assert time.process_time() - started < 20
    assert (report.workflows, report.functions, report.unreadable) >= (15, 500, ())
