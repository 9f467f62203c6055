"""Durations as people write and read them."""

import re
from datetime import timedelta

from perdure.config import parse_duration as read_setting

_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Read ``30s``, ``90m``, ``1h30m`` or ``2d``.

    Settings also take a bare number of seconds; here a unit is asked for, because ``--run-timeout 30`` was
    more likely meant as minutes.

    Raises:
        ValueError: It has no unit, is not above zero, or is longer than ten years.
    """
    cleaned = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        msg = f"{text!r} has no unit: write {cleaned}s, {cleaned}m, {cleaned}h or {cleaned}d"
        raise ValueError(msg)
    try:
        duration = read_setting(cleaned)
    except (ValueError, OverflowError):
        duration = None
    if not isinstance(duration, timedelta):
        msg = f"{text!r} is not a duration: write 30s, 30m, 1h30m or 2d"
        raise ValueError(msg)  # noqa: TRY004 - the value is wrong, not its type
    if not timedelta(0) < duration <= _LONGEST:
        msg = f"{text!r} must be above zero and at most {_LONGEST.days}d"
        raise ValueError(msg)
    return duration


def format_duration(duration: timedelta) -> str:
    """Write a duration with its two largest units: ``4s``, ``1m 12s``, ``2h 5m``, ``3d 0h``."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60}s"
    if seconds < 86_400:
        return f"{seconds // 3600}h {seconds % 3600 // 60}m"
    return f"{seconds // 86_400}d {seconds % 86_400 // 3600}h"
