"""Workflow types of people's own, by the names of their modules."""

import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from functools import reduce
from importlib import import_module
from typing import Any, cast

from temporalio import workflow

from perdure.errors import UsageError

_HOW = "name a module or a class that Python finds from here: package.module or package.module:Class"


def workflows_named(references: Sequence[str]) -> list[type]:
    """Return the workflow types that ``package.module`` or ``package.module:Class`` stand for.

    Modules are looked for in the current folder too, as ``python -m`` does.

    Raises:
        UsageError: One cannot be imported, or is no workflow.
    """
    if references and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    found: dict[type, None] = {}
    for reference in references:
        found.update(dict.fromkeys(_named(reference)))
    return list(found)


def name_of(workflow_type: type) -> str | None:
    """Return the name that a type is registered by; ``None`` for one that takes every name."""
    definition = workflow._Definition.from_class(workflow_type)
    return definition.name if definition else workflow_type.__name__


def _named(reference: str) -> Iterator[type]:
    module_name, _, path = reference.partition(":")
    try:
        module = import_module(module_name)
        named: Any = reduce(getattr, path.split("."), cast(Any, module)) if path else module
    except Exception as error:  # people's own module may raise anything while it is imported
        raise UsageError(f"{reference} cannot be imported: {error}", hint=_HOW) from error
    if inspect.ismodule(named):
        types = [
            one for one in vars(named).values() if inspect.isclass(one) and one.__module__ == module_name
        ]
    else:
        types = [named]
    workflows = [one for one in types if inspect.isclass(one) and workflow._Definition.from_class(one)]
    if not workflows:
        raise UsageError(f"{reference} is no workflow: it lacks @workflow.defn", hint=_HOW)
    yield from workflows
