"""``${{ item }}`` and ``${{ item.name }}`` in what the work of a fleet is given.

Paths and nothing else: whether they fit is known when a fleet's file is read, and one costs next to nothing
among a hundred thousand items.
"""

import re
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from perdure.errors import ExpressionError
from perdure.pipeline._base import Problem
from perdure.pipeline.templates import TemplateError, parts_of, text_of
from perdure.pipeline.yaml_text import Path

_PATH = re.compile(r"item(?:\.[A-Za-z_][A-Za-z0-9_-]*)*")
_OPEN = "${{"


def render_item(template: JsonValue, item: JsonValue) -> JsonValue:
    """Return a value with the item put in, in lists and mappings too.

    An expression alone keeps its type; with text around it, all becomes text.

    Raises:
        ExpressionError: The item has no such part.
    """
    if isinstance(template, list):
        return [render_item(one, item) for one in template]
    if isinstance(template, dict):
        return {key: render_item(one, item) for key, one in template.items()}
    if not isinstance(template, str) or _OPEN not in template:
        return template
    try:
        parts = parts_of(template)
    except TemplateError as error:
        raise ExpressionError(str(error)) from None
    if len(parts) == 1 and parts[0].is_expression:
        return _part_of(item, parts[0].text)
    return "".join(text_of(_part_of(item, part.text)) if part.is_expression else part.text for part in parts)


def template_problems(path: Path, template: object) -> Iterator[Problem]:
    """Yield what is wrong with the expressions of a value in a fleet's file."""
    if isinstance(template, Mapping):
        for key, one in template.items():
            yield from template_problems((*path, str(key)), one)
    elif isinstance(template, list | tuple):
        for position, one in enumerate(template):
            yield from template_problems((*path, position), one)
    elif isinstance(template, str) and _OPEN in template:
        yield from _problems(path, template)


def _problems(path: Path, text: str) -> Iterator[Problem]:
    try:
        parts = parts_of(text)
    except TemplateError as error:
        yield Problem(path, str(error), offset=error.offset)
        return
    for part in parts:
        if part.is_expression and not _PATH.fullmatch(part.text):
            message = f"{part.text!r} is not known here: write item, or a part of it such as item.name"
            yield Problem(path, message, offset=part.offset)


def _part_of(item: JsonValue, expression: str) -> JsonValue:
    if not _PATH.fullmatch(expression):
        msg = f"{expression} has no value: write item, or a part of it such as item.name"
        raise ExpressionError(msg)
    value = item
    for name in expression.split(".")[1:]:
        if not isinstance(value, dict) or name not in value:
            msg = f"{expression} has no value: this item has no {name!r}"
            raise ExpressionError(msg)
        value = value[name]
    return value
