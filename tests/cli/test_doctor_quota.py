"""What the doctor says of GitHub's limits."""

from datetime import UTC, datetime

import pytest

from perdure.cli._doctor_github import _quota
from perdure.github.facts import QuotaFacts

AT = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "level", "consequence"),
    [
        (4_800, "ok", ""),
        (3_000, "ok", "; what watches runs goes slower, for what dispatches"),
        (500, "warning", "; until then nothing watches runs: they go on, and their ends are seen later"),
        (250, "warning", "; until then runs can be dispatched and cancelled, and nothing is read"),
        (100, "warning", "; until then runs can be cancelled, and nothing else"),
        (0, "warning", "; until then nothing can be asked for"),
    ],
)
def test_what_is_left_and_what_that_means(left, level, consequence):
    """How many, of how many, until when, and who has to wait."""
    finding = _quota(QuotaFacts(account="acme", requests_left=left, requests_limit=5_000, resets_at=AT))
    said = f"acme: {left:,} of 5,000 requests of this hour are left, all again at 13:05:00 UTC"
    assert (finding.level, finding.message) == (level, said + consequence)
