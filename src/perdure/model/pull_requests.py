"""A pull request, as far as a review of it needs to know."""

from perdure.model.base import Model
from perdure.model.names import RepositoryName


class PullRequestRef(Model):
    """Names one pull request."""

    repository: RepositoryName
    pull_number: int

    def __str__(self) -> str:
        return f"{self.repository}#{self.pull_number}"


class PullRequestFacts(Model):
    """What GitHub says of a pull request now.

    Attributes:
        state: ``open`` or ``closed``.
        author_id: The author's number, which a new login does not change.
        head_repository: Where its branch is; empty where that repository was deleted.
        base_sha: Where the base branch stands, which is not the merge base.
        maintainer_can_modify: Whether people who may push to the base may push to the head of a fork.
    """

    repository: RepositoryName
    pull_number: int
    title: str = ""
    state: str = "open"
    draft: bool = False
    merged: bool = False
    author: str = ""
    author_id: int | None = None
    head_sha: str
    head_ref: str
    head_repository: str = ""
    base_sha: str
    base_ref: str
    maintainer_can_modify: bool = False
    html_url: str = ""

    @property
    def ref(self) -> PullRequestRef:
        """Name this pull request."""
        return PullRequestRef(repository=self.repository, pull_number=self.pull_number)

    @property
    def is_from_fork(self) -> bool:
        """Whether its branch is in another repository."""
        return self.head_repository.lower() != self.repository.lower()


class FilePatch(Model):
    """What a pull request changes in one file.

    Attributes:
        patch: The hunks; ``None`` where GitHub shows none: a binary or very large file, or a mere rename.
    """

    path: str
    patch: str | None = None


class PostedReview(Model):
    """A review that is on a pull request.

    Attributes:
        author: A login; of an App it ends in ``[bot]``.
    """

    review_id: int
    author: str = ""
    body: str = ""
    commit_id: str = ""
    html_url: str = ""


class PostedComment(Model):
    """A comment that is on a pull request.

    Attributes:
        review_id: The review that it is part of; ``None`` for one on the pull request as a whole.
        path: The file that it is about.
    """

    comment_id: int
    review_id: int | None = None
    author: str = ""
    body: str = ""
    path: str = ""
    html_url: str = ""


class DraftComment(Model):
    """A comment on lines of a diff, as it is to be posted.

    Attributes:
        line: The last line, in the file as it is after the change.
        start_line: The first one, where there are several.
    """

    path: str
    line: int
    start_line: int | None = None
    body: str


class ReviewToPost(Model):
    """A review with all its comments, as it is to be posted."""

    head_sha: str
    body: str
    comments: tuple[DraftComment, ...] = ()


class GitCommit(Model):
    """A commit as git knows it."""

    sha: str
    tree_sha: str
    parents: tuple[str, ...] = ()
    message: str = ""
    html_url: str = ""


class TreeFile(Model):
    """A file in a commit: git's name for its content, and its mode."""

    path: str
    blob_sha: str
    mode: str
