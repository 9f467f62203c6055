"""How much of GitHub's limits is left, whoever has used it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from perdure.errors import GitHubError, GitHubUnavailableError
from perdure.github._calls import Calls
from perdure.github.app_auth import AppAuth
from perdure.github.facts import QuotaFacts

_RATE_LIMIT: Final = "/rate_limit"


class QuotaCalls(Calls):
    """Calls about quotas. They count for none."""

    async def read_quota(self, repository: str | None) -> QuotaFacts | None:
        """Return the quota that requests about a repository use, or ``None`` where there is none.

        A GitHub Enterprise Server without limits has no such page: https://docs.github.com/rest/rate-limit/rate-limit
        """
        try:
            return _quota("", await self._transport.read_object(repository, _RATE_LIMIT))
        except GitHubError as error:
            if error.status != 404:
                raise
            return None

    async def list_quotas(self, *, most: int = 10) -> list[QuotaFacts]:
        """Return the quotas of the App's installations, by account; of the first ones, where there are many.

        Raises:
            GitHubError: GitHub does not list the installations.
        """
        app = self._transport.credentials
        if not isinstance(app, AppAuth):
            return []
        listed = (await self._transport.read(None, "/app/installations", {"per_page": most})).json()
        if not isinstance(listed, list):
            raise GitHubUnavailableError("GitHub listed the App's installations in another shape")
        found = []
        for account in [login for each in listed if (login := _login(each))]:
            try:
                token = await app.account_token(account)
                answer = await self._transport.read_as(token, _RATE_LIMIT, {}) if token else None
            except GitHubError:
                # Suspended, or without limits: it has nothing to tell.
                continue
            if answer is not None and (quota := _quota(account, answer.json_object())) is not None:
                found.append(quota)
        return found


def _login(installation: object) -> str:
    account = installation.get("account") if isinstance(installation, dict) else None
    return str(account.get("login") or "") if isinstance(account, dict) else ""


def _quota(account: str, limits: Mapping[str, Any]) -> QuotaFacts | None:
    resources = limits.get("resources")
    core = resources.get("core") if isinstance(resources, dict) else None
    if not isinstance(core, dict):
        return None
    try:
        return QuotaFacts.model_validate(
            {
                "account": account,
                "requests_left": core.get("remaining"),
                "requests_limit": core.get("limit"),
                "resets_at": core.get("reset"),
            }
        )
    except ValidationError:
        return None
