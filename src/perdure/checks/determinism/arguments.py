"""Remembers what unannotated parameters are given, by the calls that were seen so far."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.symbols import Function, Scope

_MOST_CALLS = 8


class Arguments:
    """The arguments of the project's calls, by function and parameter.

    A walk reads a caller before it reads what that calls, so the first call of a function is always known
    when the function is read.
    """

    def __init__(self) -> None:
        self._given: dict[tuple[int, str], list[tuple[ast.expr, Scope]]] = {}

    def remember(self, function: Function, call: ast.Call, scope: Scope) -> None:
        """Keep what a call gives to parameters that say nothing of their type."""
        if not function.module.own:
            return
        for parameter, argument in _matched(function, call):
            given = self._given.setdefault((id(function), parameter.arg), [])
            if parameter.annotation is None and len(given) < _MOST_CALLS:
                given.append((argument, scope))

    def of(self, function: Function, parameter: ast.arg) -> list[tuple[ast.expr, Scope]]:
        """Return what a parameter was given, and where."""
        return self._given.get((id(function), parameter.arg), [])


def _matched(function: Function, call: ast.Call) -> Iterator[tuple[ast.arg, ast.expr]]:
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorators)
    bound = function.owner is not None and not static
    of = function.node.args
    positional = [*of.posonlyargs, *of.args][1 if bound else 0 :]
    for parameter, argument in zip(positional, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        yield parameter, argument
    by_name = {parameter.arg: parameter for parameter in function.parameters}
    for keyword in call.keywords:
        if keyword.arg in by_name:
            yield by_name[keyword.arg], keyword.value
