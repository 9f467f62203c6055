"""Refuses every request that would change a repository that is not a rehearsal's own.

It stands in the HTTP client itself, below everything that decides what to send: whatever a pipeline says,
whatever a workflow was tricked into, no such request leaves the process.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

import httpx2

from perdure.errors import WriteGuardError

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_REPOSITORY = re.compile(r"(?:/api/v3)?/repos/([^/]+)/([^/]+)(?:/|$)")
# A token for an installation changes nothing, and every read needs one:
# https://docs.github.com/rest/apps/apps#create-an-installation-access-token-for-an-app
_TOKEN = re.compile(r"(?:/api/v3)?/app/installations/\d+/access_tokens")


class WriteGuard:
    """Lets changes through for named repositories alone.

    Attributes:
        refused: Each request that was refused: its method and path.
    """

    def __init__(self, repositories: Collection[str]) -> None:
        """Let changes through.

        Args:
            repositories: ``owner/name`` of those that may be changed.
        """
        self.refused: list[str] = []
        self._allowed = frozenset(name.casefold() for name in repositories)

    async def __call__(self, request: httpx2.Request) -> None:
        """Check a request right before it is sent.

        Raises:
            WriteGuardError: It may not be sent.
        """
        if not self._may_send(request.method, request.url.path):
            asked = f"{request.method} {request.url.path}"
            self.refused.append(asked)
            raise WriteGuardError(f"a rehearsal may not send {asked}: it changes what is not its own")

    def _may_send(self, method: str, path: str) -> bool:
        if method.upper() in _READS or _TOKEN.fullmatch(path):
            return True
        # A path that a server may read otherwise than it stands here is nobody's.
        parts = unquote(path).split("/")
        if ".." in parts or "." in parts or "" in parts[1:]:
            return False
        found = _REPOSITORY.match(unquote(path))
        return found is not None and f"{found[1]}/{found[2]}".casefold() in self._allowed
