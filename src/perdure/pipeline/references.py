"""Finds what an expression refers to, with the place of each name.

CEL's own checker names at most the end of an unknown name and knows nothing of steps. So the names are found
here, each is looked up among what the file has, and CEL checks the rest: syntax, types and functions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

ROOTS: Final = ("inputs", "vars", "steps", "matrix", "pipeline")

_TOKEN = re.compile(
    r"""
    (?P<string>
        (?:[rR][bB]?|[bB][rR])(?:'''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|"[^"\n]*")
      | [bB]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
    )
  | (?P<comment>//[^\n]*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>[0-9](?:[0-9A-Za-z_]|\.[0-9])*)
  | (?P<space>\s+)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or sign of an expression."""

    kind: str
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A dotted name, such as ``steps.build.outputs.image``.

    Attributes:
        names: Its parts.
        offsets: Where each begins.
        index: The text between the brackets of ``steps.test.jobs[0]``, where it is one.
        tail: What is selected behind those brackets, with where each begins.
    """

    names: tuple[str, ...]
    offsets: tuple[int, ...]
    index: str | None = None
    tail: tuple[tuple[str, int], ...] = ()

    @property
    def variable(self) -> str:
        """The part of the name that is one variable of CEL's; what follows selects in its value."""
        return ".".join(self.names[: variable_length(self.names)])


def variable_length(names: Sequence[str]) -> int:
    """Return how many of a name's parts make the variable: ``steps.x.outputs.y`` has four."""
    if names[0] != "steps":
        return min(len(names), 2)
    return min(len(names), 4 if len(names) > 2 and names[2] in {"outputs", "form"} else 3)


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """Yield the words and signs from ``start``, without spaces and comments."""
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or "sign"
        if kind not in {"space", "comment"}:
            yield Token(kind, match.group(), match.start())


def references(text: str) -> list[Reference]:
    """Return every name that begins with one of the contexts, in the order of the text."""
    found = []
    words = list(tokens(text))
    position = 0
    while position < len(words):
        word = words[position]
        selected = position > 0 and words[position - 1].text == "."
        if word.kind != "name" or word.text not in ROOTS or selected:
            position += 1
            continue
        chain, position = _chain(words, position)
        if chain:
            found.append(_with_tail(chain, words, position))
    return found


def _chain(words: list[Token], position: int) -> tuple[list[Token], int]:
    chain = [words[position]]
    position += 1
    while position + 1 < len(words) and words[position].text == "." and words[position + 1].kind == "name":
        chain.append(words[position + 1])
        position += 2
    if position < len(words) and words[position].text == "(":
        chain.pop()  # a function, or a function of the value before it
    return chain, position


def _with_tail(chain: list[Token], words: list[Token], position: int) -> Reference:
    names = tuple(word.text for word in chain)
    offsets = tuple(word.offset for word in chain)
    end = _closing(words, position)
    if names[0] != "steps" or names[2:] != ("jobs",) or end is None:
        return Reference(names, offsets)
    index = "".join(word.text for word in words[position + 1 : end])
    tail: list[Token] = []
    if end + 2 < len(words) and words[end + 1].text == "." and words[end + 2].kind == "name":
        tail, _ = _chain(words, end + 2)
    return Reference(names, offsets, index, tuple((word.text, word.offset) for word in tail))


def _closing(words: list[Token], position: int) -> int | None:
    depth = 0
    for at in range(position, len(words)):
        depth += (words[at].text == "[") - (words[at].text == "]")
        if depth == 0:
            return at if at > position else None
    return None
