"""What GitHub's answers mean: bodies read with suspicion, limits, and the error for each refusal."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from perdure.errors import (
    GitHubAuthenticationError,
    GitHubError,
    GitHubPermissionError,
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
)

SILENT_LIMIT_SECONDS = 60.0
"""How long to wait where GitHub does not say:
https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api
"""

_SECONDARY = re.compile(r"secondary rate limit|abuse detection|temporarily blocked", re.IGNORECASE)
_LACKS_PERMISSION = re.compile(
    r"not accessible by|must have|write access|admin rights|permission", re.IGNORECASE
)


@dataclass(frozen=True)
class RateLimit:
    """A quota of requests, as its headers told it last.

    Attributes:
        limit: Requests an hour.
        remaining: Of these.
        reset_at: When all are there again.
        resource: GitHub's name for the quota; ``core`` for REST.
    """

    limit: int
    remaining: int
    reset_at: datetime
    resource: str = "core"

    @property
    def part_left(self) -> float:
        """What is left of the quota, 0 to 1."""
        return self.remaining / self.limit if self.limit > 0 else 1.0


@dataclass(frozen=True)
class Answer:
    """One answer, with its whole body.

    Attributes:
        asked: Method and path, for messages. Never with a query or a token.
    """

    asked: str
    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the status is a 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:  # noqa: ANN401 - JSON of a shape that only the caller knows
        """Return the body.

        Raises:
            GitHubUnavailableError: It is empty, HTML or cut off, as gateways in between answer.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            kind = self.headers.get("content-type", "no content type").partition(";")[0]
            msg = f"{self.asked} answered {self.status} without JSON ({kind}, {len(self.body)} bytes)"
            raise GitHubUnavailableError(msg, status=self.status) from None

    def json_object(self) -> dict[str, Any]:
        """Return the body where it has to be an object."""
        body = self.json()
        if not isinstance(body, dict):
            msg = f"{self.asked} answered {self.status} with JSON of another shape"
            raise GitHubUnavailableError(msg, status=self.status)
        return body

    @property
    def message(self) -> str:
        """GitHub's own words in an error's body, or nothing."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            return ""
        message = body.get("message") if isinstance(body, dict) else None
        return message if isinstance(message, str) else ""

    @property
    def complaints(self) -> list[str]:
        """What GitHub says besides its message where it will not take a body."""
        try:
            body = json.loads(self.body)
        except (ValueError, RecursionError):
            return []
        errors = body.get("errors") if isinstance(body, dict) else None
        found = [each.get("message") if isinstance(each, dict) else each for each in _list(errors)]
        return [each for each in found if isinstance(each, str)]

    @property
    def answered_at(self) -> datetime | None:
        """GitHub's clock."""
        try:
            return parsedate_to_datetime(self.headers["date"]).astimezone(UTC)
        except (KeyError, ValueError):
            return None


def rate_limit_of(headers: httpx2.Headers) -> RateLimit | None:
    """Return the quota that an answer's headers tell, if they do."""
    try:
        return RateLimit(
            limit=int(headers["x-ratelimit-limit"]),
            remaining=int(headers["x-ratelimit-remaining"]),
            reset_at=datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC),
            resource=headers.get("x-ratelimit-resource", "core"),
        )
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def retry_after_of(answer: Answer) -> float | None:
    """Return for how many seconds GitHub asks to be left alone, or ``None`` where this is no rate limit.

    A 403 may be either a limit or a missing permission; only limits carry the header or say so:
    https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
    """
    if answer.status not in {403, 429}:
        return None
    if (told := answer.headers.get("retry-after")) is not None:
        return max(float(told), 1.0) if re.fullmatch(r"\d{1,6}", told.strip()) else SILENT_LIMIT_SECONDS
    quota = rate_limit_of(answer.headers)
    if quota is not None and quota.remaining == 0 and not _LACKS_PERMISSION.search(answer.message):
        now = answer.answered_at or datetime.now(UTC)
        # One second more: the header's second has to be over.
        return max((quota.reset_at - now).total_seconds(), 0.0) + 1.0
    limited = answer.status == 429 or _SECONDARY.search(answer.message) or "rate limit" in answer.message
    return SILENT_LIMIT_SECONDS if limited else None


def error_for(answer: Answer) -> GitHubError:
    """Return the error that an answer other than a success is, where the caller knows nothing better."""
    words = ": ".join(filter(None, [answer.message, "; ".join(answer.complaints)]))
    said = f"{answer.asked} answered {answer.status}" + (f": {words}" if words else "")
    if (seconds := retry_after_of(answer)) is not None:
        return GitHubRateLimitedError(said, retry_after_seconds=seconds, status=answer.status)
    match answer.status:
        case 401:
            return GitHubAuthenticationError(
                said, hint="check [github] in the settings: perdure doctor", status=401
            )
        case 403:
            return _forbidden(answer, said)
        case 301 | 302 | 303 | 307 | 308:
            return GitHubRefusedError(
                f"{answer.asked} answered {answer.status}: it has moved",
                hint="the repository may have been renamed: use its new name",
                status=answer.status,
            )
        case 408:
            return GitHubUnavailableError(said, status=408)
        case status if 400 <= status < 500:
            return GitHubRefusedError(said, status=status)
        case status:
            return GitHubUnavailableError(said, status=status)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _forbidden(answer: Answer, said: str) -> GitHubError:
    if "suspended" in answer.message:
        hint = "unsuspend the App's installation in the settings of its account, under GitHub Apps"
        return GitHubAuthenticationError(said, hint=hint, status=403)
    if answer.message and not _LACKS_PERMISSION.search(answer.message):
        return GitHubRefusedError(said, status=403)
    accepted = answer.headers.get("x-accepted-github-permissions", "")
    wanted = accepted.replace("=", ": ").replace(";", " or ").replace(",", ", ")
    if not wanted:
        return GitHubPermissionError(said, hint="these credentials may not do this", status=403)
    return GitHubPermissionError(
        f"{said}; it needs the permission {wanted}",
        hint=f"grant the App or token {wanted}, and accept the change where the App is installed",
        status=403,
    )
