"""What an expression may refer to, depending on where it stands."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from perdure.model.words import did_you_mean
from perdure.pipeline.graph import StepGraph
from perdure.pipeline.inputs import InputSpec
from perdure.pipeline.matrix import axis_types, expand
from perdure.pipeline.references import Reference
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import ApprovalStep, StepBase, WorkBase
from perdure.pipeline.yaml_text import Path

CEL_TYPES: Final = {
    "string": "string",
    "choice": "string",
    "integer": "int",
    "number": "double",
    "boolean": "bool",
}

PIPELINE_VARIABLES: Final = {
    "id": "string",
    "name": "string",
    "started_at": "string",
    "requester": "string",
    "environment": "string",
}
"""What the context ``pipeline`` holds. ``started_at`` is text: ``timestamp(pipeline.started_at)``."""


@dataclass(frozen=True, slots=True)
class StepShape:
    """What other steps can read of a step.

    Attributes:
        outputs: The CEL type of each output.
        form: The CEL type of each answer of an approval's form.
        matrix: The CEL type of each name of its matrix; ``None`` where it has none.
        jobs: How many jobs its matrix makes.
        is_approval: Whether it is an approval, which has answers instead of outputs.
    """

    outputs: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    matrix: Mapping[str, str] | None = None
    jobs: int = 1
    is_approval: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a name refers to nothing.

    Attributes:
        message: What is wrong, and what is allowed.
        offset: Where in the expression.
        about: What it refers to in the file.
    """

    message: str
    offset: int
    about: Path | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that an expression may use.

    Attributes:
        inputs: The CEL type of each input.
        variables: The CEL type of each variable.
        steps: What can be read of each step of the file.
        graph: Which of them are upstream.
        step: The step in which the expression stands; ``None`` outside of steps, where the pipeline is over.
        with_own: Whether it stands in a compensation, which can read its own step as well.
        matrix: The CEL type of each name of the step's matrix; ``None`` where it has none.
        in_condition: Whether it is an ``if``, which is decided before there are jobs.
        before_steps: Whether it is read before any step has run.
    """

    inputs: Mapping[str, str]
    variables: Mapping[str, str]
    steps: Mapping[str, StepShape]
    graph: StepGraph
    step: str | None = None
    with_own: bool = False
    matrix: Mapping[str, str] | None = None
    in_condition: bool = False
    before_steps: bool = False

    def bare_names(self) -> dict[str, str]:
        """Return the full name of each input and variable by its own, for those who left the context out."""
        variables = {name: f"vars.{name}" for name in self.variables}
        return variables | {name: f"inputs.{name}" for name in self.inputs}

    def type_of(self, reference: Reference) -> str | Unknown:
        """Return the CEL type of the variable that a name refers to, or why there is none."""
        match reference.names[0]:
            case "inputs":
                return self._one_of(reference, self.inputs, "input", "the pipeline's inputs are")
            case "vars":
                return self._one_of(reference, self.variables, "variable", "the pipeline's vars are")
            case "pipeline":
                return self._one_of(reference, PIPELINE_VARIABLES, "value", "the pipeline has")
            case "matrix":
                return self._matrix(reference)
        return self._step(reference)

    def _one_of(
        self, reference: Reference, known: Mapping[str, str], what: str, known_are: str
    ) -> str | Unknown:
        names, offsets = reference.names, reference.offsets
        root = names[0]
        if len(names) == 1:
            example = next(iter(known), "NAME")
            return Unknown(
                f"{root} alone has no value: name one of its values, such as {root}.{example}", offsets[0]
            )
        if names[1] in known:
            return known[names[1]]
        listed = f": {known_are} {', '.join(known)}" if known else f": the pipeline has no {root}"
        message = f"unknown {what} {names[1]!r}{did_you_mean(names[1], known) or listed}"
        return Unknown(message, offsets[1], (root, names[1]))

    def _matrix(self, reference: Reference) -> str | Unknown:
        if self.in_condition:
            message = "an if is decided before the matrix: leave combinations out with matrix.exclude"
            return Unknown(message, reference.offsets[0])
        if self.matrix is None:
            where = f"the step {self.step} has no matrix" if self.step else "only a step has a matrix"
            about = ("steps", self.step, "matrix") if self.step else None
            return Unknown(where, reference.offsets[0], about)
        found = self._one_of(reference, self.matrix, "name", f"the matrix of {self.step} has")
        return (
            replace(found, about=("steps", self.step or "", "matrix"))
            if isinstance(found, Unknown)
            else found
        )

    def _step(self, reference: Reference) -> str | Unknown:
        names, offsets = reference.names, reference.offsets
        if self.before_steps:
            return Unknown("no step has run when this is read: use inputs and vars", offsets[0])
        if len(names) == 1:
            return Unknown("steps alone has no value: name one, such as steps.NAME.outputs.NAME", offsets[0])
        shape = self.steps.get(names[1])
        if shape is None:
            near = did_you_mean(names[1], self.steps)
            about = ("steps", names[1])
            return Unknown(
                f"unknown step {names[1]!r}{near or _listed('the steps are', self.steps)}", offsets[1], about
            )
        if refusal := self._order_refusal(names[1]):
            return Unknown(refusal, offsets[1], ("steps", self.step or "", "needs"))
        return _of_step(reference, shape)

    def _order_refusal(self, name: str) -> str | None:
        if self.step is None or self.graph.is_upstream(name, self.step):
            return None
        if name == self.step:
            return None if self.with_own else f"{name} cannot read its own results"
        if self.graph.is_upstream(self.step, name):
            return f"{name} runs after {self.step}: its results are not there yet"
        return f"{name} may not have ended before {self.step}: add it to the needs of {self.step}"


def _of_step(reference: Reference, shape: StepShape) -> str | Unknown:
    names, offsets = reference.names, reference.offsets
    step = names[1]
    if len(names) == 2:
        message = f"steps.{step} alone has no value: name one of {', '.join(_fields(shape))}"
        return Unknown(message, offsets[1])
    match names[2]:
        case "conclusion" | "outcome" | "reason":
            return "string"
        case "jobs" if shape.matrix is not None:
            return _jobs(reference, shape) or "list<dyn>"
        case "jobs":
            return Unknown(
                f"{step} has no matrix: read steps.{step}.outputs", offsets[2], ("steps", step, "matrix")
            )
        case "outputs" if shape.matrix is not None:
            output = names[3] if len(names) > 3 else "NAME"
            message = (
                f"{step} has a matrix, so its outputs are a list: read steps.{step}.jobs[0].outputs.{output}"
            )
            return Unknown(message, offsets[2], ("steps", step, "matrix"))
        case "outputs":
            none = f"declare it: outputs: {{{_third(names)}: string}}"
            if shape.is_approval:
                none = f"an approval's answers are read as steps.{step}.form.{_third(names)}"
            return _value_of(reference, shape.outputs, "output", none)
        case "form":
            return _value_of(reference, shape.form, "answer", "only the form of an approval has answers")
    fields = _fields(shape)
    near = did_you_mean(names[2], fields) or f": a step has {', '.join(fields)}"
    return Unknown(f"unknown {names[2]!r} of step {step}{near}", offsets[2])


def _fields(shape: StepShape) -> list[str]:
    own = "jobs" if shape.matrix is not None else "form" if shape.is_approval else "outputs"
    return ["conclusion", "outcome", "reason", own]


def _third(names: tuple[str, ...]) -> str:
    return names[3] if len(names) > 3 else "NAME"


def _value_of(reference: Reference, known: Mapping[str, str], what: str, none: str) -> str | Unknown:
    names, offsets = reference.names, reference.offsets
    _, step, container = names[:3]
    about: Path = ("steps", step, "approval", "form") if container == "form" else ("steps", step, container)
    if len(names) == 3:
        example = next(iter(known), "NAME")
        whole = f"steps.{step}.{container}"
        message = f"{whole} alone has no value: name one, such as {whole}.{example}"
        return Unknown(message, offsets[2], about)
    if names[3] in known:
        return known[names[3]]
    listed = f"; {step} has {', '.join(known)}" if known else ""
    near = did_you_mean(names[3], known) or f": {none}{listed}"
    return Unknown(f"step {step} has no {what} {names[3]!r}{near}", offsets[3], about)


def _jobs(reference: Reference, shape: StepShape) -> Unknown | None:
    step = reference.names[1]
    index = reference.index
    if index is not None and index.isdigit() and int(index) >= shape.jobs:
        message = f"{step} has {shape.jobs} jobs: steps.{step}.jobs[0] to steps.{step}.jobs[{shape.jobs - 1}]"
        return Unknown(message, reference.offsets[2], ("steps", step, "matrix"))
    if len(reference.tail) < 1:
        return None
    field_name, offset = reference.tail[0]
    known: Mapping[str, object] = {"outputs": shape.outputs, "matrix": shape.matrix or {}}
    fields = ("conclusion", "outcome", "reason", "outputs", "matrix")
    if field_name not in fields:
        near = did_you_mean(field_name, fields) or _listed("a job has", fields)
        return Unknown(f"unknown {field_name!r} of a job{near}", offset)
    inner = known.get(field_name)
    if isinstance(inner, Mapping) and len(reference.tail) > 1 and reference.tail[1][0] not in inner:
        name, offset = reference.tail[1]
        near = did_you_mean(name, inner) or _listed("it has", inner)
        return Unknown(f"the {field_name} of {step} has no {name!r}{near}", offset)
    return None


def _listed(lead: str, names: Mapping[str, object] | tuple[str, ...]) -> str:
    shown = list(names)[:10]
    return f": {lead} {', '.join(shown)}{', ...' if len(names) > len(shown) else ''}" if shown else ""


def file_scope(file: PipelineFile, graph: StepGraph) -> Scope:
    """Return what an expression outside of steps may refer to."""
    return Scope(
        inputs=_spec_types(file.inputs),
        variables={name: _type_of_value(value) for name, value in file.vars.items()},
        steps={name: _shape(step) for name, step in file.steps.items()},
        graph=graph,
    )


def step_scope(scope: Scope, name: str) -> Scope:
    """Return what an expression in a step may refer to."""
    return replace(scope, step=name, matrix=scope.steps[name].matrix)


def _spec_types(specs: Mapping[str, InputSpec]) -> dict[str, str]:
    return {name: CEL_TYPES[spec.type.value] for name, spec in specs.items()}


def _shape(step: StepBase) -> StepShape:
    if isinstance(step, ApprovalStep):
        return StepShape(form=_spec_types(step.approval.form), is_approval=True)
    if not isinstance(step, WorkBase):
        return StepShape()
    outputs = {name: CEL_TYPES[kind.value] for name, kind in step.outputs.items()}
    if step.matrix is None:
        return StepShape(outputs=outputs)
    try:
        combinations = expand(step.matrix)
    except ValueError:
        # Said elsewhere; here its names are all that matters.
        names = dict.fromkeys(
            [*step.matrix.axes, *(key for one in step.matrix.include for key in one)], "dyn"
        )
        return StepShape(outputs=outputs, matrix=names, jobs=10**9)
    return StepShape(outputs=outputs, matrix=axis_types(combinations), jobs=len(combinations))


def _type_of_value(value: object) -> str:
    kinds: Iterator[tuple[type, str]] = iter(
        ((bool, "bool"), (int, "int"), (float, "double"), (str, "string"), (list, "list<dyn>"))
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "dyn")
