"""Compiles a pipeline file and inputs into what runs: defaults applied, matrices expanded, in order."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from pydantic import Field, JsonValue

from perdure.errors import PipelineFileError
from perdure.model.actions import OnAmbiguity
from perdure.model.base import Model
from perdure.model.typed_values import Value
from perdure.pipeline._base import Problem
from perdure.pipeline.checking import check_file
from perdure.pipeline.graph import StepGraph
from perdure.pipeline.inputs import check_inputs
from perdure.pipeline.matrix import expand, job_keys
from perdure.pipeline.policies import Concurrency, Defaults, Retry, Timeout
from perdure.pipeline.schema import Mark, Notification, PipelineFile
from perdure.pipeline.steps import ActionCall, ActionStep, PipelineStep, RunStep, Step, StepBase, WorkBase

ADOPT_WINDOW: Final = timedelta(minutes=15)
"""How long a failed step stays open for a person's re-run, where the file does not say."""


class StepJob(Model):
    """One execution of a step: its only one, or one combination of its matrix.

    Attributes:
        key: Names it in the pipeline: the step's name, and the matrix's values in brackets. It stays the
            same when other combinations come or go.
        matrix: Its values.
    """

    key: str
    matrix: dict[str, Value] = Field(default_factory=dict)


class CompiledStep(Model):
    """One step, ready to run.

    Attributes:
        name: Its key in the file.
        definition: What the file says, with defaults applied and owners added.
        needs: The steps that must have ended before it.
        jobs: Its executions, in the order of its matrix.
    """

    name: str
    definition: Step
    needs: tuple[str, ...] = ()
    jobs: tuple[StepJob, ...]

    @property
    def has_matrix(self) -> bool:
        """Whether later steps read its results as a list."""
        return isinstance(self.definition, WorkBase) and self.definition.matrix is not None


class CompiledPipeline(Model):
    """A pipeline, ready to run.

    Attributes:
        name: The pipeline's.
        inputs: Every input's value.
        vars: Fixed values.
        environment: What freeze calendars and approval rules refer to.
        concurrency: The group in which one runs at a time.
        steps: In an order in which each stands after those that it needs.
        outputs: What it returns: expressions.
        notify: Who is told of what.
    """

    name: str
    inputs: dict[str, Value] = Field(default_factory=dict)
    vars: dict[str, JsonValue] = Field(default_factory=dict)
    environment: str | None = None
    concurrency: Concurrency | None = None
    steps: tuple[CompiledStep, ...]
    outputs: dict[str, str] = Field(default_factory=dict)
    notify: tuple[Notification, ...] = ()


def compile_pipeline(file: PipelineFile, inputs: Mapping[str, object] | None = None) -> CompiledPipeline:
    """Compile a pipeline.

    Args:
        file: What :func:`read_pipeline` returned, or what came through the API.
        inputs: Values by name; texts are read as what the input's type asks for.

    Raises:
        PipelineInputError: With every input that does not fit.
        PipelineFileError: The file was made elsewhere, and its parts do not fit together.
    """
    if problems := check_file(file):
        raise _unplaced(file.name, problems)
    values = check_inputs(file.inputs, inputs or {})
    graph = StepGraph(file.steps)
    return CompiledPipeline(
        name=file.name,
        inputs=values,
        vars=file.vars,
        environment=file.environment,
        concurrency=file.concurrency,
        steps=tuple(_step(name, file, graph) for name in graph.order),
        outputs=file.outputs,
        notify=tuple(_with_owners(one, file.defaults.owner) for one in file.notify),
    )


def _unplaced(name: str, problems: list[Problem]) -> PipelineFileError:
    lines = [f"{'.'.join(map(str, problem.path))}: {problem.message}" for problem in problems]
    details: list[dict[str, str | int]] = [
        {"file": name, "line": 0, "column": 0, "message": line} for line in lines
    ]
    return PipelineFileError("\n".join(lines), problems=details)


def _step(name: str, file: PipelineFile, graph: StepGraph) -> CompiledStep:
    definition = file.steps[name]
    return CompiledStep(
        name=name,
        definition=_with_defaults(definition, file),
        needs=graph.needs(name),
        jobs=_jobs(name, definition),
    )


def _jobs(name: str, step: StepBase) -> tuple[StepJob, ...]:
    if not isinstance(step, WorkBase) or step.matrix is None:
        return (StepJob(key=name),)
    combinations = expand(step.matrix)
    keys = job_keys(name, combinations)
    return tuple(StepJob(key=key, matrix=one) for key, one in zip(keys, combinations, strict=True))


def _with_defaults(step: Step, file: PipelineFile) -> Step:
    defaults = file.defaults
    changes: dict[str, object] = {"environment": step.environment or file.environment}
    if isinstance(step, WorkBase):
        changes["compensate"] = tuple(
            call.with_changes(**_call_changes(call, defaults)) for call in step.compensate
        )
    if isinstance(step, PipelineStep | RunStep):
        changes["timeout"] = _timeout(step.timeout, defaults.timeout)
    if isinstance(step, RunStep):
        changes["retry"] = step.retry or defaults.retry or Retry()
    if isinstance(step, ActionStep):
        changes |= _call_changes(step, defaults)
        window = step.adopt_window if step.adopt_window is not None else defaults.adopt_window
        changes["adopt_window"] = window if window is not None else ADOPT_WINDOW
    return step.with_changes(**changes)


def _call_changes(call: ActionCall, defaults: Defaults) -> dict[str, object]:
    return {
        "action": _with_owner(call.action, 2, defaults.owner),
        "ref": call.ref or defaults.ref,
        "timeout": _timeout(call.timeout, defaults.timeout),
        "retry": call.retry or defaults.retry or Retry(),
        "on_ambiguity": call.on_ambiguity or defaults.on_ambiguity or OnAmbiguity.REDISPATCH,
    }


def _timeout(own: Timeout | None, default: Timeout | None) -> Timeout:
    own, default = own or Timeout(), default or Timeout()
    return Timeout(
        queue=own.queue if own.queue is not None else default.queue,
        run=own.run if own.run is not None else default.run,
    )


def _with_owner(word: str, slashes: int, owner: str | None) -> str:
    return f"{owner}/{word}" if owner is not None and word.count("/") < slashes else word


def _with_owners(notification: Notification, owner: str | None) -> Notification:
    def owned(mark: Mark | None) -> Mark | None:
        return mark and mark.with_changes(repository=_with_owner(mark.repository, 1, owner))

    return notification.with_changes(
        check_run=owned(notification.check_run), commit_status=owned(notification.commit_status)
    )
