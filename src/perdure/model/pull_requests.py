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
