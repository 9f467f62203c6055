"""What git needs to fetch from where the API is: an address, a token, and where two commits parted."""

from __future__ import annotations

import re
from urllib.parse import quote

from perdure.config import Secret
from perdure.errors import GitHubError
from perdure.github._calls import Calls
from perdure.github._transport import repository_path
from perdure.github.auth import Scope

_SHA = re.compile(r"[0-9a-f]{40}")


class GitAccessCalls(Calls):
    """Calls about git's own access to repositories."""

    @property
    def git_url(self) -> str:
        """What comes before ``/OWNER/NAME.git``."""
        return git_url(self._transport.wire.base_url)

    async def git_token(self, repository: str) -> Secret:
        """Return a token that may read the repository and, where an App gives it out, nothing else.

        Raises:
            GitHubError: There is none to be had.
        """
        return (await self._transport.credentials.token(repository, Scope.READ)).secret

    async def find_merge_base(self, repository: str, base: str, head: str) -> str | None:
        """Return the commit where two others parted, or ``None`` where GitHub does not say."""
        path = f"/compare/{quote(base, safe='')}...{quote(head, safe='')}"
        try:
            body = await self._transport.read_object(
                repository, repository_path(repository, path), {"per_page": 1}
            )
        except GitHubError as error:
            if error.permanent:
                return None
            raise
        commit = body.get("merge_base_commit")
        sha = str(commit.get("sha") if isinstance(commit, dict) else "")
        return sha if _SHA.fullmatch(sha) else None


def git_url(api_url: str) -> str:
    """Return where git finds the repositories of an API.

    https://docs.github.com/en/enterprise-cloud@latest/admin/data-residency/about-github-enterprise-cloud-with-data-residency
    """
    url = api_url.rstrip("/").removesuffix("/api/v3")
    if url == "https://api.github.com":
        return "https://github.com"
    return re.sub(r"^https://api\.([^/]+\.ghe\.com)$", r"https://\1", url)
