"""The repositories of an organisation or a user."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from perdure.errors import GitHubRefusedError, GitHubUnavailableError, RepositoryNotFoundError
from perdure.github._calls import Calls
from perdure.github.app_auth import AppAuth
from perdure.github.facts import RepositoryFacts

_PER_PAGE: Final = 100


class OrganizationCalls(Calls):
    """Calls about organisations."""

    async def list_repositories(
        self, organization: str, *, page: int = 1
    ) -> tuple[list[RepositoryFacts], int | None]:
        """Return one page of an organisation's or a user's repositories, and the number of the next page.

        They come in the order of their creation, so that a repository which is made meanwhile moves none
        from one page to another. With a plain token they are those that the token can see; with an App,
        those that it is installed for.

        Raises:
            RepositoryNotFoundError: There is no such organisation or user.
        """
        query = {"per_page": _PER_PAGE, "page": page, "sort": "created", "direction": "asc"}
        credentials = self._transport.credentials
        if isinstance(credentials, AppAuth):
            body = await self._of_installation(credentials, organization, query)
        else:
            body = await self._of_account(quote(organization, safe=""), query)
        if body is None:
            raise RepositoryNotFoundError(
                f"there is no organisation or user {organization!r}, or these credentials cannot see it",
                hint="check the spelling, and what the credentials may see: perdure doctor",
                status=404,
            )
        facts = [_facts(each) for each in body if isinstance(each, dict)]
        return facts, page + 1 if len(body) == _PER_PAGE else None

    async def _of_installation(
        self, app: AppAuth, organization: str, query: dict[str, object]
    ) -> list[Any] | None:
        token = await app.account_token(quote(organization, safe=""))
        if token is None:
            return None
        answer = await self._transport.read_as(token, "/installation/repositories", query)
        return _list_in(answer.json_object().get("repositories"))

    async def _of_account(self, name: str, query: dict[str, object]) -> list[Any] | None:
        for kind in ("orgs", "users"):
            try:
                found = (await self._transport.read(None, f"/{kind}/{name}/repos", query)).json()
            except GitHubRefusedError as error:
                if error.status != 404:
                    raise
            else:
                return _list_in(found)
        return None


def _list_in(body: object) -> list[Any]:
    if not isinstance(body, list):
        raise GitHubUnavailableError("GitHub answered without a list of repositories")
    return body


def _facts(body: dict[str, Any]) -> RepositoryFacts:
    return RepositoryFacts(
        repository=str(body.get("full_name") or ""),
        default_branch=str(body.get("default_branch") or "main"),
        private=bool(body.get("private")),
        archived=bool(body.get("archived")),
        fork=bool(body.get("fork")),
        html_url=str(body.get("html_url") or ""),
    )
