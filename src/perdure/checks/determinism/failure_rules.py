"""Finds exceptions that leave a workflow and are no failures of Temporal's.

Such an exception fails the workflow task, not the workflow: Temporal takes it for a mistake in the code, and
tries the task again until somebody deploys other code. That is right for mistakes, so AssertionError,
NotImplementedError, what validators of models raise and what Python raises by itself are not reported.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass

from perdure.checks.determinism.bodies import Caught, body_of
from perdure.checks.determinism.calls import Calls, Edge
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.symbols import (
    Class,
    ClassObject,
    Function,
    Instance,
    Outside,
    OutsideInstance,
    Scope,
    Value,
    last_name,
)

_FINE = {"builtins.AssertionError", "builtins.NotImplementedError", "asyncio.CancelledError"}
_TIMED = {"asyncio.timeout", "asyncio.timeout_at", "asyncio.wait_for", "temporalio.workflow.wait_condition"}
_TIMEOUT = ("builtins.TimeoutError", "builtins.OSError", "builtins.Exception", "builtins.BaseException")
_DEEPEST = 25


@dataclass(frozen=True, slots=True)
class Escape:
    """An exception that a function lets go."""

    rule: str
    node: ast.AST
    what: str
    kinds: tuple[str, ...]
    """The exception's class and all those above it."""
    way: tuple[tuple[Function, ast.AST], ...]


class Failures:
    """What leaves the project's functions as an exception."""

    def __init__(self, inference: Inference, calls: Calls) -> None:
        self._inference = inference
        self._calls = calls
        self._known: dict[tuple[int, int], tuple[Escape, ...]] = {}
        self._asked: set[tuple[int, int]] = set()

    def leaving(self, function: Function, receiver: Class | None) -> tuple[Escape, ...]:
        """Return the exceptions that a function lets go, with the shortest way to each."""
        key = (id(function), id(receiver))
        if key in self._known:
            return self._known[key]
        if key in self._asked or len(self._asked) > _DEEPEST or not function.module.own:
            return ()
        self._asked.add(key)
        shortest: dict[int, Escape] = {}
        for escape in self._search(function, receiver):
            known = shortest.get(id(escape.node))
            if known is None or len(escape.way) < len(known.way):
                shortest[id(escape.node)] = escape
        self._asked.discard(key)
        self._known[key] = tuple(shortest.values())
        return self._known[key]

    def kinds_of(self, value: Value) -> tuple[str, ...]:
        """Return the names of an exception's class and of those above it."""
        match value:
            case Instance(of=made) | ClassObject(of=made):
                line = self._inference.line(made)
                return tuple(
                    name
                    for above in line
                    for name in ([str(above)] if isinstance(above, Class) else _line(above.name))
                )
            case Outside(name=name) | OutsideInstance(name=name):
                return tuple(_line(name))
        return ()

    def _search(self, function: Function, receiver: Class | None) -> Iterator[Escape]:
        scope = Scope(function.module, function, receiver)
        body = body_of(function)
        for site in body.sites:
            for rule, what, kinds in self._raised(site.node, scope):
                if not self._taken(kinds, site.caught, scope):
                    yield Escape(rule, site.node, what, kinds, ((function, site.node),))
        apart = {id(call) for site in body.sites for call in _apart(site.node)}
        for edge in self._calls.edges(body, scope):
            if id(edge.site.node) not in apart and not edge.validates:
                yield from self._through(edge, function, scope)

    def _through(self, edge: Edge, function: Function, scope: Scope) -> Iterator[Escape]:
        for escape in self.leaving(edge.callee, edge.receiver):
            if not self._taken(escape.kinds, edge.site.caught, scope):
                way = ((function, edge.site.node), *escape.way)
                yield Escape(escape.rule, escape.node, escape.what, escape.kinds, way)

    def _raised(self, node: ast.AST, scope: Scope) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        match node:
            case ast.Raise(exc=ast.expr() as raised):
                for value in self._inference.of(raised, scope):
                    kinds = self.kinds_of(value)
                    if kinds[:1] == ("builtins.Exception",) and not isinstance(value, Outside):
                        # Annotated as any exception: which one is not known.
                        continue
                    if "builtins.BaseException" in kinds and not _is_failure(kinds):
                        yield "endless-retry", f"raises {kinds[0].removeprefix('builtins.')}", kinds
                        return
            case ast.Call():
                for value in self._inference.of(node.func, scope):
                    if isinstance(value, Outside) and value.name in _TIMED and _has_limit(value.name, node):
                        name = value.name.removeprefix("temporalio.")
                        yield "uncaught-timeout", f"waits in {name}() with a time limit", _TIMEOUT

    def _taken(self, kinds: tuple[str, ...], caught: Caught, scope: Scope) -> bool:
        for expression in caught:
            if expression is None:
                return True
            taken = {
                kind for value in self._inference.of(expression, scope) for kind in self.kinds_of(value)[:1]
            }
            if taken & set(kinds) or not self._inference.of(expression, scope):
                return True
        return False


def _is_failure(kinds: tuple[str, ...]) -> bool:
    return any(kind in _FINE or kind.startswith("temporalio.") for kind in kinds)


def _line(name: str) -> Iterator[str]:
    if name in {"asyncio.TimeoutError", "asyncio.exceptions.TimeoutError", "concurrent.futures.TimeoutError"}:
        name = "builtins.TimeoutError"
    found = getattr(builtins, name.removeprefix("builtins."), None)
    if isinstance(found, type):
        yield from (f"builtins.{above.__name__}" for above in found.__mro__ if above is not object)
    else:
        yield name


def _has_limit(name: str, call: ast.Call) -> bool:
    limits = [keyword.value for keyword in call.keywords if keyword.arg in {"timeout", "delay", "when"}]
    if not name.endswith("wait_condition"):
        limits += call.args[-1:] if len(call.args) > (1 if name.endswith("wait_for") else 0) else []
    return any(not (isinstance(limit, ast.Constant) and limit.value is None) for limit in limits)


def _apart(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the calls whose exceptions come out elsewhere: a task's do where it is awaited."""
    if isinstance(node, ast.Call) and last_name(node.func) in {"create_task", "ensure_future", "gather"}:
        yield from (
            part for argument in node.args for part in ast.walk(argument) if isinstance(part, ast.Call)
        )
