"""Expands a job of a file into its instances: their names, their labels, their place in the matrix.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstrategy
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perdure.emulator.execution import matrix
from perdure.emulator.execution.definitions import JobDefinition
from perdure.emulator.execution.errors import WorkflowFileError
from perdure.emulator.execution.expressions import (
    Scope,
    evaluate_tree,
    interpolate,
    is_true,
    to_number,
    to_text,
)
from perdure.emulator.execution.instances import JobInstance
from perdure.emulator.execution.workflow_file import WorkflowFile, is_enabled


@dataclass(frozen=True, kw_only=True)
class Call:
    """Under which name and with which inputs the jobs of a file run.

    Attributes:
        key: Put in front of the keys of its jobs; empty for the file of the run.
        name: Put in front of their names.
    """

    file: WorkflowFile
    inputs: Mapping[str, object]
    key: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The instances of one job.

    Attributes:
        slots: As many as may run at once.
        fail_fast: Whether the failure of one cancels the others.
        scope: What the job's own expressions may name.
    """

    instances: Sequence[JobInstance]
    slots: asyncio.Semaphore
    fail_fast: bool
    scope: Scope


def instance_scope(instance: JobInstance, scope: Scope) -> Scope:
    """Add to what a job may name what is particular to an instance."""
    return _inner_scope(scope, instance.matrix, instance.strategy)


def _inner_scope(scope: Scope, values: Mapping[str, object], strategy: Mapping[str, object]) -> Scope:
    contexts = {**scope.contexts, "matrix": values, "strategy": strategy}
    return Scope(contexts=contexts, functions=scope.functions)


def plan(definition: JobDefinition, call: Call, scope: Scope) -> Batch:
    """Expand a job.

    Raises:
        ExpressionError: An expression in its strategy, its name or its labels fails.
        WorkflowFileError: Its strategy is none.
    """
    strategy = evaluate_tree(definition.strategy, scope) or {}
    if not isinstance(strategy, Mapping):
        raise WorkflowFileError("A mapping was expected for strategy")
    combinations = matrix.expand(strategy["matrix"]) if strategy.get("matrix") is not None else [{}]
    total = len(combinations)
    limit = to_number(strategy.get("max-parallel", total))
    if not limit >= 1:
        raise WorkflowFileError("max-parallel must be a positive number")
    fail_fast = to_text(strategy.get("fail-fast", True)) == "true"
    shared = {"fail-fast": fail_fast, "job-total": total, "max-parallel": int(min(limit, total))}
    instances: dict[str, JobInstance] = {}
    for index, values in enumerate(combinations):
        instance = _instance(definition, call, _inner_scope(scope, values, {**shared, "job-index": index}))
        key = instance.key if instance.key not in instances else f"{instance.key} #{index}"
        instances[key] = replace(instance, key=key)
    slots = asyncio.Semaphore(int(min(limit, total)))
    return Batch(instances=list(instances.values()), slots=slots, fail_fast=fail_fast, scope=scope)


def _instance(definition: JobDefinition, call: Call, scope: Scope) -> JobInstance:
    values, strategy, needs = (_mapping(scope.contexts[name]) for name in ("matrix", "strategy", "needs"))
    suffix = f" ({matrix.label(values)})" if values else ""
    name = interpolate(definition.name or definition.identifier, scope)
    # A name with an expression tells instances apart itself.
    literal = definition.name is None or "${{" not in definition.name
    return JobInstance(
        key=call.key + definition.identifier + suffix,
        name=call.name + name + (suffix if literal else ""),
        definition=definition,
        file=call.file,
        labels=_labels(evaluate_tree(definition.runs_on, scope)),
        inputs=call.inputs,
        needs=needs,
        matrix=values,
        strategy=strategy,
        forgiven=is_enabled(definition.continue_on_error, scope),
    )


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _labels(runs_on: object) -> tuple[str, ...]:
    if isinstance(runs_on, Mapping):
        return _labels(runs_on.get("labels") or [])
    if isinstance(runs_on, list | tuple):
        return tuple(map(to_text, runs_on))
    return (to_text(runs_on),) if is_true(runs_on) else ()
