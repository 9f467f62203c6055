"""What containers hold: enough to know a set when it is iterated, and the type of an item."""

from __future__ import annotations

import ast
from collections.abc import Callable

from perdure.checks.determinism.symbols import OutsideInstance, Value

Values = tuple[Value, ...]

SET = "builtins.set"
_ANYTHING = OutsideInstance("builtins.object")
_MADE = {
    "builtins.list": "builtins.list",
    "builtins.tuple": "builtins.tuple",
    "builtins.sorted": "builtins.list",
    "builtins.reversed": "builtins.list",
    "builtins.iter": "builtins.list",
    "builtins.set": SET,
    "builtins.frozenset": SET,
    "collections.deque": "builtins.list",
}
_SET_OPERATIONS = {"union", "intersection", "difference", "symmetric_difference"}
_SAME = {
    "builtins.next",
    "builtins.min",
    "builtins.max",
    "copy.copy",
    "copy.deepcopy",
    "dataclasses.replace",
    "asyncio.create_task",
    "asyncio.ensure_future",
    "asyncio.shield",
    "asyncio.wait_for",
    "functools.partial",
    "functools.wraps",
    "functools.cache",
    "functools.lru_cache",
    "temporalio.workflow.defn",
}


def literal(expression: ast.expr, values_of: Callable[[ast.expr], Values]) -> Values:
    """Return the container that a display, a comprehension or a string makes."""
    match expression:
        case ast.Set(elts=parts):
            return (OutsideInstance(SET, _all(parts, values_of)),)
        case ast.SetComp(elt=part):
            return (OutsideInstance(SET, values_of(part)),)
        case ast.List(elts=parts):
            return (OutsideInstance("builtins.list", _all(parts, values_of)),)
        case ast.Tuple(elts=parts):
            held = [values_of(part) for part in parts]
            whole = all(len(values) == 1 for values in held)
            return (OutsideInstance("builtins.tuple", tuple(v[0] for v in held) if whole else ()),)
        case ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            return (OutsideInstance("builtins.list", values_of(part)),)
        case ast.Dict(values=parts):
            return (OutsideInstance("builtins.dict", _all(parts, values_of)),)
        case ast.DictComp(value=part):
            return (OutsideInstance("builtins.dict", values_of(part)),)
        case ast.JoinedStr() | ast.Constant(value=str()):
            return (OutsideInstance("builtins.str"),)
        case ast.Constant(value=bytes()):
            return (OutsideInstance("builtins.bytes"),)
    return ()


def element(values: Values, position: int | None = None) -> Values:
    """Return what iterating over values yields, or what unpacking gives one position."""
    found: list[Value] = []
    for value in values:
        if isinstance(value, OutsideInstance):
            if value.name == "builtins.tuple" and position is not None:
                found.extend(value.items[position : position + 1])
            elif value.name != "builtins.dict":
                found.extend(value.items)
    return tuple(found)


def made_by(name: str, arguments: list[Values]) -> Values | None:
    """Return what a function of Python's own returns for values, or ``None`` where it is none of these."""
    first = arguments[0] if arguments else ()
    if name in _MADE:
        return (OutsideInstance(_MADE[name], element(first)),)
    if name in {"builtins.next", "builtins.min", "builtins.max"}:
        return element(first)
    if name in _SAME:
        return first
    if name == "asyncio.gather":
        return (OutsideInstance("builtins.list", tuple(value for values in arguments for value in values)),)
    if name == "builtins.enumerate":
        return (_pairs(element(first)),)
    if name == "builtins.zip":
        together = tuple((*element(values), _ANYTHING)[0] for values in arguments)
        return (OutsideInstance("builtins.list", (OutsideInstance("builtins.tuple", together),)),)
    return None


def of_method(values: Values, name: str) -> Values:
    """Return what a method of a container gives: itself, another one like it, or an item."""
    found: list[Value] = []
    for value in values:
        match value:
            case OutsideInstance(name="builtins.dict", items=items) if name == "items":
                found.append(_pairs(items))
            case OutsideInstance(name="builtins.dict") if name == "copy":
                found.append(value)
            case OutsideInstance(name="builtins.dict", items=items) if name == "values":
                found.append(OutsideInstance("builtins.list", items))
            case OutsideInstance(name="builtins.list" | "builtins.set") if name == "copy":
                found.append(value)
            case OutsideInstance(name="builtins.set") if name in _SET_OPERATIONS:
                found.append(value)
            case OutsideInstance(name="builtins.dict" | "builtins.list" | "builtins.set", items=items):
                found.extend(items if name in {"get", "pop", "popleft", "setdefault"} else ())
    return tuple(found)


def _pairs(items: Values) -> OutsideInstance:
    """Return a sequence of pairs whose second parts are known."""
    pairs = tuple(OutsideInstance("builtins.tuple", (_ANYTHING, item)) for item in items)
    return OutsideInstance("builtins.list", pairs)


def _all(parts: list[ast.expr], values_of: Callable[[ast.expr], Values]) -> Values:
    return tuple(dict.fromkeys(value for part in parts for value in values_of(part)))
