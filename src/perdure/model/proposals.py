"""Changes to files that somebody is asked to take: a branch, a commit and a pull request."""

from perdure.model.base import Model
from perdure.model.names import RepositoryName


class Proposal(Model):
    """What shall be proposed.

    Attributes:
        base: The branch that the pull request is for.
        branch: The branch that carries the change; it belongs to proposals of this kind alone.
        files: The whole content of each file that differs, by its path.
        message: The commit's.
        body: The pull request's text, in Markdown.
    """

    repository: RepositoryName
    base: str
    branch: str
    files: dict[str, bytes]
    message: str
    title: str
    body: str = ""


class ProposedPull(Model):
    """The pull request that there is now.

    Attributes:
        commit_sha: Its head.
        is_new: Whether it was opened just now; otherwise it was open.
    """

    pull_number: int
    html_url: str
    commit_sha: str
    is_new: bool
