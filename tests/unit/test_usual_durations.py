"""How often a watcher looks: rarely where nothing is expected, often where an end is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from perdure.model.actions import ActionsRun
from perdure.model.usual_durations import UsualDurations
from perdure.model.watching import look_interval

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHORT, LONG = timedelta(seconds=2), timedelta(seconds=30)


def run(number: int, *, age: float = 0.0, took: float | None = None, **fields: object) -> ActionsRun:
    """Return a run that began so many minutes ago, and took so many where it is over."""
    begun_at = NOW - timedelta(minutes=age)
    ended = {} if took is None else {"status": "completed", "conclusion": "success"}
    return ActionsRun.model_validate(
        {
            "repository": "acme/tools",
            "actions_run_id": number,
            "actions_workflow_id": 7,
            "html_url": "",
            "status": "in_progress",
            "run_started_at": begun_at,
            "updated_at": begun_at + timedelta(minutes=took or 0.0),
            **ended,
            **fields,
        }
    )


def taught(*minutes: float) -> UsualDurations:
    durations = UsualDurations()
    durations.learn(run(number, age=60, took=took) for number, took in enumerate(minutes))
    return durations


def test_the_usual_duration_is_the_median_of_what_passed():
    """One that took hours changes nothing, and what failed early is no measure."""
    durations = taught(9, 10, 11, 300)
    durations.learn([run(99, age=60, took=1, conclusion="failure"), run(98, age=60, took=1, conclusion=None)])
    assert durations.usual(7) == timedelta(minutes=11)
    assert durations.usual(8) is None


def test_a_run_that_is_listed_again_counts_once():
    """The same page is read hundreds of times."""
    durations = taught(10, 12, 14)
    for _ in range(50):
        durations.learn([run(0, age=60, took=10)])
    assert durations.usual(7) == timedelta(minutes=12)


def test_only_the_latest_runs_are_remembered():
    """A workflow file that has become slower is soon known to be."""
    durations = taught(*[5.0] * 30)
    durations.learn(run(100 + number, age=60, took=20) for number in range(20))
    assert durations.usual(7) == timedelta(minutes=20)


def test_an_end_is_looked_for_when_it_is_expected():
    """Not before four fifths of the usual time, then in steps of a twentieth, and not for ever."""
    durations = taught(10)
    assert durations.look_within([run(1, age=2)], NOW) == timedelta(minutes=6)
    assert durations.look_within([run(1, age=9)], NOW) == timedelta(seconds=30)
    assert durations.look_within([run(1, age=14)], NOW) == timedelta(seconds=30)
    assert durations.look_within([run(1, age=16)], NOW) is None


def test_the_first_of_all_expected_ends_counts():
    """What is unknown, over, or of another workflow file is not waited for."""
    durations = taught(10)
    others = [run(3, age=9, took=9), run(4, age=9, actions_workflow_id=8), run(5, run_started_at=None)]
    assert durations.look_within([run(1, age=2), run(2, age=7.5), *others], NOW) == timedelta(seconds=30)
    assert durations.look_within(others, NOW) is None


def test_an_expected_end_is_looked_for_although_nothing_has_changed_for_long():
    """The interval grows with each look in vain, but not past the time that counts."""
    soon = timedelta(seconds=5)
    assert look_interval(SHORT, LONG, looks_without_news=50, expected_within=soon) == soon
    assert look_interval(SHORT, LONG, looks_without_news=50, expected_within=timedelta(0)) == SHORT
    assert look_interval(SHORT, LONG, looks_without_news=50) == LONG


def test_near_the_limit_nothing_is_expected():
    """Whoever watches is the first to become slow."""
    soon = timedelta(seconds=5)
    assert look_interval(SHORT, LONG, looks_without_news=50, expected_within=soon, quota_left=0.4) == LONG
    assert look_interval(SHORT, LONG, looks_without_news=0, expected_within=soon, quota_left=0.1) == LONG


@given(
    st.integers(0, 10**9),
    st.floats(0, 1),
    st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=365)),
)
def test_the_interval_keeps_within_its_bounds(looks, quota_left, expected_within):
    """Never sooner than the shortest, never later than the longest."""
    interval = look_interval(
        SHORT, LONG, looks_without_news=looks, quota_left=quota_left, expected_within=expected_within
    )
    assert SHORT <= interval <= LONG
