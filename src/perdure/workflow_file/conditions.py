"""What an ``if:`` demands, and how to make it demand more.

Only what is certain counts: a condition demands the guard where every way to make it true does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

_WHOLE: Final = re.compile(r"\s*\$\{\{(?P<inner>(?:(?!\}\}|\$\{\{).)*)\}\}\s*", re.DOTALL)
_EVENT: Final = re.compile(r"github\s*\.\s*event_name\s*==\s*'(?P<event>\w+)'", re.IGNORECASE)
_REPOSITORY: Final = re.compile(r"github\s*\.\s*repository\s*==\s*'[^'/]+/(?!mirror-)[^'/]+'", re.IGNORECASE)
LONGEST: Final = 4_000
"""Characters of a condition that is looked into; a longer one demands nothing that is known."""

_STATUS: Final = re.compile(r"\b(always|failure|cancelled)\s*\(", re.IGNORECASE)


@dataclass(frozen=True)
class Guard:
    """The variable that live repositories have and mirrors lack.

    Attributes:
        variable: Its name.
        aliases: Variables of the environment that hold its value.
    """

    variable: str
    aliases: frozenset[str] = frozenset()

    @property
    def expression(self) -> str:
        """What is written into a condition."""
        return f"vars.{self.variable} == 'true'"

    def is_demanded_by(self, condition: str) -> bool:
        """Say whether a condition is never true where the variable is not set."""
        return _demands(bare(condition), self._is_atom)

    def keeps_quiet(self, condition: str, loud_events: Iterable[str]) -> bool:
        """Say whether a condition is never true for these events where the variable is not set."""
        loud = frozenset(loud_events)

        def atom(text: str) -> bool:
            event = _EVENT.fullmatch(text)
            return self._is_atom(text) or (event is not None and event["event"] not in loud)

        return _demands(bare(condition), atom)

    def _is_atom(self, text: str) -> bool:
        names = [rf"vars\s*(?:\.\s*{self.variable}\b|\[\s*'{self.variable}'\s*\])"]
        names += [rf"env\s*\.\s*{re.escape(alias)}\b" for alias in self.aliases]
        name = f"(?:{'|'.join(names)})"
        pattern = rf"{name}(?:\s*==\s*'[^']+'|\s*!=\s*'')?|'[^']+'\s*==\s*{name}"
        return bool(re.fullmatch(pattern, text, re.IGNORECASE) or _REPOSITORY.fullmatch(text))


def bare(condition: str) -> str:
    """Return a condition without the ``${{ }}`` around it."""
    whole = _WHOLE.fullmatch(condition)
    return (whole["inner"] if whole else condition).strip()


def is_mixed(condition: str) -> bool:
    """Say whether text stands beside ``${{ }}``: GitHub makes a text of it, which is always true."""
    return "${{" in condition and _WHOLE.fullmatch(condition) is None


def needs_brackets(expression: str) -> bool:
    """Say whether an expression has to stand in brackets before something is joined to it by ``&&``."""
    return len(_parts(expression, "||")) > 1


def asks_for_status(condition: str) -> bool:
    """Say whether a job with this condition may run although a job that it needs did not."""
    return bool(_STATUS.search(condition))


def joined(condition: str, demand: str) -> str:
    """Return the expression that demands both."""
    inner = bare(condition)
    return f"{f'({inner})' if needs_brackets(inner) else inner} && {in_brackets(demand)}"


def in_brackets(expression: str) -> str:
    """Return an expression that can be joined by ``&&``."""
    return f"({expression})" if needs_brackets(expression) else expression


def _demands(expression: str, is_atom: Callable[[str], bool], depth: int = 0) -> bool:
    text = expression.strip()
    text = _unwrapped(text) if len(text) <= LONGEST else text
    if depth > 20 or len(text) > LONGEST:
        return False
    either = _parts(text, "||")
    if len(either) > 1:
        return all(_demands(part, is_atom, depth + 1) for part in either)
    both = _parts(text, "&&")
    if len(both) > 1:
        return any(_demands(part, is_atom, depth + 1) for part in both)
    return is_atom(text)


def _unwrapped(text: str) -> str:
    while text.startswith("(") and text.endswith(")") and _closes_at(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _closes_at(text: str) -> int:
    depth = 0
    for place, character in _outside_quotes(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return place
    return -1


def _parts(text: str, operator: str) -> list[str]:
    parts, depth, begin = [], 0, 0
    for place, character in _outside_quotes(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and place >= begin and text.startswith(operator, place):
            parts.append(text[begin:place])
            begin = place + len(operator)
    return [*parts, text[begin:]]


def _outside_quotes(text: str) -> Iterable[tuple[int, str]]:
    quoted = False
    for place, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted:
            yield place, character
