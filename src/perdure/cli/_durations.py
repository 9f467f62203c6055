"""Durations as people write them: ``30s``, ``90m``, ``1h30m``, ``2d``."""

import re
from datetime import timedelta

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_LONGEST = timedelta(days=3650)


def parse_duration(text: str) -> timedelta:
    """Read a duration.

    Raises:
        ValueError: It has no unit, is not above zero, or is longer than ten years.
    """
    cleaned = text.strip().lower().replace(" ", "")
    if not _WHOLE.fullmatch(cleaned):
        unit = " (seconds, minutes, hours or days?)" if re.fullmatch(r"\d+(\.\d+)?", cleaned) else ""
        msg = f"{text!r} is not a duration{unit}: write 30s, 30m, 1h30m or 2d"
        raise ValueError(msg)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(cleaned))
    if not 0 < seconds <= _LONGEST.total_seconds():
        msg = f"{text!r} must be above zero and at most {_LONGEST.days}d"
        raise ValueError(msg)
    return timedelta(seconds=seconds)


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
