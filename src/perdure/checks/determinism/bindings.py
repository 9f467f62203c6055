"""Collects what the names of a module, a class or a function stand for, whatever the order of statements."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.symbols import Binding, Class, Function, How, Module, Names, Scope, inside


def names_of(body: list[ast.stmt] | list[ast.expr], scope: Scope, owner: Class | None = None) -> Names:
    """Return each name that a body binds, with everything that it is bound to."""
    names: Names = {}
    for node in inside(body):
        for name, binding in _bindings(node, scope, owner):
            names.setdefault(name, []).append(binding)
    return names


def fill(module: Module) -> None:
    """Read a module's own names and the modules that it imports everything from."""
    scope = Scope(module)
    module.names.update(names_of(module.tree.body, scope))
    for node in inside(module.tree.body):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            module.stars.append(origin(node, module))


def origin(node: ast.ImportFrom, module: Module) -> str:
    """Return the absolute name of the module that an import names."""
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, node.module] if node.module else parts)


def _bindings(node: ast.AST, scope: Scope, owner: Class | None) -> Iterator[tuple[str, Binding]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imports(node, scope.module)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, Binding(How.DEFINITION, definition=_defined(node, scope, owner))
    else:
        yield from _values(node)


def _imports(node: ast.Import | ast.ImportFrom, module: Module) -> Iterator[tuple[str, Binding]]:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            imported: tuple[str, str | None] = (origin(node, module), alias.name)
        else:
            # Without a name of its own an import binds the first part, through which the rest is reached.
            imported = (alias.name if alias.asname else alias.name.partition(".")[0], None)
        bound = alias.asname or (imported[1] or imported[0])
        yield bound, Binding(How.IMPORT, imported=imported)


def _values(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    match node:
        case ast.Assign():
            for target in node.targets:
                yield from _targets(target, How.VALUE, node.value)
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name, Binding(How.ANNOTATION, node.annotation)
            if node.value is not None:
                yield name, Binding(How.VALUE, node.value)
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            yield from _targets(node.target, How.ITEM, node.iter)
        case ast.withitem(optional_vars=ast.expr() as target):
            yield from _targets(target, How.ENTERED, node.context_expr)
        case ast.NamedExpr():
            yield from _targets(node.target, How.VALUE, node.value)
        case _:
            yield from _instances(node)


def _instances(node: ast.AST) -> Iterator[tuple[str, Binding]]:
    """Yield the names that are known to stand for an instance of some class."""
    match node:
        case ast.ExceptHandler(name=str() as name):
            yield name, Binding(How.INSTANCE, node.type)
        case ast.MatchAs(name=str() as name, pattern=ast.MatchClass(cls=kind)):
            yield name, Binding(How.INSTANCE, kind)
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kind]):
            # A set that is asked for is mostly turned into something else there.
            if ast.unparse(kind) not in {"set", "frozenset"}:
                yield name, Binding(How.INSTANCE, kind)


def _targets(
    target: ast.expr, how: How, value: ast.expr, within: tuple[int, ...] = ()
) -> Iterator[tuple[str, Binding]]:
    match target:
        case ast.Name(id=name):
            yield name, Binding(how, value, position=within)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for position, part in enumerate(parts):
                yield from _targets(part, how, value, (*within, position))


def _defined(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, scope: Scope, owner: Class | None
) -> Function | Class:
    prefix = owner.name if owner else scope.function.name if scope.function else ""
    name = f"{prefix}.{node.name}" if prefix else node.name
    if isinstance(node, ast.ClassDef):
        made = Class(name, node, scope.module, scope.function)
        made.names.update(names_of(node.body, scope, made))
        return made
    return Function(name, node, scope.module, owner, scope.function)
