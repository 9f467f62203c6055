"""What the emulator remembers about pull requests, their reviews and the talk about them."""

from datetime import datetime
from typing import ClassVar

from perdure.emulator.records import Record


class PullRequest(Record):
    """A pull request. ``head_sha`` is where its branch stood when this was looked at last."""

    kind: ClassVar[str] = "pull"
    repository: str
    number: int
    title: str
    body: str | None = None
    author: str
    state: str = "open"
    is_draft: bool = False
    head_repository: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    maintainer_can_modify: bool = True
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None = None

    @property
    def is_from_fork(self) -> bool:
        """Whether its branch is in another repository."""
        return self.head_repository.lower() != self.repository.lower()


class Review(Record):
    """A review of a pull request, on one commit."""

    kind: ClassVar[str] = "review"
    pull_id: int
    author: str
    body: str = ""
    state: str
    commit_id: str
    submitted_at: datetime | None = None


class ReviewComment(Record):
    """A comment on a line of a pull request's diff, or on one of its files."""

    kind: ClassVar[str] = "review_comment"
    pull_id: int
    review_id: int
    author: str
    body: str
    path: str
    commit_id: str
    line: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None
    position: int | None = None
    diff_hunk: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def subject_type(self) -> str:
        """What it is about."""
        return "line" if self.line is not None else "file"


class IssueComment(Record):
    """A comment on an issue or a pull request as a whole."""

    kind: ClassVar[str] = "issue_comment"
    repository: str
    number: int
    author: str
    app_id: int | None = None
    body: str
    created_at: datetime
    updated_at: datetime
