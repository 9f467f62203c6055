"""The functions that every expression may call.

``success``, ``failure``, ``always``, ``cancelled`` and ``hashFiles`` depend on where the expression stands:
whoever evaluates passes them in the scope.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions.values import equal, is_collection, is_true, to_text

_UNLIMITED = 255
_MAX_RESULT = 10 * 1024 * 1024
_MAX_JSON_DEPTH = 64

_Node = TypeVar("_Node")


def _contains(values: Sequence[object]) -> object:
    where, what = values
    if isinstance(where, list | tuple):
        return any(equal(item, what) for item in where)
    if is_collection(where) or is_collection(what):
        return False
    return to_text(what).upper() in to_text(where).upper()


def _starts_with(values: Sequence[object]) -> object:
    if any(map(is_collection, values)):
        return False
    return to_text(values[0]).upper().startswith(to_text(values[1]).upper())


def _ends_with(values: Sequence[object]) -> object:
    if any(map(is_collection, values)):
        return False
    return to_text(values[0]).upper().endswith(to_text(values[1]).upper())


def _format(values: Sequence[object]) -> object:
    template = to_text(values[0])
    arguments = [to_text(value) for value in values[1:]]
    parts: list[str] = []
    at = 0
    while at < len(template):
        character = template[at]
        if template[at : at + 2] in ("{{", "}}"):
            parts.append(character)
            at += 2
        elif character == "{":
            text, at = _placeholder(template, at, arguments)
            parts.append(text)
        elif character == "}":
            raise _invalid_format(template)
        else:
            parts.append(character)
            at += 1
    return _limited("".join(parts))


def _placeholder(template: str, at: int, arguments: Sequence[str]) -> tuple[str, int]:
    end = template.find("}", at)
    number = template[at + 1 : end] if end > 0 else ""
    if not (number.isascii() and number.isdigit() and len(number) < 4):
        raise _invalid_format(template)
    if int(number) >= len(arguments):
        raise ExpressionError(
            f"The following format string references more arguments than were supplied: {template}"
        )
    return arguments[int(number)], end + 1


def _invalid_format(template: str) -> ExpressionError:
    return ExpressionError(f"The following format string is invalid: {template}")


def _limited(text: str) -> str:
    if len(text) > _MAX_RESULT:
        raise ExpressionError(f"The maximum allowed memory size was exceeded ({_MAX_RESULT} characters)")
    return text


def _join(values: Sequence[object]) -> object:
    if isinstance(values[0], list | tuple):
        separator = to_text(values[1]) if len(values) > 1 and not is_collection(values[1]) else ","
        return _limited(separator.join(map(to_text, values[0])))
    return "" if is_collection(values[0]) else to_text(values[0])


def _to_json(values: Sequence[object]) -> object:
    return _limited(_json_text(values[0], ""))


def _json_text(value: object, indent: str) -> str:
    inner = indent + "  "
    if isinstance(value, Mapping):
        items = [f"{inner}{_quoted(key)}: {_json_text(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(items) + f"\n{indent}}}" if items else "{}"
    if isinstance(value, list | tuple):
        items = [inner + _json_text(item, inner) for item in value]
        return "[\n" + ",\n".join(items) + f"\n{indent}]" if items else "[]"
    if isinstance(value, str):
        return _quoted(value)
    return "null" if value is None else to_text(value)


def _quoted(text: object) -> str:
    return json.dumps(to_text(text), ensure_ascii=False)


def _from_json(values: Sequence[object]) -> object:
    text = to_text(values[0])
    if not text.strip():
        raise ExpressionError(
            "Error parsing fromJson: Error reading JToken from JsonReader. Path '', line 0, position 0."
        )
    try:
        value: object = json.loads(text, parse_int=_json_integer)
    except RecursionError:
        raise ExpressionError("Error parsing fromJson: the value is nested too deeply") from None
    except ValueError as error:
        raise ExpressionError(f"Error parsing fromJson: {error}") from None
    _refuse_depth(value, _MAX_JSON_DEPTH)
    return value


def _json_integer(text: str) -> float | int:
    # Numbers are doubles to GitHub; very long ones would otherwise cost quadratic time.
    if len(text) > 15:
        number = float(text)
        return number if math.isinf(number) else int(number)
    return int(text)


def _refuse_depth(value: object, left: int) -> None:
    if not is_collection(value):
        return
    if left == 0:
        raise ExpressionError("Error parsing fromJson: the value is nested too deeply")
    for item in value.values() if isinstance(value, Mapping) else value:  # type: ignore[attr-defined]
        _refuse_depth(item, left - 1)


def case(arguments: Sequence[_Node], value_of: Callable[[_Node], object]) -> object:
    """Return the value behind the first predicate that holds, or the default, evaluating no other.

    Raises:
        ExpressionError: Arguments do not come as pairs and a default, or a predicate is no boolean.
    """
    if len(arguments) < 3 or len(arguments) % 2 == 0:
        raise ExpressionError(
            "The function 'case' takes pairs of a predicate and a value, then a default: "
            f"{len(arguments)} parameters were supplied"
        )
    for position in range(0, len(arguments) - 1, 2):
        predicate = value_of(arguments[position])
        if not isinstance(predicate, bool):
            raise ExpressionError(
                f"The predicate {position // 2 + 1} of the function 'case' is not a boolean"
            )
        if is_true(predicate):
            return value_of(arguments[position + 1])
    return value_of(arguments[-1])


FUNCTIONS: Mapping[str, tuple[int, int, Callable[[Sequence[object]], object]]] = {
    "contains": (2, 2, _contains),
    "startswith": (2, 2, _starts_with),
    "endswith": (2, 2, _ends_with),
    "format": (1, _UNLIMITED, _format),
    "join": (1, 2, _join),
    "tojson": (1, 1, _to_json),
    "fromjson": (1, 1, _from_json),
}
"""The general functions by lower-case name: fewest and most arguments, and what they do."""
