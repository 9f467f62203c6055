"""Proposing changes: a branch, a commit and a pull request, made once however often they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure.errors import GitHubRefusedError, GitHubUnavailableError
from perdure.github._commits import CommitCalls, Moved
from perdure.github._contents import ContentCalls
from perdure.github._posting import PostingCalls
from perdure.github._requests import Sending
from perdure.github._transport import repository_path
from perdure.github.auth import Scope
from perdure.model.proposals import Proposal, ProposedPull
from perdure.model.pull_requests import GitCommit, TreeFile


class ProposalCalls(ContentCalls, PostingCalls, CommitCalls):
    """Calls that propose changes to files."""

    async def propose(self, proposal: Proposal) -> ProposedPull:
        """Bring files to a branch of their own, and open a pull request for it. Safe to repeat.

        The branch is only moved forwards, and only where its files differ; a pull request that is open for it
        is taken as it is.

        Raises:
            GitHubRefusedError: The branch holds what somebody else made meanwhile, or GitHub refuses.
            GitHubUnavailableError: There is no answer; what is missing comes with the next try.
        """
        repository = proposal.repository
        base = (await self.resolve_ref(repository, f"refs/heads/{proposal.base}")).sha
        opened = await self._open_pull(proposal)
        head = await self._branch_head(repository, proposal.branch)
        if head is None:
            commit = await self._with_files(repository, base, proposal)
            await self._make_branch(repository, proposal.branch, commit.sha)
        else:
            commit = await self._bring_up_to_date(proposal, head=head, base=None if opened else base)
        pull = opened or await self._open(proposal)
        return ProposedPull(**pull, is_new=opened is None, commit_sha=commit.sha)

    async def _bring_up_to_date(self, proposal: Proposal, *, head: str, base: str | None) -> GitCommit:
        repository = proposal.repository
        commit = await self._with_files(repository, head, proposal)
        if commit.sha == head:
            return commit
        if base is not None:
            # What is left of an earlier proposal that was merged: begin where everybody is.
            fresh = await self._with_files(repository, base, proposal)
            if await self.advance_branch(repository, proposal.branch, fresh.sha) is Moved.YES:
                return fresh
        if await self.advance_branch(repository, proposal.branch, commit.sha) is not Moved.YES:
            raise GitHubRefusedError(
                f"{repository}: somebody else moved the branch {proposal.branch} meanwhile",
                hint="look at what they pushed, then do it again; nothing of theirs was overwritten",
            )
        return commit

    async def _with_files(self, repository: str, sha: str, proposal: Proposal) -> GitCommit:
        parent = await self.get_git_commit(repository, sha)
        changed: dict[TreeFile, bytes] = {}
        for path, content in proposal.files.items():
            there = await self.find_tree_file(repository, parent.tree_sha, path)
            if there is None or await self.read_blob(repository, there.blob_sha) != content:
                changed[there or TreeFile(path=path, blob_sha="", mode="100644")] = content
        if not changed:
            return parent
        return await self.commit_files(repository, parent, changed, proposal.message)

    async def _branch_head(self, repository: str, branch: str) -> str | None:
        found = await self._read_ref(repository, f"heads/{branch}")
        return str(found["sha"]) if found else None

    async def _make_branch(self, repository: str, branch: str, sha: str) -> None:
        body: Mapping[str, object] = {"ref": f"refs/heads/{branch}", "sha": sha}
        path = repository_path(repository, "/git/refs")
        answer = await self._transport.change(repository, path, json=body, scope=Scope.COMMITS)
        if not answer.is_success:
            raise self._transport.error(answer, repository)

    async def _open_pull(self, proposal: Proposal) -> dict[str, Any] | None:
        owner = proposal.repository.partition("/")[0]
        query = {"head": f"{owner}:{proposal.branch}", "base": proposal.base, "state": "open"}
        found = await self._listed(proposal.repository, "/pulls", query)
        return _pull(found[0]) if found else None

    async def _open(self, proposal: Proposal) -> dict[str, Any]:
        body = {
            "title": proposal.title,
            "head": proposal.branch,
            "base": proposal.base,
            "body": proposal.body,
        }
        sending = Sending("POST", repository_path(proposal.repository, "/pulls"), body)
        posting = await self._post_once(sending, proposal.repository, _pull)
        # Where nobody knows whether it was opened, a look says so.
        made = posting.made or await self._open_pull(proposal)
        if made is None:
            raise GitHubUnavailableError(
                f"{proposal.repository}: whether the pull request was opened is not known: {posting.reason}",
                hint="do it again: an open one is taken as it is",
            )
        return made


def _pull(body: dict[str, Any]) -> dict[str, Any]:
    return {"pull_number": int(body["number"]), "html_url": str(body.get("html_url") or "")}
