"""Texts that hold expressions: ``Deploy ${{ steps.build.outputs.image }}?``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pydantic import JsonValue

from perdure.errors import ExpressionError
from perdure.pipeline.cel import Status, evaluate_cel
from perdure.pipeline.references import references, tokens, variable_length

_OPEN: Final = "${{"
_CLOSE: Final = "}}"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text: an expression, or what stands between two.

    Attributes:
        text: The expression without its brackets and the space around it, or the plain text.
        offset: Where it begins.
        is_expression: Which of both it is.
    """

    text: str
    offset: int
    is_expression: bool


class TemplateError(ValueError):
    """A text's expression does not end.

    Attributes:
        offset: Where it begins.
    """

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@lru_cache(maxsize=4096)
def parts_of(text: str) -> tuple[Part, ...]:
    """Split a text into expressions and what stands between them.

    Raises:
        TemplateError: An expression does not end.
    """
    parts: list[Part] = []
    position = 0
    while (start := text.find(_OPEN, position)) >= 0:
        if start > position:
            parts.append(Part(text[position:start], position, is_expression=False))
        inside = start + len(_OPEN)
        end = _end(text, inside)
        if end is None:
            msg = "this expression does not end: close it with }}"
            raise TemplateError(msg, start)
        raw = text[inside:end]
        parts.append(Part(raw.strip(), inside + len(raw) - len(raw.lstrip()), is_expression=True))
        position = end + len(_CLOSE)
    if position < len(text):
        parts.append(Part(text[position:], position, is_expression=False))
    return tuple(parts)


def _end(text: str, inside: int) -> int | None:
    # CEL has maps, {'a': {'b': 1}}, and strings that may hold braces.
    depth = 0
    for token in tokens(text, inside):
        if token.text == "{":
            depth += 1
        elif token.text == "}":
            if depth == 0:
                return token.offset if text.startswith(_CLOSE, token.offset) else None
            depth -= 1
    return None


def condition_text(text: str) -> tuple[str, int]:
    """Return the expression of an ``if``, and where it begins: ``${{ }}`` around it may be left out."""
    try:
        parts = parts_of(text)
    except TemplateError:
        return text, 0
    if len(parts) == 1 and parts[0].is_expression:
        return parts[0].text, parts[0].offset
    return text, 0


def evaluate(expression: str, contexts: Mapping[str, object], status: Status | None = None) -> JsonValue:
    """Return an expression's value.

    Args:
        expression: Without ``${{ }}``.
        contexts: ``inputs``, ``vars``, ``steps``, ``matrix`` and ``pipeline``, as nested mappings.
        status: What ``success()``, ``failure()`` and ``cancelled()`` return, in an ``if``.

    Raises:
        ExpressionError: It has no value.
    """
    names = set()
    values: dict[str, object] = {}
    for names_of_one in _names_in(expression):
        name = ".".join(names_of_one)
        names.add(name)
        value: object = contexts
        for part in names_of_one:
            value = value.get(part, _UNSET) if isinstance(value, Mapping) else _UNSET
        if value is not _UNSET:
            values[name] = _plain(value)
    return evaluate_cel(expression, frozenset(names), values, status)


@lru_cache(maxsize=4096)
def _names_in(expression: str) -> tuple[tuple[str, ...], ...]:
    found = dict.fromkeys(one.names[: variable_length(one.names)] for one in references(expression))
    return tuple(found)


_UNSET: Final = object()


class Plain:
    """A value that expressions read as it is: a thousand jobs are not looked through for each of them."""

    def __init__(self, value: object) -> None:
        """Make the value ready to be read.

        Raises:
            ExpressionError: It holds what cannot be read by an expression.
        """
        self.value = _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, Plain):
        return value.value
    if isinstance(value, str) and "\0" in value:
        # The library would silently cut it there.
        msg = "a text with a NUL character cannot be read by an expression"
        raise ExpressionError(msg)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def render(template: JsonValue, contexts: Mapping[str, object]) -> JsonValue:
    """Return a value with its expressions evaluated, in lists and mappings too.

    An expression alone keeps its type; with text around it, all becomes text.

    Raises:
        ExpressionError: One has no value.
    """
    if isinstance(template, list):
        return [render(one, contexts) for one in template]
    if isinstance(template, dict):
        return {key: render(one, contexts) for key, one in template.items()}
    if not isinstance(template, str) or _OPEN not in template:
        return template
    try:
        parts = parts_of(template)
    except TemplateError as error:
        raise ExpressionError(str(error)) from None
    if len(parts) == 1 and parts[0].is_expression:
        return evaluate(parts[0].text, contexts)
    return "".join(
        text_of(evaluate(part.text, contexts)) if part.is_expression else part.text for part in parts
    )


def render_text(template: JsonValue, contexts: Mapping[str, object]) -> str:
    """Return a value as text, its expressions evaluated: what GitHub takes as an input.

    Raises:
        ExpressionError: One has no value, or it is a list or a mapping.
    """
    return text_of(render(template, contexts))


def text_of(value: JsonValue) -> str:
    """Write a value as GitHub does: ``true``, ``3``, ``2.5``; ``null`` is empty.

    Raises:
        ExpressionError: It is a list or a mapping.
    """
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    kind = "list" if isinstance(value, list) else "mapping"
    msg = f"a {kind} cannot become text: pick one of its values, or join them"
    raise ExpressionError(msg)
