"""Pull requests: what they are, what they change, and what is said about them as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from perdure.errors import GitHubRefusedError, GitHubUnavailableError, InvalidRepositoryError
from perdure.github._posting import Posting, PostingCalls, login_of
from perdure.github._requests import Sending
from perdure.github._transport import repository_path
from perdure.model.pull_requests import FilePatch, PostedComment, PullRequestFacts, PullRequestRef


class PullCalls(PostingCalls):
    """Calls about pull requests."""

    async def get_pull_request(self, ref: PullRequestRef) -> PullRequestFacts:
        """Read a pull request.

        Raises:
            InvalidRepositoryError: There is none of this number, or these credentials cannot see it.
        """
        try:
            body = await self._transport.read_object(
                ref.repository, repository_path(ref.repository, f"/pulls/{ref.pull_number}")
            )
        except GitHubRefusedError as error:
            if error.status != 404:
                raise
            raise InvalidRepositoryError(
                f"{ref}: there is no such pull request, or these credentials cannot see it",
                hint="check the number, and that the App or token may read pull requests: perdure doctor",
            ) from None
        try:
            return _facts(ref, body)
        except (KeyError, TypeError, ValueError):
            raise GitHubUnavailableError(f"GitHub described {ref} in another shape") from None

    async def list_patches(self, ref: PullRequestRef) -> list[FilePatch]:
        """List what a pull request changes, up to 3,000 files, as its head is now.

        https://docs.github.com/rest/pulls/pulls#list-pull-requests-files
        """
        found = await self._listed(ref.repository, f"/pulls/{ref.pull_number}/files")
        return [FilePatch(path=str(one.get("filename")), patch=one.get("patch")) for one in found]

    async def list_talk(self, ref: PullRequestRef) -> list[PostedComment]:
        """List the comments on a pull request as a whole, oldest first."""
        found = await self._listed(ref.repository, f"/issues/{ref.pull_number}/comments")
        return [_comment(one) for one in found]

    async def post_talk(
        self, ref: PullRequestRef, body: str, *, may_send: Callable[[], bool] | None = None
    ) -> Posting[PostedComment]:
        """Comment on a pull request as a whole. Sent once: the caller looks whether it is there.

        Args:
            ref: The pull request.
            body: Markdown.
            may_send: Asked right before the request is written; ``False`` sends nothing.

        Raises:
            GitHubError: GitHub refused, and certainly made nothing.
        """
        path = repository_path(ref.repository, f"/issues/{ref.pull_number}/comments")
        return await self._post_once(
            Sending("POST", path, {"body": body}, may_send), ref.repository, _comment
        )


def _comment(body: dict[str, Any]) -> PostedComment:
    return PostedComment(
        comment_id=int(body.get("id") or 0),
        author=login_of(body),
        body=str(body.get("body") or ""),
        html_url=str(body.get("html_url") or ""),
    )


def _facts(ref: PullRequestRef, body: dict[str, Any]) -> PullRequestFacts:
    head, base = body["head"], body["base"]
    user = body.get("user") or {}
    return PullRequestFacts(
        repository=str((base.get("repo") or {}).get("full_name") or ref.repository),
        pull_number=ref.pull_number,
        title=str(body.get("title") or ""),
        state=str(body.get("state") or "open"),
        draft=bool(body.get("draft")),
        merged=bool(body.get("merged")),
        author=login_of(body),
        author_id=user.get("id"),
        head_sha=str(head["sha"]),
        head_ref=str(head["ref"]),
        # Of a fork that was deleted nothing is left.
        head_repository=str((head.get("repo") or {}).get("full_name") or ""),
        base_sha=str(base["sha"]),
        base_ref=str(base["ref"]),
        maintainer_can_modify=bool(body.get("maintainer_can_modify")),
        html_url=str(body.get("html_url") or ""),
    )
