"""Durations, as a pipeline file writes them."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

from perdure.config import parse_duration

LONGEST: Final = timedelta(days=3650)


def read_duration(value: object) -> object:
    """Read ``30s``, ``90m``, ``1h30m`` or ``2d``; other types and ISO 8601 pass unchanged.

    A number without a unit is refused: ``timeout: 30`` was more likely meant as minutes, as in GitHub's
    ``timeout-minutes``, than as seconds. ISO 8601 is how durations stand in a history.

    Raises:
        ValueError: It is no duration, has no unit, or is longer than ten years.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(_message(value))
    if isinstance(value, int | float) or (
        isinstance(value, str) and re.fullmatch(r"\s*\d+(\.\d+)?\s*", value)
    ):
        number = str(value).strip()
        msg = f"{number} has no unit: write {number}s, {number}m, {number}h or {number}d"
        raise ValueError(msg)
    if not isinstance(value, str) or value.startswith("P"):
        return value
    try:
        duration = parse_duration(value)
    except (ValueError, OverflowError):
        raise ValueError(_message(value)) from None
    if not isinstance(duration, timedelta) or duration > LONGEST:
        msg = f"{value} is longer than {LONGEST.days}d"
        raise ValueError(msg)
    return duration


def _message(value: object) -> str:
    return f"{value!r} is not a duration: write 30s, 30m, 1h30m or 2d"


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$",
            "examples": ["30s", "30m", "1h30m", "2d"],
        }
    ),
]
"""A length of time: ``30s``, ``30m``, ``1h30m``, ``2d``."""
