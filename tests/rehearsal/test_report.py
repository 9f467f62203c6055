"""What a rehearsal reports."""

from datetime import UTC, datetime, timedelta

import pytest

from perdure.model.rehearsal import (
    Exploration,
    Rehearsal,
    RehearsedJob,
    Undone,
    exploration_lines,
    exploration_markdown,
    rehearsal_lines,
    rehearsal_markdown,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def report():
    return Rehearsal(
        pipeline="release",
        digest="d" * 64,
        scenario="deploy fails",
        succeeded=False,
        error="deploy failure",
        started_at=AT,
        ended_at=AT + timedelta(seconds=3),
        jobs=(
            RehearsedJob(key="publish", kind="action", conclusion="success", attempts=2, scripted="flaky"),
            RehearsedJob(key="deploy", kind="action", conclusion="failure", attempts=1, reason="it | failed"),
            RehearsedJob(key="smoke", kind="action", conclusion="skipped"),
        ),
        undone=(Undone(key="publish", action="acme/library/yank.yml", conclusion="failure"),),
        compared=True,
        left_out=("nobody is notified: 1 entry of notify",),
    )


def test_people_read_how_each_job_ended_and_what_was_left_out(report):
    """One screen: the result, each job, what was undone, how it compares, what was not tried."""
    text = "\n".join(rehearsal_lines(report))
    for words in (
        "result     failed: deploy failure, in 3.0 s",
        "publish  success  2     scenario: flaky",
        "acme/library/yank.yml  failure",
        "Compared with the real plan: the same jobs, inputs, approvers and commits",
        "Not rehearsed:\n  nobody is notified",
    ):
        assert words in text


def test_differences_from_the_real_plan_are_counted_and_shown(report):
    """In both forms, and never beside the claim that all is the same."""
    differing = report.model_copy(update={"differences": ("publish: the inputs differ",)})
    for text in ("\n".join(rehearsal_lines(differing)), rehearsal_markdown(differing)):
        assert "publish: the inputs differ" in text
        assert "the same jobs" not in text
    alone = report.model_copy(update={"compared": False})
    assert "there was none" in rehearsal_markdown(alone)


def test_markdown_keeps_its_tables_whatever_was_said(report):
    """A reason may hold what ends a cell."""
    text = rehearsal_markdown(report)
    assert text.startswith("### ❌ Rehearsal of `release`: failed: deploy failure\n")
    assert "| `deploy` | failure | 1 | it \\| failed |" in text
    assert "| `publish` | `acme/library/yank.yml` | failure |" in text


def test_the_table_of_outcomes_has_a_row_for_each_thing_that_goes_wrong(report):
    """What happens, whether the pipeline fails, what did not run, what was undone."""
    fine = report.model_copy(update={"scenario": "", "succeeded": True, "error": "", "undone": ()})
    found = Exploration(pipeline="release", digest="d" * 64, seconds=9.0, variants=(fine, report))
    lines = list(exploration_lines(found))
    assert lines[1].split() == ["nothing", "fails", "succeeds", "smoke", "-", "3", "3.0"]
    assert "deploy fails" in lines[2]
    assert "publish (failed)" in lines[2]
    assert lines[-1] == "2 rehearsals of release in 9 s"
    assert exploration_markdown(found).count("\n") == 4
