"""Check runs and commit statuses: what Perdure shows beside a commit at GitHub."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from perdure.model.base import Model

MAX_SUMMARY: Final = 60_000
"""GitHub takes 65,535 characters in a check run's summary."""

MAX_DESCRIPTION: Final = 140
"""GitHub takes as many characters in a commit status."""


class CheckStatus(StrEnum):
    """Where a check run stands."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class CheckRun(Model):
    """A check run as it shall be at GitHub.

    Attributes:
        head_sha: The commit that carries it.
        external_id: Our own name for it: with ``name``, it is what an earlier attempt is recognised by.
        conclusion: How it ended, in GitHub's words; only where ``status`` says that it did.
        title: One line.
        summary: Markdown; what is longer than GitHub takes is cut.
        details_url: Where to read more.
    """

    name: str
    head_sha: str
    external_id: str
    status: CheckStatus = CheckStatus.IN_PROGRESS
    conclusion: str | None = None
    title: str
    summary: str = ""
    details_url: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class CommitStatus(Model):
    """A commit status as it shall be at GitHub.

    Attributes:
        context: What it is called; the newest of a context is the one that counts.
        state: ``pending``, ``success``, ``failure`` or ``error``.
        description: One line; what is longer than GitHub takes is cut.
        target_url: Where to read more.
    """

    context: str
    sha: str
    state: str
    description: str = ""
    target_url: str | None = None


class PlacedMark(Model):
    """A check run or a commit status that is at GitHub.

    Attributes:
        sha: The commit that carries it.
        mark_id: GitHub's number of it.
        html_url: Its page.
    """

    sha: str
    mark_id: int
    html_url: str = ""
