"""Words that messages to people are made of."""

import difflib
from collections.abc import Iterable


def or_list(names: Iterable[str]) -> str:
    """Write names for a sentence: ``a``, ``a or b``, ``a, b or c``."""
    *most, last = list(names)
    return f"{', '.join(most)} or {last}" if most else last


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the nearest valid name as ``; did you mean X?``, or nothing where none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def shortened(given: object) -> str:
    """Write a value as people know it, as far as it fits in a message."""
    shown = {True: "true", False: "false"}[given] if isinstance(given, bool) else repr(given)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
