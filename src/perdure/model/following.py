"""Following a run: what is news about it, and what to do about it."""

from datetime import datetime, timedelta
from enum import StrEnum

from perdure.model.actions import ActionInput, ActionsRun
from perdure.model.base import Model

# https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
_BEFORE_A_RUNNER = frozenset({"queued", "requested", "waiting", "pending"})

_LONGEST_NEWS = 10_000

LONGEST_RECONCILE_INTERVAL = timedelta(minutes=30)


class FollowMove(StrEnum):
    """The one thing to do next about a run."""

    WAIT = "wait"
    FINISH = "finish"
    GIVE_UP_QUEUED = "give-up-queued"
    GIVE_UP_RUNNING = "give-up-running"
    REFUSE_COMMIT = "refuse-commit"


class Followed(Model):
    """A run as it was last seen.

    Attributes:
        actions_run: What GitHub said last.
        queued_at: When this attempt was dispatched or re-run.
        running_since: When it was first seen past the queue; ``None`` before.
        seen_pending: Whether its concurrency group was seen holding it back.
    """

    actions_run: ActionsRun
    queued_at: datetime
    running_since: datetime | None = None
    seen_pending: bool = False

    def after(self, seen: ActionsRun, now: datetime) -> "Followed":
        """Return what is known once ``seen`` was seen. News may come late, twice, or out of order."""
        if not is_news(self.actions_run, seen):
            return self
        left_queue = self.running_since is None and seen.status not in _BEFORE_A_RUNNER
        return Followed(
            actions_run=seen,
            queued_at=self.queued_at,
            running_since=now if left_queue else self.running_since,
            seen_pending=self.seen_pending or seen.status == "pending",
        )


def is_news(known: ActionsRun, seen: ActionsRun) -> bool:
    """Say whether ``seen`` is newer than, and differs from, what is known of the same run."""
    if seen.actions_run_id != known.actions_run_id or seen.actions_run_attempt < known.actions_run_attempt:
        return False
    if seen.actions_run_attempt > known.actions_run_attempt:
        return True
    if known.is_completed:
        return False
    if seen.updated_at and known.updated_at and seen.updated_at < known.updated_at:
        return False
    return (seen.status, seen.conclusion, seen.html_url, seen.head_sha) != (
        known.status,
        known.conclusion,
        known.html_url,
        known.head_sha,
    )


def is_believable(known: ActionsRun, seen: ActionsRun) -> bool:
    """Say whether news of a run may be taken as they were told; else the run itself is read.

    Whoever reaches the engine can send them. An attempt that does not exist would make everything that
    GitHub says later look old, and texts of any length do not fit where they are shown.
    """
    length = sum(len(value) for value in vars(seen).values() if isinstance(value, str))
    return seen.actions_run_attempt <= known.actions_run_attempt and length <= _LONGEST_NEWS


def is_queued(actions_run: ActionsRun) -> bool:
    """Say whether no runner has picked the run up yet."""
    return actions_run.status in _BEFORE_A_RUNNER


def next_follow_move(input: ActionInput, followed: Followed, now: datetime) -> FollowMove:
    """Decide what to do next about a run."""
    head_sha = followed.actions_run.head_sha
    if input.expect_sha and head_sha and head_sha != input.expect_sha:
        return FollowMove.REFUSE_COMMIT
    if followed.actions_run.is_completed:
        return FollowMove.FINISH
    deadline = next_deadline(input, followed)
    if deadline is None or now < deadline:
        return FollowMove.WAIT
    return FollowMove.GIVE_UP_QUEUED if followed.running_since is None else FollowMove.GIVE_UP_RUNNING


def next_deadline(input: ActionInput, followed: Followed) -> datetime | None:
    """Return when the time limit ends that counts at present: the queue's, then the run's."""
    if followed.running_since is None:
        return followed.queued_at + input.queue_timeout if input.queue_timeout else None
    return followed.running_since + input.run_timeout if input.run_timeout else None


def patience(base: timedelta, looks_without_news: int) -> timedelta:
    """Return how long to wait for news before the run is read: longer each time nothing had changed."""
    longer: timedelta = base * 2 ** min(looks_without_news, 20)
    return min(longer, max(base, LONGEST_RECONCILE_INTERVAL))
