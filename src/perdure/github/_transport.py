"""Requests in somebody's name: with a token, renewed once where GitHub refuses it, and conditional reads."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from urllib.parse import urlencode

from perdure.errors import GitHubError, GitHubUnavailableError, InvalidInputError
from perdure.github._answers import Answer, RateLimit, error_for
from perdure.github._etags import EtagCache
from perdure.github._pacer import Pacer
from perdure.github._requests import DownloadRefusedError, Sending, UnansweredError, unavailable
from perdure.github._wire import Wire
from perdure.github.auth import AccessToken, Credentials, Scope, naming
from perdure.github.pacing import urgency_of
from perdure.model.names import REPOSITORY_PATTERN

MAX_PAGES: Final = 10
"""GitHub gives at most 1,000 results of a filtered list."""

_FREE_OF_CHARGE: Final = "/rate_limit"
"""Counts for no limit: https://docs.github.com/rest/rate-limit/rate-limit"""

_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*rel="next"')


class Transport:
    """What every call of the client goes through.

    Attributes:
        wire: The exchanges themselves.
    """

    def __init__(self, wire: Wire, credentials: Credentials) -> None:
        self.wire = wire
        self.credentials = credentials
        self._pacer = Pacer(wire.now)
        self._etags = EtagCache()

    @property
    def rate_limits(self) -> dict[str, RateLimit]:
        """The quotas as they were told last, by whose they are."""
        return self._pacer.quotas

    async def read(
        self,
        repository: str | None,
        path: str,
        query: Mapping[str, object] | None = None,
        *,
        scope: Scope = Scope.READ,
    ) -> Answer:
        """GET with a token for the repository; 304 becomes the answer that it stands for.

        Raises:
            GitHubError: There is no answer, or it is no success.
        """
        url = path + (f"?{urlencode({name: str(value) for name, value in query.items()})}" if query else "")
        try:
            answer = await self.send(repository, Sending("GET", url), scope)
        except UnansweredError as error:
            raise unavailable(error) from None
        if not answer.is_success:
            raise self.error(answer, repository)
        return answer

    async def read_as(self, token: AccessToken, path: str, query: Mapping[str, object]) -> Answer:
        """GET with a token that somebody holds already.

        Raises:
            GitHubError: There is no answer, or it is no success.
        """
        url = f"{path}?{urlencode({name: str(value) for name, value in query.items()})}"
        try:
            answer = await self._send_as(token, Sending("GET", url), None)
        except UnansweredError as error:
            raise unavailable(error) from None
        if not answer.is_success:
            raise self.error(answer, None)
        return answer

    async def read_object(
        self, repository: str | None, path: str, query: Mapping[str, object] | None = None
    ) -> dict[str, Any]:
        """GET a JSON object."""
        return (await self.read(repository, path, query)).json_object()

    async def read_pages(  # noqa: PLR0913 - keywords, most of them left out
        self,
        repository: str,
        path: str,
        query: Mapping[str, object],
        *,
        items: str | None,
        max_pages: int | None = None,
        scope: Scope = Scope.READ,
    ) -> list[dict[str, Any]]:
        """GET every page of a list, or the first ones, as the ``Link`` headers lead.

        Args:
            repository: ``owner/name``.
            path: Of the list.
            query: Of the first page.
            items: Where the list is in the body; ``None`` where the body is the list.
            max_pages: How many pages at most.
            scope: What the token is for.
        """
        found: list[dict[str, Any]] = []
        answer = await self.read(repository, path, query, scope=scope)
        for number in range(1, (max_pages or MAX_PAGES) + 1):
            page = answer.json() if items is None else answer.json_object().get(items)
            if not isinstance(page, list) or not all(isinstance(item, dict) for item in page):
                msg = f"{answer.asked} answered without a list of {items or 'objects'}"
                raise GitHubUnavailableError(msg, status=answer.status)
            found += page
            following = next_page_of(answer, self.wire)
            if following is None or number == (max_pages or MAX_PAGES):
                break
            answer = await self.read(repository, following, scope=scope)
        return found

    async def change(
        self,
        repository: str | None,
        path: str,
        *,
        method: str = "POST",
        json: Mapping[str, object] | None = None,
        scope: Scope = Scope.WRITE,
    ) -> Answer:
        """Send a change that is safe to repeat, and return its answer whatever the status.

        Raises:
            GitHubUnavailableError: There is no answer.
        """
        try:
            return await self.send(repository, Sending(method, path, json), scope)
        except UnansweredError as error:
            raise unavailable(error) from None

    async def send(self, repository: str | None, sending: Sending, scope: Scope) -> Answer:
        """Send a request once; after a 401, which changed nothing, once more with a new token.

        Raises:
            UnansweredError: There is no whole answer.
            GitHubError: No token could be had, or GitHub's limits do not allow it for a while.
        """
        token = await self.credentials.token(repository, scope)
        answer = await self._send_as(token, sending, repository)
        if answer.status == 401 and self.credentials.refused(repository, scope, token):
            token = await self.credentials.token(repository, scope)
            answer = await self._send_as(token, sending, repository)
        return answer

    async def _send_as(self, token: AccessToken, sending: Sending, repository: str | None) -> Answer:
        if sending.path.partition("?")[0] == _FREE_OF_CHARGE:
            return await self._exchange(token, sending)
        urgency = urgency_of(sending.method, sending.path)
        async with self._pacer.turn(token.identity, repository, urgency) as learn:
            answer = await self._exchange(token, sending)
            learn(answer)
        return (
            self._etags.settle(token.secret.reveal(), sending.path, answer)
            if sending.method == "GET"
            else answer
        )

    async def _exchange(self, token: AccessToken, sending: Sending) -> Answer:
        value = token.secret.reveal()
        headers = {"Authorization": f"Bearer {value}"}
        if sending.method == "GET" and (etag := self._etags.etag(value, sending.path)) is not None:
            headers["If-None-Match"] = etag
        return await self.wire.exchange(sending, headers)

    @asynccontextmanager
    async def download(self, repository: str, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a log or an artifact as chunks of bytes.

        Raises:
            GitHubError: It cannot be had; the error's ``status`` says why.
        """
        async with AsyncExitStack() as opened:
            try:
                yield await self._open_download(opened, repository, path)
            except UnansweredError as error:
                raise unavailable(error) from None

    async def _open_download(
        self, opened: AsyncExitStack, repository: str, path: str
    ) -> AsyncIterator[bytes]:
        renewed = False
        while True:
            token = await self.credentials.token(repository, Scope.READ)
            headers = {"Authorization": f"Bearer {token.secret.reveal()}"}
            try:
                # The redirect to where it is kept is one request; reading it is none of the API's.
                async with self._pacer.turn(token.identity, repository, urgency_of("GET", path)):
                    return await opened.enter_async_context(self.wire.download(path, headers))
            except DownloadRefusedError as refusal:
                answer = refusal.answer
            if renewed or answer.status != 401 or not self.credentials.refused(repository, Scope.READ, token):
                raise self.error(answer, repository)
            renewed = True

    def error(self, answer: Answer, repository: str | None) -> GitHubError:
        """Return the error that an answer is, with the repository in its message."""
        return naming(error_for(answer), repository)


def next_page_of(answer: Answer, wire: Wire) -> str | None:
    """Return the path of a list's next page, or ``None`` after its last."""
    following = _NEXT.search(answer.headers.get("link", ""))
    return wire.path_of(following[1]) if following else None


def repository_path(repository: str, rest: str = "") -> str:
    """Return the path of a repository, whose name is checked: it comes from outside.

    Raises:
        InvalidInputError: It is no repository's name.
    """
    if not re.fullmatch(REPOSITORY_PATTERN, repository) or repository.partition("/")[2] in {".", ".."}:
        raise InvalidInputError(f"{repository!r} is no repository", hint="write it as OWNER/NAME")
    return f"/repos/{repository}{rest}"
