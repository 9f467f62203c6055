"""Finds workflows and the functions of theirs that Temporal calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.symbols import (
    Class,
    ClassObject,
    Function,
    FunctionObject,
    Names,
    Outside,
    Scope,
)

_MENTION = re.compile(r"\bdefn\b|\bWorkflow(?:In|Out)boundInterceptor\b")
_INTERCEPTORS = {
    f"temporalio.worker{inner}.Workflow{way}boundInterceptor"
    for inner in ("", "._interceptor")
    for way in ("In", "Out")
}


class Kind(Enum):
    """What makes Temporal call a function."""

    INIT = "init"
    RUN = "run"
    SIGNAL = "signal"
    QUERY = "query"
    UPDATE = "update"
    VALIDATOR = "validator"
    AROUND = "around"
    """A method of an interceptor, which runs in every workflow of a worker; or a root of the settings."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function of a workflow that Temporal calls."""

    kind: Kind
    function: Function
    workflow: Workflow | None = None
    """None for a function that the settings name."""

    @property
    def receiver(self) -> Class | None:
        """The class of its ``self``."""
        return self.workflow.of if self.workflow else self.function.owner


@dataclass(frozen=True, slots=True)
class Workflow:
    """A class with ``@workflow.defn``, or an interceptor of workflows."""

    of: Class
    decorator: ast.expr | None = None
    """None for an interceptor."""

    def option(self, name: str) -> ast.expr | None:
        """Return what its decorator is given under a name."""
        if isinstance(self.decorator, ast.Call):
            for keyword in self.decorator.keywords:
                if keyword.arg == name:
                    return keyword.value
        return None


class Discovery:
    """Looks for workflows in the files that are checked."""

    def __init__(self, modules: Modules, inference: Inference) -> None:
        self._modules = modules
        self._inference = inference

    def workflows(self) -> Iterator[Workflow]:
        """Yield every workflow of the files."""
        for path in self._modules.files():
            try:
                mentioned = _MENTION.search(self._modules.text(path))
            except (OSError, SyntaxError, UnicodeDecodeError) as error:
                self._modules.unreadable.append((self._modules.shown(path), 1, str(error)))
                continue
            module = self._modules.at(path) if mentioned else None
            if module is not None:
                for made in _classes(module.names):
                    yield from self._workflow(made)

    def handlers(self, workflow: Workflow) -> Iterator[Handler]:
        """Yield the functions of a workflow that Temporal calls, its own and inherited ones."""
        if workflow.decorator is None:
            yield from (Handler(Kind.AROUND, method, workflow) for method in workflow.of.methods.values())
            return
        seen: set[str] = set()
        for above in self._inference.line(workflow.of):
            if not isinstance(above, Class):
                continue
            for name, method in above.methods.items():
                kind = Kind.INIT if name == "__init__" else self._kind(method)
                if kind is not None and name not in seen:
                    seen.add(name)
                    yield Handler(kind, method, workflow)

    def named(self, name: str) -> Iterator[Handler]:
        """Yield a function by its dotted name, or the methods of a class."""
        module_name, _, attribute = name.rpartition(".")
        module = self._modules.named(module_name)
        for value in self._inference.exported(module, attribute) if module else ():
            if isinstance(value, FunctionObject):
                yield Handler(Kind.AROUND, value.of)
            elif isinstance(value, ClassObject):
                yield from (Handler(Kind.AROUND, method) for method in value.of.methods.values())

    def _workflow(self, made: Class) -> Iterator[Workflow]:
        for decorator in made.node.decorator_list:
            base = decorator.func if isinstance(decorator, ast.Call) else decorator
            if self._is_temporal(base, Scope(made.module, made.parent), "defn"):
                yield Workflow(made, decorator)
                return
        line = self._inference.line(made)
        if any(isinstance(above, Outside) and above.name in _INTERCEPTORS for above in line):
            yield Workflow(made)

    def _kind(self, method: Function) -> Kind | None:
        scope = Scope(method.module, method.parent)
        for decorator in method.decorators:
            base = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(base, ast.Attribute) and base.attr == "validator":
                return Kind.VALIDATOR
            for kind in Kind:
                if self._is_temporal(base, scope, kind.value):
                    return kind
        return None

    def _is_temporal(self, expression: ast.expr, scope: Scope, name: str) -> bool:
        return Outside(f"temporalio.workflow.{name}") in self._inference.of(expression, scope)


def _classes(names: Names) -> Iterator[Class]:
    for bindings in names.values():
        for binding in bindings:
            match binding.definition:
                case Class() as made:
                    yield made
                    yield from _classes(made.names)
                case Function() as function:
                    yield from _classes(function.names)
