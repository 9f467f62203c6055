"""CEL, the language of expressions: compiled, checked and evaluated by the CEL project's own library.

https://github.com/google/cel-spec/blob/master/doc/langdef.md

CEL has no loops but over lists, no clock, no randomness and no I/O; the library bounds recursion and
iterations; so an expression gives the same value on every replay and cannot keep a workflow task busy.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Final

from cel_expr_python import cel  # type: ignore[import-untyped]
from cel_expr_python.ext import ext_strings  # type: ignore[import-untyped]
from pydantic import JsonValue

from perdure.errors import ExpressionError

MAX_EXPRESSION: Final = 4000
STATUS_FUNCTIONS: Final = ("success", "failure", "always", "cancelled")

Status = tuple[bool, bool, bool]
"""What ``success()``, ``failure()`` and ``cancelled()`` return; ``always()`` is always true."""

_EXTENSIONS: Final = (ext_strings.ExtStrings(),)


class CelCompileError(Exception):
    """The library's own report about an expression, to be reworded."""


def type_of(text: str, variables: Mapping[str, str], *, with_status: bool = False) -> str:
    """Compile and check an expression, and return the name of its type, such as ``STRING``.

    Args:
        text: The expression.
        variables: The type of each variable that it may mention, as CEL spells it: ``string``, ``int``.
        with_status: Whether it may call the status functions.

    Raises:
        CelCompileError: It is no expression, or its types do not fit.
    """
    status = (False, False, False) if with_status else None
    return str(_compile(text, tuple(variables), tuple(variables.values()), status).return_type().name())


@lru_cache(maxsize=4096)
def _compile(
    text: str, names: tuple[str, ...], types: tuple[str, ...], status: Status | None
) -> cel.Expression:
    if "\0" in text:
        raise CelCompileError("a NUL character")  # the library would silently stop there
    try:
        return _environment(names, types, status).compile(text)
    except RuntimeError as error:
        raise CelCompileError(str(error)) from None
    except TypeError:
        raise CelCompileError("half of a character (a surrogate)") from None


@lru_cache(maxsize=1024)
def _environment(names: tuple[str, ...], types: tuple[str, ...], status: Status | None) -> cel.Env:
    return cel.NewEnv(
        variables={name: cel.Type(kind) for name, kind in zip(names, types, strict=True)},
        extensions=_EXTENSIONS,
        functions=_status_functions(status) if status is not None else None,
    )


def _status_functions(status: Status) -> list[cel.FunctionDecl]:
    success, failure, cancelled = status
    values = dict(zip(STATUS_FUNCTIONS, (success, failure, True, cancelled), strict=True))
    return [
        cel.FunctionDecl(
            name,
            [cel.Overload(id=name, return_type=cel.Type.BOOL, parameters=[], impl=partial(bool, value))],
        )
        for name, value in values.items()
    ]


def evaluate_cel(
    text: str, names: frozenset[str], values: Mapping[str, object], status: Status | None = None
) -> JsonValue:
    """Evaluate a checked expression.

    Its variables are declared without types: those were checked when the file was read, and CEL picks the
    same functions by the values.

    Args:
        text: The expression.
        names: Every variable that it mentions, as a dotted name.
        values: Of those that have one. One without is no mistake until its value is asked for, so that
            ``steps.x.conclusion == 'success' ? steps.x.outputs.y : ''`` works.
        status: What the status functions return, where it may use them.

    Raises:
        ExpressionError: It has no value, or one that is no JSON.
    """
    variables = tuple(sorted(names))
    try:
        compiled = _compile(text, variables, ("dyn",) * len(variables), status)
        result = compiled.eval(data=dict(values))
        if result.type() == cel.Type.ERROR:
            raise ExpressionError(f"{text} has no value: {_reason(str(result.plain_value()))}")
        return _json(result.plain_value(), text)
    except (CelCompileError, RuntimeError, UnicodeError) as error:
        raise ExpressionError(f"{text} has no value: {_reason(str(error))}") from None


def matches(text: str, pattern: str) -> bool:
    """Say whether a regular expression matches somewhere in the text.

    RE2's time is linear in the text, whatever the pattern: https://github.com/google/re2/wiki/Syntax

    Raises:
        ExpressionError: It is no regular expression.
    """
    found = evaluate_cel(
        "text.matches(pattern)", frozenset({"text", "pattern"}), {"text": text, "pattern": pattern}
    )
    return found is True


_NOT_SET = re.compile(r'No value with name "([^"]+)" found in Activation')


def _reason(report: str) -> str:
    if not_set := _NOT_SET.search(report):
        return f"{not_set[1]} was not set"
    first = report.splitlines()[0] if report else "unknown"
    kind, colon, rest = first.partition(": ")
    reason = rest if colon and kind.isupper() else first
    return reason.partition(" [")[0]


def _json(value: object, text: str) -> JsonValue:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if value != value or value in (float("inf"), float("-inf")):
                raise ExpressionError(f"{text} has no value: {value} is not a number that JSON knows")
            return value
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case timedelta():
            return f"{value.total_seconds():g}s"
        case list():
            return [_json(one, text) for one in value]
        case dict():
            return {str(_json(key, text)): _json(one, text) for key, one in value.items()}
    raise ExpressionError(f"{text} has no value that can be kept: {type(value).__name__}")
