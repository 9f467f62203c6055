import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from perdure.cli._pipeline_drawing import draw, rows
from perdure.cli._pipeline_views import PipelineLineView
from perdure.engine.sights import JobSight, PipelineSight
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import ApprovalRequest
from perdure.pipeline import Conclusion
from perdure.pipeline.running import CompensationResult, JobProgress, JobState, PipelineProgress

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
URL = "https://github.com/acme/library/actions/runs/17"


def job(key, state=JobState.SUCCESS, **fields):
    began = {"started_at": NOW - timedelta(minutes=5)} if state is not JobState.WAITING else {}
    over = {} if state in {JobState.WAITING, JobState.RUNNING} else {"ended_at": NOW - timedelta(minutes=2)}
    step = key.partition("[")[0]
    return JobProgress(
        **{"key": key, "step": step, "kind": "action", "state": state, **began, **over, **fields}
    )


def pipeline(*jobs, **fields):
    return PipelineProgress(
        name="release", digest="d", started_at=NOW - timedelta(minutes=6), jobs=jobs, **fields
    )


APPROVAL = ApprovalProgress(
    id="approval/pipeline/release/1/gate",
    run_id="r",
    request=ApprovalRequest(message="Go on?", approvers=("alice", "bob"), quorum=2),
    digest="d",
    may_decide=("bob",),
    approvals_missing=1,
    deadline=NOW + timedelta(hours=1),
    waiting_on="person",
)
GATED = PipelineSight(
    progress=pipeline(
        job("build", html_url=URL),
        job("gate", JobState.RUNNING, kind="approval"),
        job("deploy", JobState.WAITING),
    ),
    jobs={"gate": JobSight(approval=APPROVAL)},
)


def drawn(sight):
    console = Console(file=io.StringIO(), width=160)
    console.print(draw(sight, now=NOW, temporal_url="http://127.0.0.1:8233/x"))
    return console.file.getvalue()


def test_a_drawing_shows_states_durations_addresses_and_who_is_waited_for():
    """Everything a person needs while waiting is on the screen."""
    text = drawn(GATED)
    assert "release · running · 1 of 3 jobs · 6m 0s" in text
    for words in (
        ("✓", "build", "3m 0s", URL),
        ("▶", "gate", "5m 0s", "waits for 1 of bob"),
        ("·", "deploy"),
    ):
        assert any(all(word in line for word in words) for line in text.splitlines()), (words, text)


def test_the_jobs_of_a_large_matrix_share_a_row():
    """A thousand jobs fit on the screen."""
    many = [
        job(f"test[{number}]", JobState.RUNNING if number < 3 else JobState.SUCCESS)
        for number in range(1_000)
    ]
    [row] = rows(PipelineSight(progress=pipeline(*many)))
    assert (row.label, row.state, row.words) == ("test x 1000", JobState.RUNNING, "3 running, 997 success")


def test_what_was_undone_is_drawn():
    """With how that ended."""
    undone = CompensationResult(
        job_key="build", action="acme/library/yank.yml", conclusion=Conclusion.SUCCESS
    )
    sight = PipelineSight(progress=pipeline(job("build"), compensations=(undone,)))
    assert "undid build with acme/library/yank.yml: success" in drawn(sight)


def test_a_log_gets_one_line_per_change(capsys):
    """What has not changed is not said again, and a job that waits for others is no news."""
    view = PipelineLineView()
    view.show(GATED)
    view.show(GATED)
    waits = "waits for 1 of bob: perdure approval approve approval/pipeline/release/1/gate"
    assert capsys.readouterr().err.splitlines() == [f"build: success, {URL}", f"gate: running, {waits}"]
    view.show(PipelineSight(progress=pipeline(*GATED.progress.jobs[:2], job("deploy", JobState.RUNNING))))
    assert capsys.readouterr().err.splitlines() == ["gate: running", "deploy: running"]


def test_a_reason_cannot_write_on_the_terminal():
    """What comes from elsewhere is text, and nothing that a terminal obeys."""
    assert "\x1b" not in drawn(
        PipelineSight(progress=pipeline(job("build", JobState.FAILURE, reason="\x1b[2Jx")))
    )


def test_who_is_still_told_of_the_end_is_named():
    """A pipeline that has done its work and still runs says what it waits for."""
    ended = pipeline(job("build"), conclusion=Conclusion.SUCCESS, telling=("env:A_WEBHOOK",))
    assert "release · success, telling env:A_WEBHOOK · 1 of 1 jobs" in drawn(PipelineSight(progress=ended))
