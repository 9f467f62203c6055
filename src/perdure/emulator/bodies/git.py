"""Bodies of branches, refs, commits, trees and files."""

import base64

from perdure.emulator.bodies.accounts import AccountBodies, Body, instant
from perdure.emulator.identifiers import node_id
from perdure.emulator.repositories import Commit, Entry, Repository, Signature

_UNVERIFIED: Body = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}


class GitBodies(AccountBodies):
    """What git knows, with one client's URLs."""

    def branch(self, repository: Repository, name: str, sha: str) -> Body:
        """Return a branch as lists show it."""
        url = f"{self._api(repository)}/branches/{name}"
        return {
            "name": name,
            "commit": {"sha": sha, "url": f"{self._api(repository)}/commits/{sha}"},
            "protected": False,
            "protection": {
                "enabled": False,
                "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
            },
            "protection_url": f"{url}/protection",
        }

    def full_branch(self, repository: Repository, name: str, commit: Commit) -> Body:
        """Return a branch on its own."""
        html = f"{self.links.html}/{repository.full_name}/tree/{name}"
        return {
            **self.branch(repository, name, commit.sha),
            "commit": self.commit(repository, commit),
            "_links": {"self": f"{self._api(repository)}/branches/{name}", "html": html},
        }

    def ref(self, repository: Repository, ref: str, sha: str) -> Body:
        """Return a ref and what it points to."""
        kind, _ = repository.object(sha)
        return {
            "ref": ref,
            "node_id": base64.b64encode(f"03:Ref{repository.id}:{ref}".encode()).decode(),
            "url": f"{self._api(repository)}/git/{ref}",
            "object": {"sha": sha, "type": kind, "url": f"{self._api(repository)}/git/{kind}s/{sha}"},
        }

    def commit(self, repository: Repository, commit: Commit) -> Body:
        """Return a commit as GitHub shows it."""
        api, html = self._api(repository), f"{self.links.html}/{repository.full_name}"
        return {
            "sha": commit.sha,
            "node_id": node_id("C", int(commit.sha[:15], 16)),
            "commit": {
                "author": _signature(commit.author),
                "committer": _signature(commit.committer),
                "message": commit.message,
                "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
                "url": f"{api}/git/commits/{commit.sha}",
                "comment_count": 0,
                "verification": _UNVERIFIED,
            },
            "url": f"{api}/commits/{commit.sha}",
            "html_url": f"{html}/commit/{commit.sha}",
            "comments_url": f"{api}/commits/{commit.sha}/comments",
            "author": None,
            "committer": None,
            "parents": self._parents(repository, commit, "commits"),
        }

    def git_commit(self, repository: Repository, commit: Commit) -> Body:
        """Return a commit as git knows it."""
        api = self._api(repository)
        return {
            "sha": commit.sha,
            "node_id": node_id("C", int(commit.sha[:15], 16)),
            "url": f"{api}/git/commits/{commit.sha}",
            "html_url": f"{self.links.html}/{repository.full_name}/commit/{commit.sha}",
            "author": _signature(commit.author),
            "committer": _signature(commit.committer),
            "tree": {"sha": commit.tree, "url": f"{api}/git/trees/{commit.tree}"},
            "message": commit.message,
            "parents": self._parents(repository, commit, "git/commits"),
            "verification": _UNVERIFIED,
        }

    def file(self, repository: Repository, path: str, entry: Entry, ref: str) -> Body:
        """Return a file with its content."""
        content = repository.object(entry.sha)[1]
        return {
            **self.directory_entry(repository, path, entry, ref),
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }

    def directory_entry(self, repository: Repository, path: str, entry: Entry, ref: str) -> Body:
        """Return a file or folder as its folder lists it."""
        api, html = self._api(repository), f"{self.links.html}/{repository.full_name}"
        is_file = entry.type == "blob"
        url = f"{api}/contents/{path}?ref={ref}"
        git_url = f"{api}/git/{'blobs' if is_file else 'trees'}/{entry.sha}"
        html_url = f"{html}/{'blob' if is_file else 'tree'}/{ref}/{path}"
        return {
            "name": entry.name,
            "path": path,
            "sha": entry.sha,
            "size": len(repository.object(entry.sha)[1]) if is_file else 0,
            "url": url,
            "html_url": html_url,
            "git_url": git_url,
            "download_url": f"{html}/raw/{ref}/{path}" if is_file else None,
            "type": "file" if is_file else "dir",
            "_links": {"self": url, "git": git_url, "html": html_url},
        }

    def tree(self, repository: Repository, sha: str, *, recursive: bool) -> Body:
        """Return a tree."""
        url = f"{self._api(repository)}/git/trees/{sha}"
        entries = self._tree_entries(repository, sha, "", recursive=recursive)
        return {"sha": sha, "url": url, "tree": entries, "truncated": False}

    def blob(self, repository: Repository, sha: str, content: bytes) -> Body:
        """Return a blob."""
        return {
            "sha": sha,
            "node_id": node_id("B", int(sha[:15], 16)),
            "size": len(content),
            "url": f"{self._api(repository)}/git/blobs/{sha}",
            "content": base64.encodebytes(content).decode(),
            "encoding": "base64",
        }

    def _tree_entries(self, repository: Repository, sha: str, prefix: str, *, recursive: bool) -> list[Body]:
        found: list[Body] = []
        for entry in repository.tree(sha):
            path = f"{prefix}{entry.name}"
            url = f"{self._api(repository)}/git/{entry.type}s/{entry.sha}"
            found.append(
                {"path": path, "mode": entry.mode.zfill(6), "type": entry.type, "sha": entry.sha, "url": url}
            )
            if entry.type == "blob":
                found[-1]["size"] = len(repository.object(entry.sha)[1])
            elif entry.type == "tree" and recursive:
                found += self._tree_entries(repository, entry.sha, f"{path}/", recursive=True)
        return found

    def _parents(self, repository: Repository, commit: Commit, part: str) -> list[Body]:
        api, html = self._api(repository), f"{self.links.html}/{repository.full_name}"
        return [
            {"sha": sha, "url": f"{api}/{part}/{sha}", "html_url": f"{html}/commit/{sha}"}
            for sha in commit.parents
        ]

    def _api(self, repository: Repository) -> str:
        return f"{self.links.api}/repos/{repository.full_name}"


def _signature(signature: Signature) -> Body:
    return {"name": signature.name, "email": signature.email, "date": instant(signature.at)}
