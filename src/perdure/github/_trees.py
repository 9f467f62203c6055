"""Files of a whole folder, and tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from perdure.errors import GitHubUnavailableError
from perdure.github._commits import CommitCalls
from perdure.github._transport import repository_path
from perdure.model.pull_requests import TreeFile


class TreeCalls(CommitCalls):
    """Calls about everything in a commit."""

    async def list_tree(self, repository: str, sha: str, folder: str = "") -> list[TreeFile]:
        """List the plain files of a commit, of a folder and of what is in it.

        Args:
            repository: ``owner/name``.
            sha: The commit.
            folder: Which; everything otherwise.

        Raises:
            GitHubUnavailableError: GitHub cut the list off.
        """
        tree_sha = (await self.get_git_commit(repository, sha)).tree_sha
        for part in folder.split("/") if folder else ():
            entry = await self._entry(repository, tree_sha, part)
            if entry is None or entry.get("type") != "tree":
                return []
            tree_sha = str(entry["sha"])
        path = repository_path(repository, f"/git/trees/{quote(tree_sha)}")
        body = await self._transport.read_object(repository, path, {"recursive": "1"})
        if body.get("truncated"):
            raise GitHubUnavailableError(f"{repository}: {folder or 'the tree'} holds too many files to list")
        prefix = f"{folder}/" if folder else ""
        return [
            TreeFile(path=prefix + str(entry["path"]), blob_sha=str(entry["sha"]), mode=str(entry["mode"]))
            for entry in body.get("tree") or []
            if isinstance(entry, dict) and entry.get("mode") in {"100644", "100755"}
        ]

    async def tags_of(self, repository: str, sha: str) -> list[str]:
        """Return the tags that name a commit, of the last thousand."""
        found: list[dict[str, Any]] = await self._transport.read_pages(
            repository, repository_path(repository, "/tags"), {"per_page": 100}, items=None
        )
        return [str(one.get("name")) for one in found if (one.get("commit") or {}).get("sha") == sha]
