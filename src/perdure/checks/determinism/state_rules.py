"""Finds changes to what outlives a workflow: variables of modules, and attributes of classes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.bodies import Body
from perdure.checks.determinism.findings import Hazard
from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.lookup import shadowed_by_parameter
from perdure.checks.determinism.symbols import ClassObject, How, Instance, ModuleObject, Scope

_CHANGING = set(
    """
    append appendleft add update pop popitem popleft clear extend insert remove discard setdefault sort
    reverse
    """.split()  # noqa: SIM905 - names are read more easily without quotes
)
_MUTABLE_CALLS = {"list", "dict", "set", "defaultdict", "deque", "Counter", "OrderedDict"}


class StateRules:
    """Checks one body for changes to modules and classes."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference

    def hazards(self, body: Body, scope: Scope) -> Iterator[Hazard]:
        """Yield the places where something shared is changed."""
        declared = {
            name for site in body.sites if isinstance(site.node, ast.Global) for name in site.node.names
        }
        for site in body.sites:
            for target in _changed(site.node):
                if (what := self._shared(target, declared, scope)) is not None:
                    yield Hazard("global-state", site.node, f"changes {what}")

    def _shared(self, target: ast.expr, declared: set[str], scope: Scope) -> str | None:
        """Return what is changed, if it is a module's or a class's."""
        match target:
            case ast.Name(id=name):
                return f"{scope.module.name}.{name}" if name in declared else None
            case ast.Attribute(value=base, attr=attribute):
                return self._attribute(base, attribute, scope)
            case ast.Subscript(value=base):
                return self._held(base, scope)
        return None

    def _attribute(self, base: ast.expr, attribute: str, scope: Scope) -> str | None:
        for value in self._inference.of(base, scope):
            if isinstance(value, ModuleObject):
                return f"{value.of.name}.{attribute}"
            if isinstance(value, ClassObject):
                return f"{value.of}.{attribute}"
        if isinstance(base, ast.Call) and ast.unparse(base.func) == "type":
            return f"{ast.unparse(base)}.{attribute}"
        return None

    def _held(self, base: ast.expr, scope: Scope) -> str | None:
        """Return what holds the items, if it is a module's or a class's."""
        match base:
            case ast.Name(id=name) if self._is_global(name, scope):
                return f"{scope.module.name}.{name}"
            case ast.Attribute(value=inner, attr=attribute):
                for value in self._inference.of(inner, scope):
                    match value:
                        case ModuleObject(of=module) if attribute in module.names:
                            return f"{module.name}.{attribute}"
                        case ClassObject(of=owner) if attribute in owner.names:
                            return f"{owner}.{attribute}"
                        case Instance(of=owner) if self._shared_by_instances(value, attribute):
                            return f"{owner}.{attribute}, which all of them share"
        return None

    def _is_global(self, name: str, scope: Scope) -> bool:
        function = scope.function
        while function is not None:
            if name in function.names or shadowed_by_parameter(function, name) is not None:
                return False
            function = function.parent
        bindings = scope.module.names.get(name, ())
        return any(binding.how in {How.VALUE, How.ANNOTATION} for binding in bindings)

    def _shared_by_instances(self, value: Instance, attribute: str) -> bool:
        bindings = value.of.names.get(attribute, ())
        if attribute in self._inference.lookup.attributes(value.of):
            return False
        return any(
            isinstance(binding.expression, ast.List | ast.Dict | ast.Set)
            or (
                isinstance(binding.expression, ast.Call)
                and isinstance(binding.expression.func, ast.Name)
                and binding.expression.func.id in _MUTABLE_CALLS
            )
            for binding in bindings
            if binding.how is How.VALUE
        )


def _changed(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            yield from targets
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            yield target
        case ast.Call(func=ast.Attribute(value=base, attr=name)) if name in _CHANGING:
            # As if an item of it were set.
            yield ast.Subscript(base, ast.Constant(None), ast.Store())
