"""Finds what a function runs: the functions that it calls itself, and those that Python calls for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from perdure.checks.determinism.bodies import Body, Site
from perdure.checks.determinism.inference import Inference, is_property
from perdure.checks.determinism.overrides import Overrides
from perdure.checks.determinism.symbols import (
    Class,
    ClassObject,
    Function,
    FunctionObject,
    How,
    Instance,
    Outside,
    Scope,
    Value,
    last_name,
)

TEMPORAL = "temporalio."
_RUN_BY_TEMPORAL = {
    "wait_condition",
    "set_signal_handler",
    "set_query_handler",
    "set_update_handler",
    "set_dynamic_signal_handler",
    "set_dynamic_query_handler",
    "set_dynamic_update_handler",
    "as_completed",
    "wait",
}
"""Temporal's functions that call what they are given; others take activities and workflows by reference."""

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.Mod: "__mod__",
    ast.BitOr: "__or__",
    ast.BitAnd: "__and__",
    ast.Eq: "__eq__",
    ast.Lt: "__lt__",
    ast.Gt: "__gt__",
}
_BUILTINS = {
    "builtins.str": "__str__",
    "builtins.repr": "__repr__",
    "builtins.len": "__len__",
    "builtins.bool": "__bool__",
    "builtins.int": "__int__",
    "builtins.list": "__iter__",
    "builtins.tuple": "__iter__",
    "builtins.sorted": "__iter__",
    "builtins.iter": "__iter__",
    "builtins.next": "__next__",
    "builtins.format": "__format__",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """A function that another one runs, and where."""

    callee: Function
    receiver: Class | None
    site: Site
    validates: bool = False
    """Whether it checks a model's fields: what it raises is a mistake in what the model is made of."""


class Calls:
    """The call graph, one function at a time."""

    def __init__(self, inference: Inference, overrides: Overrides) -> None:
        self._inference = inference
        self._overrides = overrides

    def edges(self, body: Body, scope: Scope) -> Iterator[Edge]:
        """Yield what a body runs."""
        for site in body.sites:
            for value in self._run_at(site.node, scope):
                yield from self._edges(value, site)
        for wrapper in self._wrappers(body.function):
            yield Edge(wrapper, None, Site(body.function.node))

    def _edges(self, value: Value, site: Site) -> Iterator[Edge]:
        match value:
            case FunctionObject(of=function, receiver=receiver):
                yield Edge(function, receiver, site)
                for other, owner in self._overrides.of(function, receiver):
                    yield Edge(other, owner, site)
            case ClassObject(of=made):
                for function in self._constructors(made):
                    yield Edge(function, made, site)
                for function in self._validators(made):
                    yield Edge(function, made, site, validates=True)
            case Instance(of=owner):
                yield from self._method(owner, "__call__", site)

    def _method(self, owner: Class, name: str, site: Site) -> Iterator[Edge]:
        for value in self._inference.class_member(owner, name, owner):
            if isinstance(value, FunctionObject):
                yield Edge(value.of, value.receiver, site)

    def _run_at(self, node: ast.AST, scope: Scope) -> Iterator[Value]:
        match node:
            case ast.Call():
                yield from self._called(node, scope)
            case ast.Attribute(ctx=ast.Load()):
                yield from self._property(node, scope)
            case ast.For(iter=iterated) | ast.comprehension(iter=iterated, is_async=0):
                yield from self._special(iterated, scope, "__iter__")
            case ast.AsyncFor(iter=iterated) | ast.comprehension(iter=iterated):
                yield from self._special(iterated, scope, "__aiter__", "__anext__")
            case ast.withitem(context_expr=entered):
                yield from self._special(entered, scope, "__enter__", "__exit__", "__aenter__", "__aexit__")
            case ast.Subscript(value=base, ctx=ast.Load()):
                yield from self._special(base, scope, "__getitem__")
            case ast.BinOp(left=left, op=operator) | ast.Compare(left=left, ops=[operator]):
                yield from self._special(left, scope, _OPERATORS.get(type(operator), ""))
            case ast.FormattedValue(value=shown):
                yield from self._special(shown, scope, "__format__", "__str__")
            case ast.Await(value=awaited):
                yield from self._special(awaited, scope, "__await__")

    def _called(self, call: ast.Call, scope: Scope) -> Iterator[Value]:
        callees = self._inference.of(call.func, scope)
        for callee in callees:
            if isinstance(callee, FunctionObject):
                self._inference.arguments.remember(callee.of, call, scope)
            elif isinstance(callee, ClassObject):
                for function in self._constructors(callee.of):
                    self._inference.arguments.remember(function, call, scope)
        yield from callees
        names = [callee.name for callee in callees if isinstance(callee, Outside)]
        for name in names:
            if name in _BUILTINS and call.args:
                yield from self._special(call.args[0], scope, _BUILTINS[name])
        temporal = [name for name in names if name.startswith(TEMPORAL)]
        if temporal and not any(name.rpartition(".")[2] in _RUN_BY_TEMPORAL for name in temporal):
            return
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            yield from self.passed(argument, scope)

    def passed(self, argument: ast.expr, scope: Scope) -> Iterator[FunctionObject]:
        """Yield the functions that an argument hands over, for whoever is given them to call."""
        parts = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
        for part in parts:
            if isinstance(part, ast.Name | ast.Attribute | ast.Lambda):
                for value in self._inference.of(part, scope):
                    if isinstance(value, FunctionObject) and not is_reference(value.of):
                        yield value

    def _property(self, node: ast.Attribute, scope: Scope) -> Iterator[Value]:
        for base in self._inference.of(node.value, scope):
            if not isinstance(base, Instance):
                continue
            for owner in self._inference.line(base.of):
                if isinstance(owner, Class) and node.attr in owner.methods:
                    found = owner.methods[node.attr]
                    if is_property(found):
                        yield FunctionObject(found, base.of)
                    break

    def _special(self, expression: ast.expr, scope: Scope, *names: str) -> Iterator[Value]:
        for value in self._inference.of(expression, scope):
            if isinstance(value, Instance):
                for name in filter(None, names):
                    found = self._inference.class_member(value.of, name, value.of)
                    yield from (method for method in found if isinstance(method, FunctionObject))

    def _constructors(self, made: Class) -> Iterator[Function]:
        for name in ("__new__", "__init__", "__post_init__", "model_post_init"):
            for value in self._inference.class_member(made, name, made):
                if isinstance(value, FunctionObject):
                    yield value.of
        for above, _, factory in factories(self._inference, made):
            scope = Scope(above.module, above.parent, above)
            yield from (value.of for value in self.passed(factory, scope))

    def _validators(self, made: Class) -> Iterator[Function]:
        for above in self._inference.line(made):
            for method in above.methods.values() if isinstance(above, Class) else ():
                if any(
                    last_name(each) in {"field_validator", "model_validator"} for each in method.decorators
                ):
                    yield method

    def _wrappers(self, function: Function) -> Iterator[Function]:
        """Yield what the decorators of a function have put around it."""
        scope = Scope(function.module, function.parent)
        for decorator in function.decorators:
            base = decorator.func if isinstance(decorator, ast.Call) else decorator
            for value in self._inference.of(base, scope):
                if isinstance(value, FunctionObject) and not isinstance(value.of.node, ast.Lambda):
                    yield from _nested(value.of, depth=2 if isinstance(decorator, ast.Call) else 1)
                elif isinstance(value, ClassObject):
                    yield from (
                        each for name, each in value.of.methods.items() if name in {"__init__", "__call__"}
                    )


def factories(inference: Inference, made: Class) -> Iterator[tuple[Class, str, ast.expr]]:
    """Yield what makes the defaults of a class: the class that says so, the field, and the factory."""
    for above in inference.line(made):
        for name, bindings in above.names.items() if isinstance(above, Class) else ():
            for binding in bindings:
                if binding.how is How.VALUE and isinstance(binding.expression, ast.Call):
                    for keyword in binding.expression.keywords:
                        if isinstance(above, Class) and keyword.arg in {"default_factory", "factory"}:
                            yield above, name, keyword.value


def _nested(function: Function, depth: int) -> Iterator[Function]:
    for bindings in function.names.values():
        for binding in bindings:
            if isinstance(binding.definition, Function):
                if depth > 1:
                    yield from _nested(binding.definition, depth - 1)
                else:
                    yield binding.definition


def is_reference(function: Function) -> bool:
    """Tell whether a function is named to have Temporal run it: an activity, or a handler of a workflow."""
    return any(
        last_name(decorator) in {"defn", "run", "signal", "query", "update", "operation", "sync_operation"}
        and not isinstance(decorator, ast.Name)
        for decorator in function.decorators
    ) or any(isinstance(decorator, ast.Name) and decorator.id == "defn" for decorator in function.decorators)
