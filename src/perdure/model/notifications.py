"""What is told of a pipeline, to whom, and what is known of the telling."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import Field

from perdure.model.base import Model

RECORDS_KEPT: Final = 50
"""Older records are dropped: an approval that reminds for weeks must not fill the state."""


class NotifyOn(StrEnum):
    """A moment that is told."""

    START = "start"
    WAITING = "waiting"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing comes after it."""
        return self in {NotifyOn.SUCCESS, NotifyOn.FAILURE, NotifyOn.CANCELLED}


def webhook_hears(on: Collection[NotifyOn], moment: NotifyOn) -> bool:
    """Say whether a webhook is told of a moment: of those that it names."""
    return moment in on


def mark_hears(on: Collection[NotifyOn], moment: NotifyOn) -> bool:
    """Say whether a check run or a commit status shows a moment: those that it names.

    One that may have begun is always ended too, or a commit would show it running for ever.
    """
    may_have_begun = any(not one.is_end for one in on)
    return moment in on or (moment.is_end and may_have_begun)


class ToldJob(Model):
    """A job of a pipeline, as it is told.

    Attributes:
        state: See :class:`perdure.pipeline.running.JobState`.
        html_url: Its run's page at GitHub.
        seconds: How long it took, where it has begun and ended.
    """

    key: str
    state: str
    html_url: str = ""
    reason: str = ""
    seconds: float | None = None


class ToldApproval(Model):
    """An approval that people are waited for in.

    Attributes:
        kind: ``waiting``, ``reminder`` or ``escalated``.
        message: What they are asked.
        may_decide: Whose decision is waited for; anybody's, where empty.
        missing: How many approvals are.
    """

    approval_id: str
    kind: str = "waiting"
    message: str = ""
    may_decide: tuple[str, ...] = ()
    missing: int = 0
    deadline: datetime


class News(Model):
    """One moment of one pipeline.

    Attributes:
        pipeline: Its name.
        workflow_id: Its id.
        requester: Who started it; empty where nobody knows.
        digest: Of its plan.
        at: When the moment was.
        reason: Why it ended as it did, where that was no success.
        jobs: Where they stand; of very many, those that matter most.
        jobs_left_out: How many more there are.
        undone: What was undone after a failure or a cancellation.
        left_running: Pages of runs that may go on at GitHub, or their repositories.
        approval: What waits for people.
    """

    moment: NotifyOn
    pipeline: str
    workflow_id: str
    requester: str = ""
    digest: str = ""
    started_at: datetime
    at: datetime
    reason: str = ""
    jobs: tuple[ToldJob, ...] = ()
    jobs_left_out: int = 0
    undone: tuple[ToldJob, ...] = ()
    left_running: tuple[str, ...] = ()
    approval: ToldApproval | None = None


class Message(Model):
    """What a Slack-compatible webhook is sent.

    Attributes:
        text: One line, for notifications on a phone: plain.
        sections: What is shown below each other: Slack's own markup.
        about: The workflow that a link leads to.
    """

    text: str
    sections: tuple[str, ...] = ()
    about: str = ""


class NotificationRecord(Model):
    """What came of one notification.

    Attributes:
        target: The webhook's reference, or the mark's kind, name and repository. Never an address.
        reason: Why it was not sent; empty where it was.
    """

    at: datetime
    moment: NotifyOn
    target: str
    reason: str = ""

    @property
    def was_sent(self) -> bool:
        """Whether the other side took it."""
        return not self.reason

    @property
    def line(self) -> str:
        """What came of it, for people."""
        if self.was_sent:
            return f"told {self.target} of {self.moment.value}"
        why = self.reason.removeprefix(f"{self.target}: ")
        return f"could not tell {self.target} of {self.moment.value}: {why}"


class PendingNews(Model):
    """News that a target has not taken yet.

    Attributes:
        target: Its place in the file's list.
    """

    target: int
    news: News


class NotificationState(Model):
    """What a pipeline that cuts its history remembers of its notifications.

    Attributes:
        begun: Whether its start was told.
        placed: The commits that carry its marks, by the mark's place in the file's list.
        records: What came of those that were sent, the last :data:`RECORDS_KEPT`.
        pending: What was not sent yet.
    """

    begun: bool = False
    placed: dict[int, str] = Field(default_factory=dict)
    records: tuple[NotificationRecord, ...] = ()
    pending: tuple[PendingNews, ...] = ()
