"""Splits an expression into tokens, with the position that GitHub's messages name."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions.values import parse_number

_SPACE = re.compile(r"\s*")
_STRING = re.compile(r"'((?:[^']|'')*)'")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
# A number runs to the next separator, so that `1a` is one bad symbol and not a number with something behind.
_NUMBER = re.compile(r"[+-]?\.?[0-9][^\s()\[\],!<>=&|']*|[+-]Infinity\b")
_OPERATOR = re.compile(r"&&|\|\||==|!=|<=|>=|[()\[\].,*!<>]")
_CONSTANTS: dict[str, object] = {
    "null": None,
    "true": True,
    "false": False,
    "NaN": float("nan"),
    "Infinity": float("inf"),
}


class Kind(StrEnum):
    """What a token is."""

    LITERAL = "literal"
    WORD = "word"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, kw_only=True)
class Token:
    """One token; ``value`` is set on literals only."""

    kind: Kind
    text: str
    position: int
    value: object = None


def located(message: str, token: Token, source: str) -> ExpressionError:
    """Word an error as GitHub does, with the position counted from 1."""
    return ExpressionError(
        f"{message}: '{token.text}'. Located at position {token.position} within expression: {source}"
    )


def tokens_of(source: str) -> list[Token]:
    """Split an expression into its tokens, the last of which is its end.

    Raises:
        ExpressionError: Something in it belongs to no token.
    """
    tokens: list[Token] = []
    at = 0
    while True:
        at = _end(_SPACE.match(source, at))
        if at >= len(source):
            return [*tokens, Token(kind=Kind.END, text="", position=at + 1)]
        token = _token_at(source, at, tokens[-1] if tokens else None)
        tokens.append(token)
        at = token.position - 1 + len(token.text)


def _token_at(source: str, at: int, before: Token | None) -> Token:
    after_value = before is not None and (
        before.kind in (Kind.LITERAL, Kind.WORD) or before.text in (")", "]", "*")
    )
    after_dot = before is not None and before.text == "." and before.kind is Kind.OPERATOR
    if match := _STRING.match(source, at):
        text = match[1].replace("''", "'")
        return Token(kind=Kind.LITERAL, text=match[0], position=at + 1, value=text)
    if match := _WORD.match(source, at):
        return _word(match[0], at, after_dot=after_dot)
    if not after_value and not after_dot and (match := _NUMBER.match(source, at)):
        return _number(match[0], at, source)
    if match := _OPERATOR.match(source, at):
        return Token(kind=Kind.OPERATOR, text=match[0], position=at + 1)
    raise located("Unexpected symbol", _bad_symbol(source, at), source)


def _word(text: str, at: int, *, after_dot: bool) -> Token:
    if text in _CONSTANTS and not after_dot:
        return Token(kind=Kind.LITERAL, text=text, position=at + 1, value=_CONSTANTS[text])
    return Token(kind=Kind.WORD, text=text, position=at + 1)


def _number(text: str, at: int, source: str) -> Token:
    value = parse_number(text)
    token = Token(kind=Kind.LITERAL, text=text, position=at + 1, value=value)
    if math.isnan(value):
        raise located("Unexpected symbol", token, source)
    return token


def _bad_symbol(source: str, at: int) -> Token:
    rest = source[at:]
    if rest[0] != "'":
        rest = re.split(r"[\s()\[\],]", rest, maxsplit=1)[0] or rest[0]
    return Token(kind=Kind.WORD, text=rest, position=at + 1)


def _end(match: re.Match[str] | None) -> int:
    return match.end() if match else 0
