"""Watching a repository: who waits for which run, and how often to look."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import Field

from perdure.model import queues
from perdure.model.actions import ActionsRun
from perdure.model.base import Model
from perdure.model.dispatch import CLOCK_SKEW
from perdure.model.names import RepositoryName

LIST_LAG = timedelta(seconds=10)
"""A run younger than this may be missing from GitHub's list although it exists."""


LIST_PAGE = 100
"""Runs on a page of GitHub's list, the newest first."""

_FEW = 5
"""As many runs that the first page does not show are read one by one."""


class Watch(Model):
    """One workflow that waits for one attempt of one run.

    Attributes:
        workflow_id: Who is told.
        actions_run_id: Which run.
        actions_run_attempt: The attempt that is waited for; earlier ones are not news.
        asked_at: When that attempt was asked for, by a dispatch or a re-run.
        dispatch_id: What the run carries in its name, where its workflow file shows it.
    """

    workflow_id: str
    actions_run_id: int
    actions_run_attempt: int = 1
    asked_at: datetime | None = None
    dispatch_id: str = ""

    @property
    def key(self) -> str:
        """Tell one wait from another."""
        return f"{self.actions_run_id}.{self.actions_run_attempt}/{self.workflow_id}"


class NumberedWatch(Model):
    """A watch with its place in the order in which a watcher was asked."""

    number: int
    watch: Watch


class WatcherInput(Model):
    """What a repository's watcher is started with, and what it hands to itself."""

    repository: RepositoryName
    watches: tuple[NumberedWatch, ...] = ()
    next_number: int = 1


class WatchPage(Model):
    """Watches that were asked for after a given number: at most :data:`PAGE_SIZE`."""

    watches: tuple[NumberedWatch, ...] = ()
    more: bool = False


PAGE_SIZE = 500


class WatchRunsInput(Model):
    """Input of the watcher's one long activity."""

    repository: RepositoryName
    watcher_workflow_id: str


class WatchRunsResult(Model):
    """Watches that are over, by key, when the activity hands back to its workflow.

    Each with its number: a workflow may have asked again since, and that wait is not over.
    """

    done: dict[str, int] = Field(default_factory=dict)


def watcher_id(repository: str, workflow_task_queue: str) -> str:
    """Return the id of the repository's watcher: each tier has its own, run by its own workers."""
    return f"watch/{repository.lower()}{queues.suffix_of(workflow_task_queue)}"


def look_interval(
    shortest: timedelta,
    longest: timedelta,
    *,
    looks_without_news: int,
    quota_left: float = 1.0,
    expected_within: timedelta | None = None,
) -> timedelta:
    """Return how long to wait before the next look.

    Each look without news waits half as long again, up to the longest, but not past the time at which an end
    is expected. With less than half of the quota left nothing is expected; with less than a fifth the longest
    applies at once, so that dispatching is not starved by watching.

    Args:
        shortest: Right after news.
        longest: Never more than this.
        looks_without_news: In a row.
        quota_left: Part of the installation's hourly requests that is left, 0 to 1.
        expected_within: How soon the end of a run is to be looked for, where that is known.
    """
    if quota_left < 0.2:
        return longest
    interval = shortest * 1.5 ** min(looks_without_news, 20)
    if expected_within is not None and quota_left >= 0.5:
        interval = min(interval, max(expected_within, shortest))
    return min(longest, interval)


def unseen_for(watch: Watch, listed: dict[int, ActionsRun], now: datetime) -> bool:
    """Say whether a run is not on the list, and not for being too new."""
    if watch.actions_run_id in listed:
        return False
    if watch.asked_at is None or now - watch.asked_at > LIST_LAG:
        return True
    # A full page of newer runs hides it however long one waits.
    newer = (run for run in listed.values() if run.created_at and run.created_at > watch.asked_at)
    return len(listed) >= LIST_PAGE and len(listed) == sum(1 for _ in newer)


def listed_since(unseen: Sequence[Watch]) -> datetime | None:
    """Return from when on runs are listed to find those that the list's first page does not show.

    ``None`` where there are so few that each is read by itself sooner. The time is a round one, so that the
    same list is asked for again and costs no quota while nothing changes.
    """
    asked_at = [watch.asked_at for watch in unseen if watch.asked_at is not None]
    if len(asked_at) <= _FEW:
        return None
    earliest = min(asked_at) - CLOCK_SKEW
    return earliest.replace(minute=earliest.minute // 10 * 10, second=0, microsecond=0)


def concerns(watch: Watch, actions_run: ActionsRun) -> bool:
    """Say whether what was seen is of the attempt that is waited for, or a later one."""
    return actions_run.actions_run_attempt >= watch.actions_run_attempt


def is_over(watch: Watch, actions_run: ActionsRun) -> bool:
    """Say whether nothing more can come for this watch."""
    return concerns(watch, actions_run) and actions_run.is_completed
