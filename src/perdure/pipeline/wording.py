"""Turns pydantic's complaints into problems that say what is allowed."""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Final

from pydantic_core import ErrorDetails

from perdure.model.words import did_you_mean, or_list
from perdure.pipeline._base import GITHUB_WORDS, Problem, instead
from perdure.pipeline.steps import KINDS
from perdure.pipeline.yaml_text import Path

_KINDS_OF_TYPES: Final = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "mapping_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "list_type": "a list",
    "frozen_set_type": "a list",
    "none_required": "empty",
}


def problems_of(errors: Iterable[ErrorDetails], known_path: Callable[[Path], Path]) -> list[Problem]:
    """Word errors, one for each place.

    Args:
        errors: Of one validation.
        known_path: Returns the part of a path that the file has.
    """
    by_place = groupby(errors, key=lambda error: (known_path(_path(error)), error["type"] == "missing"))
    return [
        problem
        for (path, missing), group in by_place
        for problem in (_missing(path, group) if missing else [_one(path, list(group))])
    ]


def _path(error: ErrorDetails) -> Path:
    location = error["loc"]
    if location[:1] == ("steps",) and len(location) > 2:
        location = location[:2] + location[3:]  # the third is the step's kind
    return tuple(part for part in location if part != "[key]")


def _missing(path: Path, errors: Iterable[ErrorDetails]) -> list[Problem]:
    return [Problem(path, f"{error['loc'][-1]} is missing{_what_for(path)}", at_key=True) for error in errors]


def _what_for(path: Path) -> str:
    return f" from {path[-1]}" if path and isinstance(path[-1], str) else ""


def _one(path: Path, errors: list[ErrorDetails]) -> Problem:
    kinds = [_KINDS_OF_TYPES[error["type"]] for error in errors if error["type"] in _KINDS_OF_TYPES]
    other = [error for error in errors if error["type"] not in _KINDS_OF_TYPES]
    if other:
        error = other[0]
        return Problem(path, _message(error), at_key="[key]" in error["loc"])
    wanted = or_list(dict.fromkeys(kinds))
    return Problem(
        path, f"must be {wanted}, not {_described(errors[0]['input'])}{_quote_it(kinds, errors[0])}"
    )


def _quote_it(kinds: list[str], error: ErrorDetails) -> str:
    value = error["input"]
    is_scalar = isinstance(value, bool | int | float)
    return ": quote it" if kinds == ["text"] and is_scalar else ""


def _message(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    value = error["input"]
    match error["type"]:
        case "value_error":
            return str(context.get("error", error["msg"]))
        case "enum" | "literal_error":
            allowed = _allowed(str(context.get("expected", "")))
            near = did_you_mean(value, allowed) if isinstance(value, str) else ""
            return f"must be {or_list(allowed)}, not {_described(value)}{near}"
        case "union_tag_not_found" | "union_tag_invalid":
            return _kind_of_step(value)
    if error["type"] in _LIMITS:
        return _LIMITS[error["type"]].format(
            **context, value=value if isinstance(value, int | float) else _described(value)
        )
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{message[:1].lower()}{message[1:]}"


_LIMITS: Final = {
    "string_pattern_mismatch": "must match {pattern}, not {value}",
    "greater_than_equal": "must be at least {ge}, not {value}",
    "less_than_equal": "must be at most {le}, not {value}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty: name at least one",
    "too_long": "must have at most {max_length} entries",
}


def _allowed(expected: str) -> list[str]:
    return [word.strip().strip("'") for word in expected.replace(" or ", ", ").split(",")]


def _kind_of_step(value: object) -> str:
    kinds = [key for key in KINDS if key not in {"review", "fleet"}]
    if not isinstance(value, Mapping):
        return f"a step is a mapping with one of {or_list(kinds)}, not {_described(value)}"
    present = [key for key in KINDS if value.get(key) is not None]
    if len(present) > 1:
        return f"a step does one thing, and this one has {' and '.join(present)}: make several steps"
    for key in map(str, value):
        if key in GITHUB_WORDS:
            return f"unknown key {key!r}{instead(key, kinds)}"
        if near := did_you_mean(key, kinds):
            return f"unknown key {key!r}{near}"
    if empty := next((key for key in KINDS if key in value), None):
        return f"{empty} is empty"
    return f"the step does nothing: give it one of {or_list(kinds)}"


def _described(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value) if len(value) <= 60 else f"{value[:57]!r}..."
        case int() | float():
            return f"the number {value}" if abs(value) < 1e20 else "that number"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
    return type(value).__name__
