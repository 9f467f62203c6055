"""What is known of the jobs of a running pipeline."""

import pytest

from perdure.pipeline.job_table import JobTable
from perdure.pipeline.running import JobProgress, JobState


def table(count, **states):
    rows = JobTable(JobProgress(key=f"job{number}", step="job", kind="run") for number in range(count))
    for key, state in states.items():
        rows.update(key, state=JobState(state))
    return rows


def drawn(rows):
    """Return the keys in the order in which they are drawn."""
    return [line.split(" | ")[1] for line in rows.markdown("p").splitlines() if "job" in line]


def test_a_small_pipeline_is_drawn_whole_in_its_order():
    """Whoever looks at it finds a job where it was."""
    rows = table(4, job2="running", job0="success", job3="failure")
    assert drawn(rows) == ["job0", "job1", "job2", "job3"]
    assert rows.markdown("p").startswith("**p** · 1 waiting, 1 running, 1 success, 1 failure\n")


def test_of_a_large_one_what_runs_and_what_failed_comes_first():
    """Then what comes next; the rest is counted."""
    rows = table(100, job70="running", job90="failure", job0="success")
    assert drawn(rows)[:4] == ["job70", "job90", "job1", "job2"]
    assert len(drawn(rows)) == 60
    assert rows.markdown("p").endswith("and 40 more")


@pytest.mark.parametrize("state", JobState)
def test_every_state_is_drawn(state):
    """A large pipeline in which all jobs stand alike is not empty."""
    rows = table(70, **{f"job{number}": state for number in range(70)})
    assert len(drawn(rows)) == 60


def test_the_drawing_stays_below_what_the_engine_takes():
    """Long keys, addresses and reasons are cut: the engine takes 20 kB."""
    rows = JobTable(
        JobProgress(
            key="k" * 500 + str(number),
            step="k",
            kind="action",
            html_url="https://github.com/acme/a-service/actions/runs/12345678901",
            reason="because\nof | everything " * 20,
        )
        for number in range(1_000)
    )
    assert len(rows.markdown("p").encode()) < 20_000


def test_a_job_moves_from_one_state_to_another():
    """It is counted once, wherever it stands."""
    rows = table(2, job0="running")
    rows.update("job0", state=JobState.FAILURE, reason="broken")
    rows.update("job0", html_url="https://github.com")
    assert [row.key for row in rows.ended_badly()] == ["job0"]
    assert rows["job0"].reason == "broken"
    assert rows.markdown("p").startswith("**p** · 1 waiting, 1 failure\n")
    assert [row.key for row in rows.rows] == ["job0", "job1"]
