"""How GitHub converts and compares values: loosely, without regard to case, and never raising."""

import math
import re
from collections.abc import Iterator, Mapping

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,8}")
_OCTAL = re.compile(r"0o[0-7]{1,11}")


class CaseSensitive(dict[str, object]):
    """A context whose names differ by case: environment variables on Linux."""


class Filtered(list[object]):
    """What ``.*`` yields: a list whose members are looked into, rather than itself."""


def is_number(value: object) -> bool:
    """Tell numbers from booleans, which Python counts among them."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_collection(value: object) -> bool:
    """Tell arrays and objects from the values that have a text of their own."""
    return isinstance(value, list | tuple | Mapping)


def is_true(value: object) -> bool:
    """Apply GitHub's truth: ``false``, ``0``, NaN, ``''`` and ``null`` are not true, all else is."""
    if is_collection(value):
        return True
    return bool(value) and not (isinstance(value, float) and math.isnan(value))


def to_text(value: object) -> str:
    """Convert as ``${{ }}`` inside a text does."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_to_text(_as_double(value))
    if isinstance(value, Mapping):
        return "Object"
    return "Array" if is_collection(value) else str(value)


def _as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _number_to_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return "0" if value == 0 else f"{value:.15G}"


def to_number(value: object) -> float:
    """Convert as comparison does: what is no number becomes NaN."""
    if value is None:
        return 0.0
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, int | float):
        return _as_double(value)
    return math.nan


def parse_number(text: str) -> float:
    """Read a number as the runner does: decimal, hexadecimal, octal, Infinity; the empty text is 0."""
    text = text.strip()
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        return float(_as_int32(int(text, 16)))
    if _OCTAL.fullmatch(text) and int(text, 8) < 2**32:
        return float(_as_int32(int(text, 8)))
    if text in ("Infinity", "+Infinity"):
        return math.inf
    return -math.inf if text == "-Infinity" else math.nan


def _as_int32(value: int) -> int:
    # The runner reads these as 32-bit integers, so 0xFFFFFFFF is -1.
    return value - 2**32 if value >= 2**31 else value


def equal(left: object, right: object) -> bool:
    """Compare as ``==`` does: kinds that differ meet as numbers, texts without regard to case."""
    left, right = _same_kind(left, right)
    if left is None or right is None:
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() == right.upper()
    if is_collection(left) or is_collection(right):
        return left is right
    return type(left) is type(right) and left == right


def less(left: object, right: object) -> bool:
    """Compare as ``<`` does; kinds that cannot meet are never in order."""
    left, right = _same_kind(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return left.upper() < right.upper()
    if isinstance(left, bool) and isinstance(right, bool):
        return left < right
    if isinstance(left, float) and isinstance(right, float):
        return left < right
    return False


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "number" if is_number(value) else "collection"


def _same_kind(left: object, right: object) -> tuple[object, object]:
    kinds = (_kind(left), _kind(right))
    if kinds[0] == kinds[1] and kinds[0] != "number":
        return left, right
    if "collection" in kinds:
        return left, right
    return to_number(left), to_number(right)


def lookup(mapping: Mapping[str, object], name: str) -> tuple[bool, object]:
    """Find a property by its name, whatever its case, except where case matters."""
    if name in mapping:
        return True, mapping[name]
    if not isinstance(mapping, CaseSensitive):
        folded = name.upper()
        for key, value in mapping.items():
            if key.upper() == folded:
                return True, value
    return False, None


def members(value: object) -> Iterator[object]:
    """Yield what ``.*`` reaches: elements of an array, values of an object, nothing otherwise."""
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, list | tuple):
        yield from value


def lookup_text(value: object, *names: str) -> str:
    """Follow names into nested mappings and give the text at their end, empty where there is none."""
    for name in names:
        value = lookup(value, name)[1] if isinstance(value, Mapping) else None
    return to_text(value)
