"""Commits made of git's own objects, and branches that move only forwards.

Blobs, trees and commits lead nowhere until a ref does: what is repeated leaves at most an object that nobody
sees. The one step that counts, moving the branch, is refused by GitHub where somebody has pushed in between.
https://docs.github.com/rest/git
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from perdure.errors import GitHubRefusedError, GitHubUnavailableError
from perdure.github._calls import Calls
from perdure.github._transport import repository_path
from perdure.github.auth import Scope
from perdure.model.pull_requests import GitCommit, TreeFile

_FILE_MODES: Final = ("100644", "100755")


class Moved(StrEnum):
    """What came of moving a branch."""

    YES = "yes"
    BEHIND = "behind"
    """It is somewhere else: the commit does not follow its head."""
    GONE = "gone"


class CommitCalls(Calls):
    """Calls about git's objects."""

    async def get_git_commit(self, repository: str, sha: str) -> GitCommit:
        """Read a commit."""
        path = repository_path(repository, f"/git/commits/{quote(sha)}")
        return _commit(await self._transport.read_object(repository, path))

    async def find_tree_file(self, repository: str, tree_sha: str, path: str) -> TreeFile | None:
        """Return a file of a tree, or ``None`` where no plain file is there: a folder, link or submodule.

        One request for each folder on the way: a whole tree may be cut off.
        """
        *folders, name = path.split("/")
        for folder in folders:
            entry = await self._entry(repository, tree_sha, folder)
            if entry is None or entry.get("type") != "tree":
                return None
            tree_sha = str(entry["sha"])
        entry = await self._entry(repository, tree_sha, name)
        if entry is None or entry.get("mode") not in _FILE_MODES:
            return None
        return TreeFile(path=path, blob_sha=str(entry["sha"]), mode=str(entry["mode"]))

    async def read_blob(self, repository: str, sha: str) -> bytes:
        """Return a file's content by git's name for it, up to 100 MB."""
        path = repository_path(repository, f"/git/blobs/{quote(sha)}")
        body = await self._transport.read_object(repository, path)
        try:
            return base64.b64decode(str(body.get("content") or ""))
        except binascii.Error:
            raise GitHubUnavailableError(f"{repository}: the blob {sha} cannot be read") from None

    async def commit_files(
        self, repository: str, parent: GitCommit, files: Mapping[TreeFile, bytes], message: str
    ) -> GitCommit:
        """Make a commit that no branch leads to yet. Safe to repeat.

        Author and date are left to GitHub, which signs the commits of Apps then:
        https://docs.github.com/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
        """
        entries = [
            {
                "path": file.path,
                "mode": file.mode,
                "type": "blob",
                "sha": await self._create_blob(repository, content),
            }
            for file, content in files.items()
        ]
        tree = await self._create(repository, "/git/trees", {"base_tree": parent.tree_sha, "tree": entries})
        wanted = {"message": message, "tree": tree["sha"], "parents": [parent.sha]}
        return _commit(await self._create(repository, "/git/commits", wanted))

    async def advance_branch(self, repository: str, branch: str, sha: str) -> Moved:
        """Let a branch lead to a commit that follows its head. Never forced.

        Raises:
            GitHubUnavailableError: There is no answer; the branch may have moved.
        """
        path = repository_path(repository, f"/git/refs/heads/{quote(branch)}")
        answer = await self._transport.change(
            repository, path, method="PATCH", json={"sha": sha, "force": False}, scope=Scope.COMMITS
        )
        if answer.is_success:
            return Moved.YES
        if answer.status == 422 and "not a fast forward" in answer.message:
            return Moved.BEHIND
        if answer.status == 422 and "does not exist" in answer.message:
            return Moved.GONE
        raise self._transport.error(answer, repository)

    async def list_commits(self, repository: str, branch: str) -> list[GitCommit]:
        """List the last hundred commits of a branch, newest first; none where there is no such branch."""
        query = {"sha": f"refs/heads/{branch}", "per_page": 100}
        try:
            found = await self._transport.read_pages(
                repository, repository_path(repository, "/commits"), query, items=None, max_pages=1
            )
        except GitHubRefusedError as error:
            if error.status not in {404, 409}:
                raise
            return []
        return [_listed(one) for one in found]

    async def _entry(self, repository: str, tree_sha: str, name: str) -> dict[str, Any] | None:
        path = repository_path(repository, f"/git/trees/{quote(tree_sha)}")
        entries = (await self._transport.read_object(repository, path)).get("tree")
        found = [each for each in entries or [] if isinstance(each, dict) and each.get("path") == name]
        return found[0] if found else None

    async def _create_blob(self, repository: str, content: bytes) -> str:
        body = {"content": base64.b64encode(content).decode(), "encoding": "base64"}
        return str((await self._create(repository, "/git/blobs", body))["sha"])

    async def _create(self, repository: str, end: str, body: Mapping[str, object]) -> dict[str, Any]:
        answer = await self._transport.change(
            repository, repository_path(repository, end), json=body, scope=Scope.COMMITS
        )
        if not answer.is_success:
            raise self._transport.error(answer, repository)
        made = answer.json_object()
        if not isinstance(made.get("sha"), str):
            raise GitHubUnavailableError(f"{answer.asked} answered {answer.status} without a hash")
        return made


def _commit(body: dict[str, Any]) -> GitCommit:
    return GitCommit(
        sha=str(body.get("sha") or ""),
        tree_sha=str((body.get("tree") or {}).get("sha") or ""),
        parents=tuple(str(each.get("sha")) for each in body.get("parents") or []),
        message=str(body.get("message") or ""),
        html_url=str(body.get("html_url") or ""),
    )


def _listed(body: dict[str, Any]) -> GitCommit:
    inner = body.get("commit") or {}
    return _commit({**body, "tree": inner.get("tree"), "message": inner.get("message")})
