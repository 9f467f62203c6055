"""Finds where the order of a set decides what a workflow does.

Iterating over a set is harmless where the result is the same in any order. So a loop is reported only where
its body sends a command, stops early, or builds something that has an order; a list or a tuple of a set,
unless it goes straight into something that has none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.bodies import Body
from perdure.checks.determinism.containers import SET
from perdure.checks.determinism.findings import Hazard
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.symbols import OutsideInstance, Scope, inside, last_name

_ORDERLESS = {
    "sorted",
    "set",
    "frozenset",
    "len",
    "sum",
    "min",
    "max",
    "any",
    "all",
    "Counter",
    "fsum",
    "update",
}
_ORDERLESS_METHODS = {"union", "intersection", "difference", "issubset", "issuperset", "isdisjoint", "update"}
_ORDERING = {
    "list",
    "tuple",
    "enumerate",
    "iter",
    "zip",
    "map",
    "filter",
    "reversed",
    "deque",
    "fromkeys",
    "join",
}
_KEEPS_ORDER = {
    "append",
    "extend",
    "insert",
    "appendleft",
    "put",
    "put_nowait",
    "write",
    "send",
}


class OrderRules:
    """Checks one body for orders that come from sets."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def hazards(self, body: Body, scope: Scope) -> Iterator[Hazard]:
        """Yield the places where a set's order gets out."""
        for site in body.sites:
            node = site.node
            match node:
                case ast.For(iter=iterated):
                    if self._unordered(iterated, scope) and _order_matters(node):
                        yield Hazard(
                            "unordered", iterated, f"goes through {_set(iterated)} and its order decides"
                        )
                case ast.ListComp() | ast.GeneratorExp() | ast.DictComp():
                    yield from self._comprehension(node, body, scope)
                case ast.Call():
                    yield from self._call(node, body, scope)
                case ast.Starred(value=inner, ctx=ast.Load()):
                    if self._unordered(inner, scope) and not self._harmless(node, body):
                        yield Hazard("unordered", node, f"unpacks {_set(inner)}, in whatever order")

    def _comprehension(
        self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, body: Body, scope: Scope
    ) -> Iterator[Hazard]:
        iterated = node.generators[0].iter
        if isinstance(node, ast.DictComp):
            # A dict of a set is harmless until it is gone through: see _unordered.
            return
        if self._unordered(iterated, scope) and not self._harmless(node, body):
            yield Hazard("unordered", node, f"makes a sequence of {_set(iterated)}, in whatever order")

    def _call(self, node: ast.Call, body: Body, scope: Scope) -> Iterator[Hazard]:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
            if self._is_set(node.func.value, scope) and not _is_the_only_one(node.func.value, body):
                yield Hazard("unordered", node, f"pops any item of {_set(node.func.value)}")
            return
        if last_name(node.func) == "next" and node.args:
            inner = node.args[0]
            if isinstance(inner, ast.Call) and last_name(inner) == "iter":
                return
        if last_name(node.func) not in _ORDERING or self._harmless(node, body):
            return
        for argument in node.args:
            if self._unordered(argument, scope):
                yield Hazard("unordered", node, f"makes a sequence of {_set(argument)}, in whatever order")
                return

    def _unordered(self, expression: ast.expr, scope: Scope) -> bool:
        match expression:
            case ast.Call(func=ast.Attribute(value=inner, attr="items" | "keys" | "values")):
                return self._from_set(inner, scope)
            case ast.Call(func=ast.Name(id="enumerate" | "reversed" | "iter"), args=[inner, *_]):
                return self._unordered(inner, scope)
        return self._is_set(expression, scope) or self._from_set(expression, scope)

    def _is_set(self, expression: ast.expr, scope: Scope) -> bool:
        values = self._inference.of(expression, scope)
        return any(isinstance(value, OutsideInstance) and value.name == SET for value in values)

    def _from_set(self, expression: ast.expr, scope: Scope) -> bool:
        """Tell whether an expression is a dict whose order a set has given it."""
        if isinstance(expression, ast.DictComp):
            return self._is_set(expression.generators[0].iter, scope)
        if not isinstance(expression, ast.Name) or scope.function is None:
            return False
        bindings = scope.function.names.get(expression.id, ())
        return any(
            isinstance(binding.expression, ast.DictComp)
            and self._is_set(binding.expression.generators[0].iter, scope)
            for binding in bindings
        )

    def _harmless(self, node: ast.AST, body: Body) -> bool:
        """Tell whether what is made goes straight into something without an order."""
        around = body.parents.get(node)
        while isinstance(
            around, ast.Starred | ast.GeneratorExp | ast.ListComp | ast.comprehension | ast.keyword
        ):
            around = body.parents.get(around)
        match around:
            case ast.Call(func=function):
                name = last_name(function)
                if name in _ORDERLESS or name in _ORDERLESS_METHODS:
                    return True
                return name in _ORDERING and self._harmless(around, body)
            case ast.SetComp() | ast.Set() | ast.Compare() | ast.DictComp() | ast.Expr():
                return True
            case ast.For():
                return not _order_matters(around)
            case ast.Assign(targets=[ast.Name(id=name)]):
                return _sorted_later(name, body)
        return False


def _order_matters(loop: ast.For) -> bool:
    items = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    for node in inside(loop.body):
        match node:
            case ast.Await() | ast.Yield() | ast.YieldFrom() | ast.AsyncFor() | ast.AsyncWith() | ast.Break():
                return True
            case ast.Return(value=value):
                # The same is returned whichever item it was, unless it is made of the item.
                if value is not None and any(part.id in items for part in _names_in(value)):
                    return True
            case ast.Call():
                name = last_name(node.func)
                if name in _KEEPS_ORDER or name.startswith(("start_", "execute_", "create_task", "signal")):
                    return True
    return False


def _names_in(expression: ast.expr) -> Iterator[ast.Name]:
    return (node for node in ast.walk(expression) if isinstance(node, ast.Name))


def _is_the_only_one(expression: ast.expr, body: Body) -> bool:
    """Tell whether a function asks if there is just one item."""
    asked = f"len({ast.unparse(expression)}) == 1"
    return any(isinstance(site.node, ast.Compare) and ast.unparse(site.node) == asked for site in body.sites)


def _sorted_later(name: str, body: Body) -> bool:
    return any(
        isinstance(site.node, ast.Call)
        and isinstance(site.node.func, ast.Attribute)
        and site.node.func.attr == "sort"
        and last_name(site.node.func.value) == name
        for site in body.sites
    )


def _set(expression: ast.expr) -> str:
    text = ast.unparse(expression)
    return f"the set {text}" if len(text) < 40 else "a set"
