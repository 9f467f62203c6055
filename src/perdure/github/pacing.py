"""When a request may go: limits are obeyed before GitHub has to refuse.

An installation has so many requests an hour, told by the headers of every answer, whoever has used them. What
watches runs can wait, what cancels one cannot. So the kinds of requests give way to each other: each leaves a
part of the quota to those that are more urgent, and watching spreads what it may still use over the time that
is left. In line it goes round by repository: one with 5,000 runs waits as long as one with a single run.

https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from enum import IntEnum
from typing import Final, TypeGuard

from perdure.github._answers import RateLimit


class Urgency(IntEnum):
    """What a request is for. Lower ones give way to higher ones."""

    WATCH = 0
    READ = 1
    CHANGE = 2
    CANCEL = 3


RESERVES: Final = {Urgency.WATCH: 0.1, Urgency.READ: 0.05, Urgency.CHANGE: 0.02, Urgency.CANCEL: 0.0}
"""The part of the quota that each kind leaves to those above it."""

FREELY: Final = 0.7
"""While more than this part of the quota is left, watching is not slowed down."""

SHARE: Final = 0.5
"""The part of what is left that watching may count on: others go on using it meanwhile."""

READS_AT_ONCE: Final = 60
"""Reads under way for one installation. GitHub allows 100 requests, and changes do not stand in this line."""

_AFTER_RESET = 1.0
"""Seconds: the header's second has to be over."""

_SAME_WINDOW = 60.0
"""Seconds by which the reset of one and the same hour may differ from answer to answer."""

_urgency: ContextVar[Urgency] = ContextVar("urgency", default=Urgency.READ)


@contextmanager
def watching() -> Iterator[None]:
    """Let the reads inside the block give way to everything else."""
    before = _urgency.set(Urgency.WATCH)
    try:
        yield
    finally:
        _urgency.reset(before)


def urgency_of(method: str, path: str) -> Urgency:
    """Return how urgent a request is."""
    if method == "GET":
        return _urgency.get()
    return Urgency.CANCEL if path.endswith(("/cancel", "/force-cancel")) else Urgency.CHANGE


def exhausted_for(quota: RateLimit | None, urgency: Urgency, now: datetime, *, in_flight: int = 0) -> float:
    """Return for how many seconds nothing of the quota is left for a request, 0 where something is.

    Args:
        quota: As it was told last; ``None`` where it is not known.
        urgency: The request's.
        now: By GitHub's clock.
        in_flight: Requests under way, each of which may use up one more.
    """
    if not _counts(quota, now) or _left(quota, urgency) > in_flight:
        return 0.0
    return _until_reset(quota, now)


def spacing(quota: RateLimit | None, now: datetime) -> float:
    """Return how many seconds there have to be between two requests of those who watch.

    Their share lasts until the reset, so that they get slower before they have to stop.
    """
    if not _counts(quota, now) or quota.part_left >= FREELY:
        return 0.0
    return _until_reset(quota, now) / max(_left(quota, Urgency.WATCH) * SHARE, 1.0)


def _counts(quota: RateLimit | None, now: datetime) -> TypeGuard[RateLimit]:
    return quota is not None and quota.limit > 0 and quota.reset_at > now


def _left(quota: RateLimit, urgency: Urgency) -> int:
    return quota.remaining - math.ceil(quota.limit * RESERVES[urgency])


def _until_reset(quota: RateLimit, now: datetime) -> float:
    return (quota.reset_at - now).total_seconds() + _AFTER_RESET


def newer(known: RateLimit | None, told: RateLimit, now: datetime) -> RateLimit:
    """Return the quota that holds once ``told`` was told. Answers overtake each other."""
    if known is None or known.reset_at <= now:
        return told
    if told.reset_at <= now:
        # Of the hour before.
        return known
    is_same_hour = abs((told.reset_at - known.reset_at).total_seconds()) <= _SAME_WINDOW
    if is_same_hour and told.limit == known.limit and told.remaining >= known.remaining:
        return known
    return told
