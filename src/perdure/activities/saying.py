"""Comments on a pull request as a whole, each of them once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from perdure.errors import GitHubUnavailableError
from perdure.github import GitHubClient
from perdure.model.posting import Said
from perdure.model.pull_requests import PostedComment, PullRequestRef
from perdure.model.review_marks import find_talk, talk_mark

LOOK_INTERVALS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each look for something whose making nobody knows of."""

T = TypeVar("T")


async def look_for(find: Callable[[], Awaitable[T | None]], intervals: Sequence[float], reason: str) -> T:
    """Look for what a lost answer may have made.

    Raises:
        GitHubUnavailableError: It does not show. Whoever tries again looks first.
    """
    for seconds in intervals:
        await asyncio.sleep(seconds)
        if (found := await find()) is not None:
            return found
    raise GitHubUnavailableError(f"{reason}; it does not show so far", hint="this is tried again")


async def say_once(
    github: GitHubClient,
    ref: PullRequestRef,
    key: str,
    text: str,
    *,
    intervals: Sequence[float] = LOOK_INTERVALS,
) -> Said:
    """Comment on a pull request, unless the comment of this key is there.

    Args:
        github: The client.
        ref: The pull request.
        key: Makes the comment the same one when this is repeated.
        text: Markdown; what is of hostile origin in it is escaped already.
        intervals: Seconds before each look after a lost answer.

    Raises:
        GitHubError: GitHub refused, or its answer was lost and the comment does not show.
    """
    author = await github.own_login()

    async def find() -> PostedComment | None:
        return find_talk(await github.list_talk(ref), author, key)

    if (there := await find()) is not None:
        return _said(there)
    posting = await github.post_talk(ref, f"{text}\n\n{talk_mark(key)}")
    if posting.made is not None:
        return _said(posting.made)
    return _said(await look_for(find, intervals, posting.reason))


def _said(comment: PostedComment) -> Said:
    return Said(comment_id=comment.comment_id, html_url=comment.html_url)
