"""Comments on a pull request as a whole, each of them once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from perdure.errors import GitHubUnavailableError
from perdure.github import GitHubClient
from perdure.model.posting import Said
from perdure.model.pull_requests import PostedComment, PullRequestRef
from perdure.model.review_marks import find_talk, talk_mark

LOOK_INTERVALS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each look for something whose making nobody knows of."""

SEND_WITHIN = timedelta(seconds=8)
"""What was looked for and not found is posted this long afterwards at most.

A worker that was stopped in between (a laptop's lid, a paused virtual machine) has long been taken for lost,
and another one has posted it. This is shorter than the time after which that happens.
"""

T = TypeVar("T")


def fresh_for(within: timedelta) -> Callable[[], bool]:
    """Return what says whether this moment is not longer ago, by either of the machine's clocks.

    The monotonic one stands still while a laptop sleeps; the other one may be set.
    """
    limit, began, began_at = within.total_seconds(), time.monotonic(), time.time()
    return lambda: max(time.monotonic() - began, abs(time.time() - began_at)) <= limit


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

    is_fresh = fresh_for(SEND_WITHIN)
    if (there := await find()) is not None:
        return _said(there)
    posting = await github.post_talk(ref, f"{text}\n\n{talk_mark(key)}", may_send=is_fresh)
    if posting.made is not None:
        return _said(posting.made)
    return _said(await look_for(find, intervals, posting.reason))


def _said(comment: PostedComment) -> Said:
    return Said(comment_id=comment.comment_id, html_url=comment.html_url)
