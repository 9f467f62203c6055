"""Finds what libraries do: calls of theirs, reads of their state, and functions of theirs handed over."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.bodies import Body, Site
from perdure.checks.determinism.calls import TEMPORAL, factories
from perdure.checks.determinism.declarations import Declarations
from perdure.checks.determinism.findings import Hazard
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.symbols import Class, ClassObject, Outside, OutsideInstance, Scope

_READ = {
    "os.environ",
    "os.environb",
    "sys.argv",
    "sys.path",
    "sys.modules",
    "sys.executable",
    "sys.stdin",
}
"""What is not repeatable to read, without a call."""

_MUCH_USED_BY_LIBRARIES = {"identity", "print", "interpreter", "thread"}
"""Rules that hold for the project's code alone: inside of libraries these are mostly bookkeeping."""


class LibraryRules:
    """Checks one body against what is declared of libraries."""

    def __init__(self, inference: Inference, declarations: Declarations) -> None:
        self._inference = inference
        self._declarations = declarations

    def hazards(self, body: Body, scope: Scope) -> Iterator[Hazard]:
        """Yield what a body does with libraries that a replay would not repeat."""
        for site in body.sites:
            for rule, what in self._at(site, body, scope):
                if rule == "print" and site.replay_only:
                    continue
                if scope.module.own or rule not in _MUCH_USED_BY_LIBRARIES:
                    yield Hazard(rule, site.node, what)

    def _at(self, site: Site, body: Body, scope: Scope) -> Iterator[tuple[str, str]]:
        match site.node:
            case ast.Call():
                yield from self._call(site.node, scope)
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()):
                around = body.parents.get(site.node)
                if not isinstance(around, ast.Attribute):
                    yield from self._read(site.node, scope)

    def _call(self, call: ast.Call, scope: Scope) -> Iterator[tuple[str, str]]:
        boundary = False
        if self._is_of_result(call, scope):
            return
        for callee in self._inference.of(call.func, scope):
            if isinstance(callee, ClassObject):
                yield from self._defaults(callee.of, call)
            if isinstance(callee, Outside):
                boundary = boundary or callee.name.startswith(TEMPORAL)
                rule = self._declarations.called(callee.name, call)
                if rule is not None and not _reads(callee.name):
                    yield rule, f"calls {plain(callee.name)}()"
        if not boundary:
            yield from self._handed_over(call, scope)

    def _defaults(self, made: Class, call: ast.Call) -> Iterator[tuple[str, str]]:
        """Yield the functions of libraries that make defaults of fields which a call leaves out."""
        given = {keyword.arg for keyword in call.keywords}
        for above, name, factory in factories(self._inference, made):
            if name in given or None in given or isinstance(factory, ast.Lambda):
                continue
            for value in self._inference.of(factory, Scope(above.module, above.parent, above)):
                if isinstance(value, Outside) and (rule := self._called_later(value.name)):
                    yield rule, f"makes a {made.name}, whose {name} comes from {plain(value.name)}()"

    def _is_of_result(self, call: ast.Call, scope: Scope) -> bool:
        """Tell whether it is a method of what a function has returned: the function was reported already."""
        if not isinstance(call.func, ast.Attribute):
            return False
        return any(
            isinstance(base, OutsideInstance)
            and base.name.rpartition(".")[2].islower()
            and self._declarations.rule_of(base.name) is not None
            for base in self._inference.of(call.func.value, scope)
        )

    def _handed_over(self, call: ast.Call, scope: Scope) -> Iterator[tuple[str, str]]:
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(argument, ast.Name | ast.Attribute):
                for value in self._inference.of(argument, scope):
                    if isinstance(value, Outside) and (rule := self._called_later(value.name)):
                        yield rule, f"hands over {plain(value.name)} to be called"

    def _called_later(self, name: str) -> str | None:
        last = name.rpartition(".")[2]
        # A class or a constant is seldom called by who is given it.
        return None if not last.islower() or _reads(name) else self._declarations.rule_of(name)

    def _read(self, node: ast.Attribute | ast.Name, scope: Scope) -> Iterator[tuple[str, str]]:
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute | ast.Name):
            for value in self._inference.of(inner, scope):
                if isinstance(value, Outside) and value.name in _READ:
                    rule = self._declarations.rule_of(value.name)
                    if rule is not None:
                        yield rule, f"reads {value.name}"
                    return
            if isinstance(inner, ast.Name):
                return
            inner = inner.value


def _reads(name: str) -> bool:
    return any(name == read or name.startswith(f"{read}.") for read in _READ)


def plain(name: str) -> str:
    """Return a dotted name as people write it."""
    return name.removeprefix("builtins.")
