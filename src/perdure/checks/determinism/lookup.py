"""Finds where names are bound: in modules, through re-exports, and on ``self``."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from perdure.checks.determinism.declarations import Declarations
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.symbols import Binding, Class, Function, How, Module, inside

_BUILTINS = frozenset(dir(builtins))

Attributes = dict[str, list[tuple[Function, How, ast.expr]]]


class Lookup:
    """Bindings by name, each table made once."""

    def __init__(self, modules: Modules, declarations: Declarations) -> None:
        self.modules = modules
        self.declarations = declarations
        self._attributes: dict[int, Attributes] = {}
        self._results: dict[int, list[ast.expr]] = {}

    def binding(
        self, module: Module, name: str, seen: frozenset[str] = frozenset()
    ) -> tuple[Module, list[Binding]] | None:
        """Return the bindings of a module's name and the module that they stand in."""
        if name in module.names:
            return module, module.names[name]
        for star in module.stars:
            if star in seen or self.declarations.knows(star):
                continue
            other = self.modules.named(star, module)
            if other is not None and (found := self.binding(other, name, seen | {star})):
                return found
        return None

    def is_builtin(self, name: str) -> bool:
        """Tell whether Python itself has the name."""
        return name in _BUILTINS

    def attributes(self, owner: Class) -> Attributes:
        """Return what the methods of a class assign to attributes of ``self``."""
        if id(owner) not in self._attributes:
            table: Attributes = {}
            for method in owner.methods.values():
                for name, how, expression in _assigned(method):
                    table.setdefault(name, []).append((method, how, expression))
            self._attributes[id(owner)] = table
        return self._attributes[id(owner)]

    def results(self, function: Function) -> list[ast.expr]:
        """Return what a function's return statements return."""
        if id(function) not in self._results:
            self._results[id(function)] = [
                node.value
                for node in inside(function.body)
                if isinstance(node, ast.Return | ast.Yield) and node.value is not None
            ]
        return self._results[id(function)]


def shadowed_by_parameter(function: Function, name: str) -> ast.arg | None:
    """Return the parameter of that name, if there is one."""
    of = function.node.args
    others = [extra for extra in (of.vararg, of.kwarg) if extra is not None]
    return next((parameter for parameter in (*function.parameters, *others) if parameter.arg == name), None)


def _assigned(method: Function) -> Iterator[tuple[str, How, ast.expr]]:
    first = method.parameters[0].arg if method.parameters else ""
    for node in inside(method.body):
        match node:
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id=base), attr=name)) if base == first:
                yield name, How.ANNOTATION, node.annotation
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    match target:
                        case ast.Attribute(value=ast.Name(id=base), attr=name) if base == first:
                            yield name, How.VALUE, value
