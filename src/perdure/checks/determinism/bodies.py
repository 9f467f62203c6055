"""Reads one function's syntax: every node with what surrounds it, in the order of the text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from perdure.checks.determinism.symbols import Function, last_name

Caught = tuple[ast.expr | None, ...]


@dataclass(frozen=True, slots=True)
class Site:
    """A node of a function, and what surrounds it there."""

    node: ast.AST
    caught: Caught = ()
    """The exceptions that handlers around it take; ``None`` is any."""
    unrestricted: bool = False
    """Inside ``with workflow.unsafe.sandbox_unrestricted()``."""
    replay_only: bool = False
    """Inside a branch on ``workflow.unsafe.is_replaying()``."""


@dataclass(frozen=True)
class Body:
    """A function's nodes."""

    function: Function
    sites: tuple[Site, ...]

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """The node around each node."""
        return {
            child: site.node
            for site in self.sites
            if not isinstance(site.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
            for child in ast.iter_child_nodes(site.node)
        }


def body_of(function: Function) -> Body:
    """Return a function's body, without the functions and classes that are defined in it."""
    return Body(function, tuple(_all(function.body, Site(function.node))))


def _all(nodes: list[ast.stmt] | list[ast.expr], around: Site) -> Iterator[Site]:
    for node in nodes:
        yield from _sites(node, around)


def _sites(node: ast.AST, around: Site) -> Iterator[Site]:
    here = _at(node, around)
    yield here
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            # Defaults and decorators run where the definition stands; its body when it is called.
            yield from _all([*node.decorator_list, *node.args.defaults], here)
        case ast.ClassDef() | ast.Lambda():
            return
        case ast.Try() | ast.TryStar():
            caught = tuple(kind for handler in node.handlers for kind in _kinds(handler))
            yield from _all(node.body, _at(node, here, caught=(*here.caught, *caught)))
            for handler in node.handlers:
                yield from _sites(handler, here)
            yield from _all([*node.orelse, *node.finalbody], here)
        case ast.With() | ast.AsyncWith():
            yield from _with(node, here)
        case ast.If():
            yield from _if(node, here)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _sites(child, here)


def _with(node: ast.With | ast.AsyncWith, here: Site) -> Iterator[Site]:
    names = {last_name(item.context_expr) for item in node.items}
    for item in node.items:
        yield from _sites(item, here)
    inner = here
    if "sandbox_unrestricted" in names:
        inner = Site(node, here.caught, unrestricted=True, replay_only=here.replay_only)
    suppressed = tuple(
        kind
        for item in node.items
        if last_name(item.context_expr) == "suppress" and isinstance(item.context_expr, ast.Call)
        for kind in item.context_expr.args
    )
    yield from _all(node.body, _at(node, inner, caught=(*inner.caught, *suppressed)))


def _if(node: ast.If, here: Site) -> Iterator[Site]:
    yield from _sites(node.test, here)
    if last_name(node.test) == "TYPE_CHECKING":
        yield from _all(node.orelse, here)
        return
    asks = any(
        isinstance(part, ast.Call) and last_name(part) in {"is_replaying", "is_replaying_history_events"}
        for part in ast.walk(node.test)
    )
    inner = Site(node, here.caught, here.unrestricted, replay_only=asks or here.replay_only)
    yield from _all(node.body, inner)
    yield from _all(node.orelse, inner)


def _kinds(handler: ast.ExceptHandler) -> list[ast.expr | None]:
    if isinstance(handler.type, ast.Tuple):
        return list(handler.type.elts)
    return [handler.type]


def _at(node: ast.AST, around: Site, caught: Caught | None = None) -> Site:
    return Site(
        node,
        around.caught if caught is None else caught,
        around.unrestricted,
        around.replay_only,
    )
