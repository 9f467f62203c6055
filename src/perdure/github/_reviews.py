"""Reviews of pull requests: made whole, with all their comments, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from perdure.errors import GitHubRefusedError
from perdure.github._posting import Posting, PostingCalls, login_of
from perdure.github._requests import Sending
from perdure.github._transport import repository_path
from perdure.github.auth import Scope
from perdure.model.pull_requests import (
    DraftComment,
    PostedComment,
    PostedReview,
    PullRequestRef,
    ReviewToPost,
)

_BESIDE_THE_DIFF: Final = ("could not be resolved", "must be part of the", "path is invalid")


class ReviewCalls(PostingCalls):
    """Calls about reviews."""

    async def list_reviews(self, ref: PullRequestRef) -> list[PostedReview]:
        """List the reviews of a pull request, oldest first."""
        found = await self._listed(ref.repository, f"/pulls/{ref.pull_number}/reviews")
        return [_review(one) for one in found]

    async def list_review_comments(self, ref: PullRequestRef) -> list[PostedComment]:
        """List the comments on lines of a pull request's diff, outdated ones too, oldest first."""
        found = await self._listed(ref.repository, f"/pulls/{ref.pull_number}/comments")
        return [_comment(one) for one in found]

    async def post_review(
        self, ref: PullRequestRef, draft: ReviewToPost, *, may_send: Callable[[], bool] | None = None
    ) -> Posting[PostedReview]:
        """Comment on a commit of a pull request. Sent once: the caller looks whether it is there.

        https://docs.github.com/rest/pulls/reviews#create-a-review-for-a-pull-request

        Args:
            ref: The pull request.
            draft: What to say.
            may_send: Asked right before the request is written; ``False`` sends nothing.

        Raises:
            GitHubError: GitHub refused, and certainly made nothing: see :func:`is_beside_the_diff`.
        """
        wanted = {
            "commit_id": draft.head_sha,
            "event": "COMMENT",
            "body": draft.body,
            "comments": [_draft(comment) for comment in draft.comments],
        }
        path = repository_path(ref.repository, f"/pulls/{ref.pull_number}/reviews")
        return await self._post_once(Sending("POST", path, wanted, may_send), ref.repository, _review)

    async def update_review(self, ref: PullRequestRef, review_id: int, body: str) -> PostedReview:
        """Replace the text of one's own review. Safe to repeat."""
        path = repository_path(ref.repository, f"/pulls/{ref.pull_number}/reviews/{review_id}")
        answer = await self._transport.change(
            ref.repository, path, method="PUT", json={"body": body}, scope=Scope.REVIEWS
        )
        if not answer.is_success:
            raise self._transport.error(answer, ref.repository)
        return _review(answer.json_object())


def is_beside_the_diff(error: GitHubRefusedError) -> bool:
    """Say whether a review was refused because a comment's line or path is not in the diff.

    GitHub says so in ``errors`` alone, without which comment it means; its words are not documented.
    """
    return error.status == 422 and any(words in str(error) for words in _BESIDE_THE_DIFF)


def _draft(comment: DraftComment) -> dict[str, object]:
    body: dict[str, object] = {
        "path": comment.path,
        "body": comment.body,
        "line": comment.line,
        "side": "RIGHT",
    }
    if comment.start_line is not None:
        body |= {"start_line": comment.start_line, "start_side": "RIGHT"}
    return body


def _review(body: dict[str, Any]) -> PostedReview:
    return PostedReview(
        review_id=int(body.get("id") or 0),
        author=login_of(body),
        body=str(body.get("body") or ""),
        commit_id=str(body.get("commit_id") or ""),
        html_url=str(body.get("html_url") or ""),
    )


def _comment(body: dict[str, Any]) -> PostedComment:
    return PostedComment(
        comment_id=int(body.get("id") or 0),
        review_id=body.get("pull_request_review_id"),
        author=login_of(body),
        body=str(body.get("body") or ""),
        path=str(body.get("path") or ""),
        html_url=str(body.get("html_url") or ""),
    )
