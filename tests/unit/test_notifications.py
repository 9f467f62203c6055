"""Which moments are told to whom, and how they read."""

from datetime import UTC, datetime, timedelta

import pytest

from perdure.model.marks import MAX_SUMMARY
from perdure.model.notification_texts import (
    check_summary,
    check_title,
    headline,
    message_of,
    payload_of,
    status_of,
)
from perdure.model.notifications import (
    Message,
    News,
    NotifyOn,
    ToldApproval,
    ToldJob,
    mark_hears,
    webhook_hears,
)

BEGUN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
START, WAITING = NotifyOn.START, NotifyOn.WAITING
SUCCESS, FAILURE, CANCELLED = NotifyOn.SUCCESS, NotifyOn.FAILURE, NotifyOn.CANCELLED
ASKED = ToldApproval(
    approval_id="approval/pipeline/release/7/approve",
    message="Deploy image 7?\nIt has *stars* & <!channel>",
    may_decide=("alice", "team:acme/release"),
    missing=2,
    deadline=BEGUN + timedelta(hours=24),
)


def news(moment, **changes):
    known = {"pipeline": "release", "workflow_id": "pipeline/release/7", "requester": "carol"}
    at = BEGUN + timedelta(minutes=5, seconds=3)
    return News(moment=moment, **{**known, "started_at": BEGUN, "at": at, **changes})


def failed(**changes):
    jobs = (
        ToldJob(
            key="build", state="success", html_url="https://github.com/acme/a/actions/runs/1", seconds=62
        ),
        ToldJob(key="test[linux|x]", state="failure", reason="step Test\nfailed <b>`x`</b> | 1"),
        ToldJob(key="deploy", state="skipped"),
    )
    undone = (ToldJob(key="build with acme/a/undo.yml", state="success"),)
    given = {"reason": "test[linux] failure (step Test failed)", "jobs": jobs, "undone": undone}
    return news(FAILURE, **{**given, **changes})


@pytest.mark.parametrize(
    ("on", "webhook", "mark"),
    [
        ((SUCCESS, FAILURE), {SUCCESS, FAILURE}, {SUCCESS, FAILURE}),
        ((START, FAILURE), {START, FAILURE}, {START, FAILURE, SUCCESS, CANCELLED}),
        ((WAITING,), {WAITING}, {WAITING, SUCCESS, FAILURE, CANCELLED}),
        ((CANCELLED,), {CANCELLED}, {CANCELLED}),
    ],
)
def test_a_mark_that_may_have_begun_is_always_ended(on, webhook, mark):
    """A webhook is told what it names; a commit never shows a pipeline running that is over."""
    assert {moment for moment in NotifyOn if webhook_hears(on, moment)} == webhook
    assert {moment for moment in NotifyOn if mark_hears(on, moment)} == mark


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (news(START), "release started by carol"),
        (news(START, requester=""), "release started"),
        (news(SUCCESS), "release succeeded after 5m 3s, started by carol"),
        (news(CANCELLED), "release was cancelled after 5m 3s, started by carol"),
        (
            news(FAILURE, at=BEGUN + timedelta(days=8, hours=2)),
            "release failed after 8d 2h, started by carol",
        ),
        (news(WAITING, approval=ASKED), "release waits for 2 of alice, team:acme/release"),
        (
            news(
                WAITING,
                approval=ASKED.model_copy(update={"kind": "reminder", "may_decide": (), "missing": 1}),
            ),
            "release still waits for anybody",
        ),
        (
            news(WAITING, approval=ASKED.model_copy(update={"kind": "escalated", "missing": 1})),
            "release now also waits for 1 of alice, team:acme/release",
        ),
    ],
)
def test_each_moment_is_one_line(told, line):
    """What a phone shows: the pipeline, what happened, who started it or who is waited for."""
    assert headline(told) == line
    assert message_of(told).text == line


def test_who_is_waited_for_learns_how_to_decide():
    """The question, the deadline and the two commands; nothing in it calls a whole channel."""
    payload = payload_of(message_of(news(WAITING, approval=ASKED)), None)
    text = "\n".join(block["text"]["text"] for block in payload["blocks"])
    assert ">Deploy image 7?\n>It has *stars* &amp; &lt;!channel&gt;" in text
    assert "Decide before 2026-11-23 09:00 UTC" in text
    assert "`perdure approval approve approval/pipeline/release/7/approve`" in text
    assert "`perdure approval reject approval/pipeline/release/7/approve`" in text


def test_a_check_run_quotes_the_question_and_says_how_to_decide():
    """Line by line, as it was asked."""
    summary = check_summary(news(WAITING, approval=ASKED))
    assert "> Deploy image 7?  \n> It has \\*stars\\* & \\<!channel\\>\n\nDecide before 2026-11-23" in summary
    assert "`perdure approval approve approval/pipeline/release/7/approve`" in summary


def test_a_failure_says_why_with_links_and_what_was_undone():
    """Only the jobs that went wrong are in the message."""
    payload = payload_of(message_of(failed()), "https://temporal.example.com/7")
    text = "\n".join(block["text"]["text"] for block in payload["blocks"])
    assert "*release* failed after 5m 3s, started by carol" in text
    assert ">test[linux] failure (step Test failed)" in text
    assert "✗ test[linux|x] failure: step Test failed &lt;b&gt;`x`&lt;/b&gt; | 1" in text
    assert "build with acme/a/undo.yml success" in text
    assert "deploy" not in text
    assert text.endswith("<https://temporal.example.com/7|Open it in Temporal>")


def test_a_check_run_shows_every_step_as_it_is():
    """A table with links; what a step says can neither break it nor add links of its own."""
    summary = check_summary(failed(reason="see [here](http://evil.example.com)", jobs_left_out=3))
    lines = summary.splitlines()
    assert "| ✓ success | [build](https://github.com/acme/a/actions/runs/1) | 1m 2s |  |" in lines
    assert r"| ✗ failure | test\[linux\|x\] |  | step Test failed \<b\>\`x\`\</b\> \| 1 |" in lines
    assert "| | and 3 more | | |" in lines
    assert r"> see \[here\](http://evil.example.com)" in lines
    assert any("build with acme/a/undo.yml" in line for line in lines[lines.index("Undone:") :])


def test_runs_that_may_go_on_at_github_are_named():
    """GitHub would not cancel them: somebody has to look."""
    url = "https://github.com/acme/a/actions/runs/7"
    told = news(CANCELLED, left_running=(url, "acme/b"))
    assert f"May go on at GitHub:\n{url}\nacme/b" in message_of(told).sections
    assert f"May go on at GitHub:\n\n- {url}\n- acme/b" in check_summary(told)


def test_a_message_without_sections_shows_its_line():
    """Where there are blocks, a chat shows nothing else."""
    blocks = payload_of(Message(text="Fleet <x>: 3 failed"), "https://temporal.example.com/7")["blocks"]
    assert [block["text"]["text"] for block in blocks] == [
        "Fleet &lt;x&gt;: 3 failed",
        "<https://temporal.example.com/7|Open it in Temporal>",
    ]


def test_a_link_that_is_none_is_text():
    """Nobody can smuggle a script behind a step's name."""
    job = ToldJob(key="build", state="failure", html_url="javascript:alert(1)")
    assert "javascript" not in check_summary(failed(jobs=(job,)))
    assert "javascript" not in str(message_of(failed(jobs=(job,))))


@pytest.mark.parametrize(
    ("told", "state", "description"),
    [
        (news(START), "pending", "started by carol"),
        (
            news(WAITING, approval=ASKED),
            "pending",
            "waits for 2 of alice, team:acme/release, since 2026-11-22 09:05 UTC",
        ),
        (news(SUCCESS), "success", "succeeded after 5m 3s, started by carol"),
        (news(FAILURE), "failure", "failed after 5m 3s, started by carol"),
        (news(CANCELLED), "error", "was cancelled after 5m 3s, started by carol"),
    ],
)
def test_a_commit_status_has_githubs_words(told, state, description):
    """Of its four states a pipeline that was cancelled has the one for what neither passed nor failed."""
    assert status_of(told) == (state, description)
    assert check_title(told) == description


def test_texts_stay_within_what_slack_and_github_take():
    """However long a name, a reason or a list is."""
    jobs = tuple(ToldJob(key=f"job-{n}" * 20, state="failure", reason="x" * 300) for n in range(100))
    many = ASKED.model_copy(
        update={"may_decide": tuple(f"person-{n}" for n in range(50)), "message": "y" * 2_000}
    )
    for told in (failed(jobs=jobs, reason="z" * 9_000), news(WAITING, approval=many, jobs=jobs)):
        payload = payload_of(message_of(told), None)
        assert len(payload["blocks"]) <= 50
        assert max(len(block["text"]["text"]) for block in payload["blocks"]) <= 3_000
        assert len(check_summary(told)) <= MAX_SUMMARY
        assert len(check_title(told)) <= 200
