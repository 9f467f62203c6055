"""Which runs of a repository have to be looked for beyond the first page of its list."""

from datetime import UTC, datetime, timedelta

from perdure.model.actions import ActionsRun
from perdure.model.watching import LIST_PAGE, Watch, listed_since, unseen_for

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)


def page(created_at: datetime, count: int = LIST_PAGE) -> dict[int, ActionsRun]:
    return {
        number: ActionsRun(
            repository="acme/tools",
            actions_run_id=number,
            status="queued",
            html_url="",
            created_at=created_at,
        )
        for number in range(count)
    }


def watches(count: int, asked_at: datetime | None = NOW) -> list[Watch]:
    return [
        Watch(workflow_id="w", actions_run_id=1000 + number, asked_at=asked_at) for number in range(count)
    ]


def test_a_full_page_of_newer_runs_hides_a_run_at_once():
    """Nobody waits out the lists' lag for a run that cannot come to the first page any more."""
    [watch] = watches(1)
    later = NOW + timedelta(seconds=2)
    assert unseen_for(watch, page(later), later)
    assert not unseen_for(watch, page(later, count=LIST_PAGE - 1), later)
    assert not unseen_for(watch, page(NOW - timedelta(seconds=2)), later)


def test_a_few_hidden_runs_are_read_by_themselves():
    """A list of pages is asked for only where it costs less than the runs one by one."""
    assert listed_since(watches(5)) is None
    assert listed_since(watches(50, asked_at=None)) is None


def test_many_hidden_runs_are_listed_from_before_the_oldest():
    """The list reaches back past clocks that differ, and its address stays the same for a while."""
    since = listed_since(watches(6) + watches(1, NOW - timedelta(minutes=1)))
    assert since == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert since == listed_since(watches(6))
