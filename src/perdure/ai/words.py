"""The words that code is made of: ``readFile`` and ``read_file`` are both *read file*."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")
_LONGEST = 40


def words_of(text: str) -> list[str]:
    """Return a text's words in order, in small letters."""
    return [word.lower() for word in _WORD.findall(text) if len(word) <= _LONGEST]


def distinct(words: Iterable[str], most: int) -> list[str]:
    """Return the first different ones of some words."""
    return list(dict.fromkeys(words))[:most]
