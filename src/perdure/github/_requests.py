"""Requests as they are asked for, and the two ways in which there is no answer to work with."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from perdure.errors import GitHubUnavailableError
from perdure.github._answers import Answer

Body = Mapping[str, object] | Callable[[str], Mapping[str, object]] | None


@dataclass(frozen=True)
class Sending:
    """A request, but for its credentials.

    Attributes:
        path: Below the API's address, with its query.
        json: The body, or what makes it for an API version.
        may_send: Asked right before the first byte is written; ``False`` sends nothing.
    """

    method: str
    path: str
    json: Body = None
    may_send: Callable[[], bool] | None = None


class UnansweredError(Exception):
    """There is no whole answer.

    Attributes:
        sent: Whether the request may have reached GitHub.
    """

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class DownloadRefusedError(Exception):
    """GitHub would not hand out a download. Has the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def unavailable(error: UnansweredError) -> GitHubUnavailableError:
    """Return the error that callers see."""
    return GitHubUnavailableError(str(error), hint="GitHub or the network may be down: this is tried again")


def route_of(path: str) -> str:
    """Return a path with its names and numbers left out, so that there are few."""
    path = re.sub(r"/repos/[^/]+/[^/]+", "/repos/{repository}", path)
    path = re.sub(r"/(contents|heads|tags)/.+", r"/\1/{name}", path)
    path = re.sub(r"/workflows/[^/]+", "/workflows/{workflow}", path)
    return re.sub(r"/\d+", "/{id}", path)
