"""Who Perdure is at GitHub: an App, or the owner of a plain token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from perdure.config import Secret
from perdure.errors import GitHubError, RepositoryNotFoundError


class Scope(StrEnum):
    """What a token is for. Each request gets the least that does."""

    READ = "read"
    WRITE = "write"
    CHECKS = "checks"
    STATUSES = "statuses"
    REVIEWS = "reviews"
    COMMITS = "commits"
    ISSUES = "issues"


@dataclass(frozen=True)
class AccessToken:
    """A token for requests about one repository.

    Attributes:
        secret: The token itself.
        identity: Whose quota it uses, such as ``installation 42``.
        expires_at: By GitHub's clock; ``None`` where it is not known.
        permissions: What it may do, where GitHub said so.
    """

    secret: Secret
    identity: str
    expires_at: datetime | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)


class Credentials(Protocol):
    """Gives out tokens."""

    async def token(self, repository: str | None, scope: Scope) -> AccessToken:
        """Return a token that is good for a while."""
        ...

    def identity(self, repository: str) -> str | None:
        """Return whose quota requests about a repository use, where that is known already."""
        ...

    def refused(self, repository: str | None, scope: Scope, token: AccessToken) -> bool:
        """Take note that GitHub answered 401; say whether another token may do better."""
        ...

    async def not_found(self, repository: str) -> RepositoryNotFoundError:
        """Return the error that says why a repository cannot be seen."""
        ...

    async def close(self) -> None:
        """Stop what is under way."""
        ...


class TokenAuth:
    """A plain token, for trying out and for GitHub's own ``GITHUB_TOKEN``."""

    def __init__(self, secret: Secret) -> None:
        self._token = AccessToken(secret=secret, identity="token")

    async def token(self, repository: str | None, scope: Scope) -> AccessToken:
        """Return the token, whatever it is for."""
        return self._token

    def identity(self, repository: str) -> str | None:
        """Return the one quota there is."""
        return self._token.identity

    def refused(self, repository: str | None, scope: Scope, token: AccessToken) -> bool:
        """There is no other token."""
        return False

    async def not_found(self, repository: str) -> RepositoryNotFoundError:
        """Say what may be wrong."""
        return RepositoryNotFoundError(
            f"{repository}: the repository does not exist, or the token cannot see it",
            hint="check the spelling, and that the token has access to the repository",
            status=404,
        )

    async def close(self) -> None:
        """Nothing is ever under way."""


def naming(error: GitHubError, repository: str | None) -> GitHubError:
    """Return the error with the repository in its message."""
    if repository and repository not in str(error):
        error.args = (f"{repository}: {error}",)
    return error
