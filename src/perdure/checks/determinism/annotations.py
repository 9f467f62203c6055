"""Reads annotations: which instances a parameter, an attribute or a result may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from perdure.checks.determinism.symbols import (
    ClassObject,
    Instance,
    Outside,
    OutsideInstance,
    Scope,
    Value,
)

if TYPE_CHECKING:
    from perdure.checks.determinism.inference import Inference

Values = tuple[Value, ...]

_TRANSPARENT = set(
    """
    Annotated ClassVar Final Optional Required NotRequired ReadOnly Awaitable Coroutine Task Future Unpack
    AsyncGenerator Generator AbstractContextManager AbstractAsyncContextManager ContextManager
    AsyncContextManager
    """.split()  # noqa: SIM905 - names are read more easily without quotes
)
_LISTS = set(
    """
    list List Sequence MutableSequence Iterable Iterator Collection deque Deque AsyncIterator AsyncIterable
    Container Reversible
    """.split()  # noqa: SIM905 - as above
)
_SETS = {"set", "Set", "frozenset", "FrozenSet", "AbstractSet", "MutableSet"}
_DICTS = {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"}


class Annotations:
    """Turns annotations into values."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._parsed: dict[int, ast.expr | None] = {}

    def instances(self, annotation: ast.expr, scope: Scope) -> Values:
        """Return the instances that an annotation allows."""
        return tuple(self._instances(annotation, scope))

    def _instances(self, annotation: ast.expr, scope: Scope) -> Iterator[Value]:
        match annotation:
            case ast.Constant(value=str()):
                if (inner := self._from_string(annotation)) is not None:
                    yield from self._instances(inner, scope)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from self._instances(left, scope)
                yield from self._instances(right, scope)
            case ast.Subscript():
                yield from self._generic(annotation, scope)
            case ast.Name() | ast.Attribute():
                yield from self._named(annotation, scope)

    def _named(self, annotation: ast.Name | ast.Attribute, scope: Scope) -> Iterator[Value]:
        name = annotation.id if isinstance(annotation, ast.Name) else annotation.attr
        if name == "Self" and scope.receiver is not None:
            yield Instance(scope.receiver)
            return
        for value in self._inference.of(annotation, scope):
            match value:
                case ClassObject(of=made):
                    yield Instance(made)
                case Outside(name="builtins.frozenset"):
                    yield OutsideInstance("builtins.set")
                case Outside(name=outside) if outside.rpartition(".")[2] in _SETS:
                    yield OutsideInstance("builtins.set")
                case Outside(name=outside):
                    yield OutsideInstance(outside)
                case Instance() | OutsideInstance():
                    # An alias of another annotation, or a type variable: nothing is known of those here.
                    continue

    def _generic(self, annotation: ast.Subscript, scope: Scope) -> Iterator[Value]:
        base = annotation.value
        name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        inner = annotation.slice
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        if name in {"Union", "Optional"}:
            for part in parts:
                yield from self._instances(part, scope)
        elif name == "Annotated":
            yield from self._instances(parts[0], scope)
        elif name in _TRANSPARENT:
            yield from self._instances(parts[0 if name != "Coroutine" else -1], scope)
        elif name in {"type", "Type"}:
            yield from (
                ClassObject(value.of) if isinstance(value, Instance) else Outside(value.name)
                for value in self._instances(parts[0], scope)
                if isinstance(value, Instance | OutsideInstance)
            )
        elif (made := _container(name)) is not None:
            held = parts[-1] if name in _DICTS else parts[0]
            yield OutsideInstance(made, self.instances(held, scope))
        elif name in {"tuple", "Tuple"}:
            yield self._tuple(parts, scope)
        else:
            yield from self._instances(base, scope)

    def _tuple(self, parts: list[ast.expr], scope: Scope) -> OutsideInstance:
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
            return OutsideInstance("builtins.list", self.instances(parts[0], scope))
        held = [self.instances(part, scope) for part in parts]
        if all(len(values) == 1 for values in held):
            return OutsideInstance("builtins.tuple", tuple(values[0] for values in held))
        return OutsideInstance("builtins.tuple")

    def _from_string(self, annotation: ast.Constant) -> ast.expr | None:
        # Kept, because what is known of an expression is known by the place of its node in memory.
        if id(annotation) not in self._parsed:
            try:
                self._parsed[id(annotation)] = ast.parse(str(annotation.value), mode="eval").body
            except SyntaxError:
                self._parsed[id(annotation)] = None
        return self._parsed[id(annotation)]


def _container(name: str) -> str | None:
    if name in _LISTS:
        return "builtins.list"
    if name in _SETS:
        return "builtins.set"
    return "builtins.dict" if name in _DICTS else None


def is_abstract(body: list[ast.stmt] | list[ast.expr]) -> bool:
    """Tell whether a method only says what classes below have to do."""
    return all(
        isinstance(statement, ast.Pass | ast.Raise)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in body
    )
