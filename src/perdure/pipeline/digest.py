"""A digest that says whether two plans are the same."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum

from pydantic import BaseModel


def canonical_json(value: object) -> str:
    """Write a value as JSON in the one way: sorted keys, sets sorted, no spaces, durations in seconds.

    Raises:
        TypeError: It holds something that JSON cannot.
        ValueError: It holds a number that is not finite.
    """
    plain = _plain(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def plan_digest(plan: object) -> str:
    """Return the SHA-256 of a plan, in hexadecimal: equal for equal plans, wherever it is computed."""
    return hashlib.sha256(canonical_json(plan).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    match value:
        case Enum():
            return _plain(value.value)
        case None | bool() | int() | float() | str():
            return value
        case BaseModel():
            return _plain(value.model_dump(mode="python", by_alias=True))
        case Mapping():
            return {str(_plain(key)): _plain(one) for key, one in value.items()}
        case list() | tuple():
            return [_plain(one) for one in value]
        case set() | frozenset():
            return sorted((_plain(one) for one in value), key=canonical_json)
        case timedelta():
            return value.total_seconds()
        case datetime():
            return value.astimezone(UTC).isoformat()
    msg = f"{type(value).__name__} has no canonical form"
    # deterministic: plans hold nothing else, so it is a mistake in the code, which mended code goes on from
    raise TypeError(msg)
