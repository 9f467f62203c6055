"""Checks one expression, and says what is wrong with it in the words of the pipeline file."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from perdure.model.words import did_you_mean
from perdure.pipeline.cel import MAX_EXPRESSION, STATUS_FUNCTIONS, CelCompileError, type_of
from perdure.pipeline.references import ROOTS, references, tokens
from perdure.pipeline.scope import Scope, Unknown
from perdure.pipeline.yaml_text import Path

_REPORT = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_SELECT = re.compile(r"expression of type '([^']+)' cannot be the operand of a select operation")

_FUNCTIONS: Final = (
    *(
        "size",
        "string",
        "int",
        "uint",
        "double",
        "bool",
        "bytes",
        "dyn",
        "type",
        "has",
        "timestamp",
        "duration",
    ),
    *(
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "split",
        "join",
        "replace",
        "substring",
        "trim",
        "charAt",
    ),
    *("indexOf", "lastIndexOf", "lowerAscii", "upperAscii", "format", "reverse"),
    *("all", "exists", "exists_one", "map", "filter"),
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
_WORDS_OF_TYPES: Final = {
    "STRING": "text",
    "string": "text",
    "INT": "a whole number",
    "int": "a whole number",
    "UINT": "a whole number",
    "uint": "a whole number",
    "DOUBLE": "a number",
    "double": "a number",
    "BOOL": "true or false",
    "bool": "true or false",
    "DYN": "any value",
    "dyn": "any value",
    "NULL": "null",
    "null": "null",
    "google.protobuf.Timestamp": "an instant",
    "TIMESTAMP": "an instant",
    "google.protobuf.Duration": "a duration",
    "DURATION": "a duration",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with an expression.

    Attributes:
        message: For its author.
        offset: Where in the expression.
        about: What it refers to in the file.
    """

    message: str
    offset: int
    about: Path | None = None


def check_expression(text: str, scope: Scope, *, with_status: bool = False) -> str | list[Finding]:
    """Return the name of an expression's type, such as ``STRING``, or all that is wrong with it."""
    if not text.strip():
        return [Finding("the expression is empty", 0)]
    if len(text) > MAX_EXPRESSION:
        return [Finding(f"the expression is longer than {MAX_EXPRESSION} characters", 0)]
    findings: list[Finding] = []
    variables: dict[str, str] = {}
    minus: set[int] = set()
    for reference in references(text):
        known = scope.type_of(reference)
        if isinstance(known, Unknown):
            end = reference.offsets[-1] + len(reference.names[-1])
            is_dashed = re.match(r"-[a-z]", text[end : end + 2]) is not None
            minus.update({end, end + 1} if is_dashed else ())
            dashed = "; a dash is a minus here: names have _" if is_dashed else ""
            findings.append(Finding(known.message + dashed, known.offset, known.about))
            known = "dyn"
        variables[reference.variable] = known
    try:
        kind = type_of(text, variables, with_status=with_status)
    except CelCompileError as error:
        findings += (one for one in _reworded(str(error), text, scope) if one.offset not in minus)
        return findings
    return findings or kind


def words_of_type(kind: str) -> str:
    """Write CEL's name of a type for a sentence."""
    plain = kind.partition("<")[0].partition("(")[0]
    if plain.lower() in {"list", "map"}:
        return {"list": "a list", "map": "a mapping"}[plain.lower()]
    return _WORDS_OF_TYPES.get(kind, kind)


def _reworded(report: str, text: str, scope: Scope) -> Iterator[Finding]:
    found = False
    for line in report.splitlines():
        match = _REPORT.search(line)
        if match is None or "*error*" in line or int(match[1]) < 1:
            continue
        found = True
        offset = _offset(text, int(match[1]), int(match[2]))
        yield _finding(match[3].removesuffix(" [INVALID_ARGUMENT]"), text, offset, scope)
        if "Syntax error" in line:
            return  # what follows is a consequence
    if not found:
        yield Finding(
            "the expression is nested too deeply" if "recursion" in report else "not an expression", 0
        )


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return min(sum(len(one) + 1 for one in lines[: line - 1]) + column - 1, max(0, len(text) - 1))


def _finding(message: str, text: str, offset: int, scope: Scope) -> Finding:
    if message.startswith("Syntax error: "):
        return Finding(_syntax(message.removeprefix("Syntax error: ")), offset)
    if overload := _OVERLOAD.match(message):
        return Finding(_no_overload(overload[1], _types(overload[2])), offset)
    if undeclared := _UNDECLARED.match(message):
        return _undeclared(undeclared[1], text, offset, scope)
    if select := _SELECT.match(message):
        return Finding(f"{words_of_type(select[1])} has no values inside", offset)
    if message.startswith("reserved identifier: "):
        return Finding(f"{message.rpartition(' ')[2]} is a reserved word of CEL", offset)
    return Finding(message.partition(" (in container")[0], offset)


def _syntax(message: str) -> str:
    if "'<EOF>'" in message.partition(" expecting")[0]:
        missing = re.match(r"missing ('[^']+')", message)
        return f"the expression ends too early{f': {missing[1]} is missing' if missing else ''}"
    unexpected = re.search(r"(?:input|at:?) '(.*?)'(?: expecting.*)?$", message)
    if unexpected and "token recognition" in message and unexpected[1][:1] in {"'", '"'}:
        return "a text does not end: close its quotation marks"
    return f"{unexpected[1]} cannot stand here" if unexpected else message


def _types(listed: str) -> list[str]:
    return [words_of_type(kind) for kind in re.split(r", (?![^(<]*[)>])", listed)] if listed else []


def _no_overload(name: str, types: list[str]) -> str:
    operator = re.fullmatch(r"_?([^\w\s]+|in)_?(?::_)?|(_\?_:_)", name)
    if name == "_?_:_":
        if types[0] not in {"true or false", "any value"}:
            return f"before ? stands true or false, not {types[0]}"
        return f"both sides of : must have the same type, not {types[1]} and {types[2]}"
    if name in {"_||_", "_&&_"}:
        wrong = next((kind for kind in types if kind not in {"true or false", "any value"}), types[0])
        default = "; for a default write x != '' ? x : 'default'" if name == "_||_" else ""
        return f"{name.strip('_')} takes true or false on both sides, not {wrong}{default}"
    if operator and len(types) == 2:
        converted = _conversion(types)
        return f"{name.strip('_')} does not work on {types[0]} and {types[1]}{converted}"
    if operator:
        return f"{name.strip('_')} does not work on {types[0] if types else 'this'}"
    return f"{name}() does not take {' and '.join(types) or 'no arguments'}"


def _conversion(types: list[str]) -> str:
    if "text" in types and len(set(types)) > 1:
        return ": convert one of them, with string(), int() or double()"
    return ": convert one of them, with int() or double()" if len(set(types)) > 1 else ""


def _undeclared(name: str, text: str, offset: int, scope: Scope) -> Finding:
    words = list(tokens(text))
    for word, following in pairwise(words):
        if word.kind == "name" and word.text == name and following.text == "(" and following.offset == offset:
            return _unknown_function(name, word.offset)
    begin = next(
        (word.offset for word in words if word.kind == "name" and word.text == name.partition(".")[0]), offset
    )
    where = "values stand in inputs, vars, steps, matrix and pipeline, and text in quotation marks"
    known = {root: root for root in ROOTS} | scope.bare_names()
    found = difflib.get_close_matches(name.partition(".")[0], known, n=1)
    near = f"; did you mean {known[found[0]]}?" if found else ""
    return Finding(f"unknown name {name!r}{near or f': {where}'}", begin)


def _unknown_function(name: str, offset: int) -> Finding:
    if name in STATUS_FUNCTIONS:
        return Finding(f"{name}() can be used in an if alone", offset)
    if name in _FUNCTIONS:
        return Finding(f"{name}() does not take so many arguments", offset)
    near = did_you_mean(name, (*_FUNCTIONS, *STATUS_FUNCTIONS))
    return Finding(f"unknown function {name}(){near}", offset)
