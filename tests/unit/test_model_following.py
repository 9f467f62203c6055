from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.model.actions import ActionInput, ActionRetry, ActionsJob, ActionsRun, ActionsStep, RetryOn
from perdure.model.conclusions import Outcome, may_retry, outcome_of, passes
from perdure.model.following import Followed, FollowMove, is_news, next_follow_move, patience
from perdure.model.watching import Watch, is_over, look_interval, unseen_for

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SHA = "a" * 40


def actions_run(status="queued", conclusion=None, attempt=1, **fields):
    return ActionsRun(
        repository="o/r",
        actions_run_id=1,
        actions_run_attempt=attempt,
        status=status,
        conclusion=conclusion,
        html_url="https://github.test/o/r/actions/runs/1",
        **fields,
    )


def action(**fields):
    return ActionInput(repository="o/r", workflow_file="w.yml", **fields)


@pytest.mark.parametrize(
    ("input", "run", "queued_for", "running_for", "expected"),
    [
        pytest.param(action(), actions_run(), 10**6, None, FollowMove.WAIT, id="no-limit-unless-given"),
        pytest.param(
            action(queue_timeout=timedelta(seconds=60)),
            actions_run("waiting"),
            61,
            None,
            FollowMove.GIVE_UP_QUEUED,
            id="queue-limit",
        ),
        pytest.param(
            action(queue_timeout=timedelta(seconds=60)),
            actions_run("in_progress"),
            10**6,
            10**5,
            FollowMove.WAIT,
            id="the-queue-limit-ends-with-the-queue",
        ),
        pytest.param(
            action(run_timeout=timedelta(seconds=60)),
            actions_run("in_progress"),
            10**6,
            61,
            FollowMove.GIVE_UP_RUNNING,
            id="run-limit",
        ),
        pytest.param(
            action(run_timeout=timedelta(seconds=60)),
            actions_run("queued"),
            10**6,
            None,
            FollowMove.WAIT,
            id="the-run-limit-begins-after-the-queue",
        ),
        pytest.param(
            action(queue_timeout=timedelta(seconds=1)),
            actions_run("completed", "failure"),
            10,
            None,
            FollowMove.FINISH,
            id="an-end-beats-a-limit",
        ),
        pytest.param(
            action(expect_sha=SHA),
            actions_run("queued", head_sha="b" * 40),
            0,
            None,
            FollowMove.REFUSE_COMMIT,
            id="wrong-commit",
        ),
        pytest.param(
            action(expect_sha=SHA), actions_run("queued"), 0, None, FollowMove.WAIT, id="commit-unknown-yet"
        ),
    ],
)
def test_next_follow_move(input, run, queued_for, running_for, expected):
    """Queue time and run time have limits of their own, and none unless given."""
    followed = Followed(
        actions_run=run,
        queued_at=NOW - timedelta(seconds=queued_for),
        running_since=None if running_for is None else NOW - timedelta(seconds=running_for),
    )
    assert next_follow_move(input, followed, NOW) is expected


@pytest.mark.parametrize(
    ("known", "seen", "expected"),
    [
        (actions_run("queued"), actions_run("in_progress"), True),
        (actions_run("queued"), actions_run("queued"), False),
        (actions_run("completed", "failure"), actions_run("in_progress"), False),
        (actions_run("completed", "failure"), actions_run("queued", attempt=2), True),
        (actions_run("in_progress", attempt=2), actions_run("completed", "failure"), False),
        (
            actions_run("in_progress", updated_at=NOW),
            actions_run("queued", updated_at=NOW - timedelta(1)),
            False,
        ),
    ],
)
def test_late_and_repeated_news_change_nothing(known, seen, expected):
    """News may come late, twice and out of order."""
    assert is_news(known, seen) is expected


RUNS = [
    actions_run("queued", updated_at=NOW),
    actions_run("in_progress", updated_at=NOW + timedelta(seconds=1)),
    actions_run("completed", "failure", updated_at=NOW + timedelta(seconds=2)),
    actions_run("queued", attempt=2, updated_at=NOW + timedelta(seconds=3)),
    actions_run("completed", "success", attempt=2, updated_at=NOW + timedelta(seconds=4)),
]


@given(st.permutations(RUNS), st.lists(st.sampled_from(RUNS)))
def test_the_final_state_does_not_depend_on_the_order_of_news(order, repeated):
    """Whatever was repeated or reordered, the last attempt's end is what remains."""
    followed = Followed(actions_run=actions_run("queued"), queued_at=NOW)
    for seen in (*order, *repeated):
        followed = followed.after(seen, NOW)
    assert followed.actions_run == RUNS[-1]


@pytest.mark.parametrize(
    "conclusion", ["failure", "cancelled", "stale", "action_required", "startup_failure"]
)
def test_nothing_but_success_passes(conclusion):
    """Not even where neutral and skipped are accepted."""
    assert not passes(conclusion, {"neutral", "skipped", conclusion})


def test_neutral_and_skipped_pass_only_where_asked_for():
    """An unknown or missing conclusion never passes."""
    assert passes("neutral", {"neutral"})
    assert not passes("neutral", ())
    assert not passes("skipped", {"neutral"})
    assert not passes(None, {"neutral"})
    assert not passes("brand_new", ())


def job(conclusion, *steps, runner_name=None):
    return ActionsJob(
        actions_job_id=1,
        name="j",
        status="completed",
        conclusion=conclusion,
        runner_name=runner_name,
        steps=tuple(
            ActionsStep(number=n, name="s", status="completed", conclusion=done)
            for n, done in enumerate(steps)
        ),
    )


@pytest.mark.parametrize(
    ("conclusion", "jobs", "pending", "expected"),
    [
        ("success", [], False, Outcome.PASSED),
        ("failure", [job("failure", "failure")], False, Outcome.FAILED),
        ("brand_new", [], False, Outcome.FAILED),
        ("action_required", [], False, Outcome.FAILED),
        ("cancelled", [job("cancelled", "success", "cancelled")], False, Outcome.CANCELLED),
        ("cancelled", [], True, Outcome.SUPERSEDED),
        ("cancelled", [job("cancelled", "success")], True, Outcome.CANCELLED),
        ("cancelled", [job("cancelled")], False, Outcome.NEVER_STARTED),
        ("cancelled", [job("cancelled", runner_name="r")], False, Outcome.CANCELLED),
        ("startup_failure", [], False, Outcome.NEVER_STARTED),
        ("timed_out", [], False, Outcome.TIMED_OUT),
    ],
)
def test_outcomes_are_told_apart(conclusion, jobs, pending, expected):
    """GitHub shows superseded and never-started runs as plain cancelled ones."""
    run = actions_run("completed", conclusion)
    assert outcome_of(run, jobs, (), seen_pending=pending) is expected


@pytest.mark.parametrize(
    ("attempts", "made", "expected"), [(1, 1, False), (2, 1, True), (2, 2, False), (0, 1000, True)]
)
def test_attempts_count_the_first_and_zero_is_without_limit(attempts, made, expected):
    """``attempts`` is how many runs at most."""
    input = action(retry=ActionRetry(attempts=attempts))
    assert may_retry(input, Outcome.FAILED, made) is expected


def test_only_named_outcomes_are_retried():
    """A run that a person cancelled is not started again unless asked for."""
    assert not may_retry(action(retry=ActionRetry(attempts=0)), Outcome.CANCELLED, 1)
    on = frozenset({RetryOn.CANCELLED})
    assert may_retry(action(retry=ActionRetry(attempts=0, on=on)), Outcome.CANCELLED, 1)


def test_reading_the_run_grows_rare():
    """Days of waiting cost few events."""
    base = timedelta(minutes=5)
    assert base == patience(base, 0) < patience(base, 1) < patience(base, 5) == patience(base, 99)


def test_looks_grow_rare_and_quota_saving_comes_first():
    """The interval never passes its maximum, and reaches it at once when little quota is left."""
    short, long = timedelta(seconds=2), timedelta(seconds=15)
    assert look_interval(short, long, looks_without_news=0) == short
    assert look_interval(short, long, looks_without_news=10**9) == long
    assert look_interval(short, long, looks_without_news=0, quota_left=0.1) == long


def test_a_new_run_may_be_missing_from_the_list():
    """Lists lag: only a run that is missing for longer is read by itself."""
    watch = Watch(workflow_id="w", actions_run_id=1, asked_at=NOW)
    assert not unseen_for(watch, {}, NOW + timedelta(seconds=5))
    assert unseen_for(watch, {}, NOW + timedelta(seconds=11))
    assert not unseen_for(watch, {1: actions_run()}, NOW + timedelta(seconds=11))


def test_a_wait_for_a_rerun_is_not_over_with_the_attempt_before():
    """The end of attempt 1 is no news for who waits for attempt 2."""
    watch = Watch(workflow_id="w", actions_run_id=1, actions_run_attempt=2)
    assert not is_over(watch, actions_run("completed", "failure"))
    assert is_over(watch, actions_run("completed", "success", attempt=2))
