"""Finds values that modules computed from the clock, the environment or chance when they were imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.bodies import Body, Site
from perdure.checks.determinism.exemptions import exempts
from perdure.checks.determinism.findings import Hazard
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.library_rules import LibraryRules
from perdure.checks.determinism.lookup import shadowed_by_parameter
from perdure.checks.determinism.symbols import Function, How, Module, ModuleObject, Scope, inside

_COUNTED = {"clock", "random", "uuid", "environment", "files", "network", "declared"}


class ImportRules:
    """Checks which values of the project's modules one body reads."""

    def __init__(self, inference: Inference, library: LibraryRules) -> None:
        self._inference = inference
        self._library = library
        self._known: dict[int, str | None] = {}

    def hazards(self, body: Body, scope: Scope) -> Iterator[Hazard]:
        """Yield the places where such a value is read."""
        for site in body.sites:
            for module, name in self._read(site.node, scope):
                for value in self._values(module, name):
                    if (what := self._computed(value, module)) is not None:
                        yield Hazard(
                            "import-time",
                            site.node,
                            f"reads {module.name}.{name}, for which its module {what}",
                        )

    def _read(self, node: ast.AST, scope: Scope) -> Iterator[tuple[Module, str]]:
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if not _is_local(name, scope):
                imported = [
                    binding.imported
                    for binding in scope.module.names.get(name, ())
                    if binding.how is How.IMPORT and binding.imported[1] is not None
                ]
                for source, attribute in imported:
                    if attribute is not None and (module := self._module(source, scope)) is not None:
                        yield module, attribute
                if not imported:
                    yield scope.module, name
            case ast.Attribute(value=base, attr=name, ctx=ast.Load()):
                for value in self._inference.of(base, scope):
                    if isinstance(value, ModuleObject):
                        yield value.of, name

    def _module(self, name: str, scope: Scope) -> Module | None:
        lookup = self._inference.lookup
        return None if lookup.declarations.knows(name) else lookup.modules.named(name, scope.module)

    def _values(self, module: Module, name: str) -> Iterator[ast.expr]:
        if not module.own:
            return
        for binding in module.names.get(name, ()):
            if binding.how is How.VALUE and binding.expression is not None:
                yield binding.expression

    def _computed(self, value: ast.expr, module: Module) -> str | None:
        if id(value) not in self._known:
            self._known[id(value)] = self._search(value, module)
        return self._known[id(value)]

    def _search(self, value: ast.expr, module: Module) -> str | None:
        if exempts(module, value):
            return None
        syntax = ast.Lambda(args=ast.arguments([], [], None, [], [], None, []), body=value)
        body = Body(Function("<module>", syntax, module), tuple(Site(node) for node in inside([value])))
        for hazard in self._library.hazards(body, Scope(module)):
            if hazard.rule in _COUNTED:
                return hazard.what
        return None


def _is_local(name: str, scope: Scope) -> bool:
    function = scope.function
    while function is not None:
        if name in function.names or shadowed_by_parameter(function, name) is not None:
            return True
        function = function.parent
    return False
