"""Finds the exceptions that a project has registered as failures of workflows."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from perdure.checks.determinism.inference import Inference
from perdure.checks.determinism.modules import Modules
from perdure.checks.determinism.symbols import Class, ClassObject, Outside, Scope

_OPTION = "workflow_failure_exception_types"


def registered_failures(modules: Modules, inference: Inference) -> Iterator[str]:
    """Yield the names of exceptions that a worker or a plugin in the files is given as failures."""
    for path in modules.files():
        if _OPTION not in modules.text(path):
            continue
        module = modules.at(path)
        if module is None:
            continue
        scope = Scope(module)
        for node in ast.walk(module.tree):
            if (
                isinstance(node, ast.keyword)
                and node.arg == _OPTION
                and isinstance(node.value, ast.List | ast.Tuple)
            ):
                for element in node.value.elts:
                    for value in inference.of(element, scope):
                        yield from _name(value)


def _name(value: object) -> Iterator[str]:
    match value:
        case ClassObject(of=Class() as made):
            yield str(made)
        case Outside(name=name):
            yield name
