"""Posting what must not stand there twice.

GitHub has no idempotency key for reviews, comments or commits. So such a request is sent once, and what came
of it is one of three: it was made, it was refused, or nobody knows. Whoever posts looks before, and looks
again where nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from perdure.errors import GitHubError, GitHubUnavailableError
from perdure.github._answers import Answer, retry_after_of
from perdure.github._calls import Calls
from perdure.github._requests import Sending, UnansweredError, unavailable
from perdure.github._transport import repository_path
from perdure.github.app_auth import AppAuth
from perdure.github.auth import Scope

_CERTAINLY_NOTHING: Final = {301, 302, 303, 307, 308, *range(400, 500)} - {408}
MAX_PAGES: Final = 100


T = TypeVar("T")


@dataclass(frozen=True)
class Posting(Generic[T]):
    """What came of posting something once.

    Attributes:
        made: What GitHub made; ``None`` where nobody knows whether it made anything.
        reason: Why nobody knows.
    """

    made: T | None
    reason: str = ""


class PostingCalls(Calls):
    """Calls that post, and calls about who posts."""

    _login: str | None = None

    async def own_login(self) -> str:
        """Return the login under which these credentials post.

        The tokens of GitHub's own jobs cannot ask who they are; they post as ``github-actions[bot]``.
        """
        if self._login is None:
            self._login = await self._ask_login() or "github-actions[bot]"
        return self._login

    async def _ask_login(self) -> str:
        credentials = self._transport.credentials
        if isinstance(credentials, AppAuth):
            return f"{(await credentials.app())['slug']}[bot]"
        try:
            return str((await self._transport.read_object(None, "/user")).get("login") or "")
        except GitHubError as error:
            if error.status not in {403, 404}:
                raise
            return ""

    async def _post_once(
        self, sending: Sending, repository: str, read: Callable[[dict[str, Any]], T]
    ) -> Posting[T]:
        try:
            answer = await self._transport.send(repository, sending, Scope.REVIEWS)
        except UnansweredError as error:
            if not error.sent:
                raise unavailable(error) from None
            return Posting(None, str(error))
        if answer.is_success:
            return _made(answer, read)
        if answer.status in _CERTAINLY_NOTHING or retry_after_of(answer) is not None:
            raise self._transport.error(answer, repository)
        return Posting(None, f"{answer.asked} answered {answer.status}")

    async def _listed(
        self, repository: str, end: str, query: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        return await self._transport.read_pages(
            repository,
            repository_path(repository, end),
            {"per_page": 100, **(query or {})},
            items=None,
            max_pages=MAX_PAGES,
        )


def _made(answer: Answer, read: Callable[[dict[str, Any]], T]) -> Posting[T]:
    try:
        return Posting(read(answer.json_object()))
    except GitHubUnavailableError as error:
        return Posting(None, str(error))


def login_of(body: dict[str, Any]) -> str:
    """Return who made something; deleted accounts have no name."""
    user = body.get("user")
    return str(user.get("login") or "") if isinstance(user, dict) else ""
