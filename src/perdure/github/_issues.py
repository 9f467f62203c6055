"""Issues: opened once, and found again."""

from __future__ import annotations

from typing import Final

from perdure.errors import GitHubUnavailableError
from perdure.github._calls import Calls
from perdure.github._transport import repository_path
from perdure.github.auth import Scope

_LOOKED_THROUGH: Final = 100


class IssueCalls(Calls):
    """Calls about issues."""

    async def open_issue_once(self, repository: str, title: str, text: str, *, mark: str) -> str:
        """Open an issue whose text holds a mark, unless there is one, and return its address.

        Looked for among the newest hundred, open or closed, so that a request whose answer was lost may be
        repeated: https://docs.github.com/rest/issues/issues#list-repository-issues

        Raises:
            GitHubError: GitHub refused, or could not be asked.
        """
        path = repository_path(repository, "/issues")
        query = {"state": "all", "sort": "created", "direction": "desc", "per_page": _LOOKED_THROUGH}
        listed = (await self._transport.read(repository, path, query, scope=Scope.ISSUES)).json()
        for issue in listed if isinstance(listed, list) else []:
            if isinstance(issue, dict) and mark in str(issue.get("body") or ""):
                return str(issue.get("html_url") or "")
        answer = await self._transport.change(
            repository, path, json={"title": title, "body": text}, scope=Scope.ISSUES
        )
        if not answer.is_success:
            raise self._transport.error(answer, repository)
        url = answer.json_object().get("html_url")
        if not isinstance(url, str):
            raise GitHubUnavailableError("GitHub opened an issue without an address", status=answer.status)
        return url
