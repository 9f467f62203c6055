"""How long what still runs may take once its pipeline was cancelled."""

from datetime import timedelta

import pytest

from perdure.pipeline import read_pipeline
from perdure.pipeline.ending import own_limit

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("step", "limit"),
    [
        ("action: acme/tools/echo.yml", timedelta(0)),
        ("action: acme/tools/echo.yml, timeout: 5m", 5 * MINUTE),
        ("action: acme/tools/echo.yml, timeout: {queue: 1m, run: 5m, cancel: 1h}", 6 * MINUTE),
        ("action: acme/tools/echo.yml, timeout: 5m, retry: {attempts: 3, delay: 1m}", 17 * MINUTE),
        ("action: acme/tools/echo.yml, timeout: 5m, retry: {attempts: 0, delay: 1m}", 5 * MINUTE),
        ("pipeline: other.yaml, timeout: 5m", 5 * MINUTE),
        ("run: 'package.module:call', timeout: 5m, retry: {attempts: 2, delay: 0s}", 10 * MINUTE),
        ("wait: 3h", None),
        ("approval: {approvers: [ann], timeout: 3h}", None),
    ],
)
def test_a_step_has_the_time_that_its_file_gives_it(step, limit):
    """Every attempt with the pauses between them; what ends by itself needs no limit."""
    file = read_pipeline(f"name: one\nsteps:\n  it: {{{step}}}\n")
    assert own_limit(file.steps["it"]) == limit
