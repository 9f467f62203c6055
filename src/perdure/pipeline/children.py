"""Checks that a pipeline and the pipelines that its steps run fit together."""

from collections.abc import Iterator, Mapping
from typing import Final

from perdure.errors import ExpressionError
from perdure.model.words import did_you_mean
from perdure.pipeline._base import Problem
from perdure.pipeline.explaining import check_expression, words_of_type
from perdure.pipeline.graph import StepGraph
from perdure.pipeline.inputs import InputSpec, InputType
from perdure.pipeline.reading import ReadPipeline
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.scope import Scope, file_scope, step_scope
from perdure.pipeline.steps import PipelineStep
from perdure.pipeline.templates import TemplateError, parts_of
from perdure.pipeline.yaml_text import Path

_WORDS: Final = {
    InputType.STRING: "text",
    InputType.CHOICE: "text",
    InputType.INTEGER: "a whole number",
    InputType.NUMBER: "a number",
    InputType.BOOLEAN: "true or false",
}
_NEVER: Final = {
    InputType.STRING: frozenset({"BOOL"}),
    InputType.CHOICE: frozenset({"BOOL"}),
    InputType.INTEGER: frozenset({"BOOL", "TIMESTAMP", "DURATION"}),
    InputType.NUMBER: frozenset({"BOOL", "TIMESTAMP", "DURATION"}),
    InputType.BOOLEAN: frozenset({"INT", "UINT", "DOUBLE", "TIMESTAMP", "DURATION"}),
}
"""What no value of a type of CEL's can become; a text may hold anything."""
_NEVER_ANYTHING: Final = frozenset({"LIST", "MAP", "TYPE"})


def children_problems(parent: ReadPipeline, children: Mapping[str, ReadPipeline]) -> list[Problem]:
    """Return what a pipeline's steps give to or expect of other pipelines, and these do not take or return.

    Args:
        parent: The pipeline.
        children: What those of its steps run that run a pipeline, by the step's name.
    """
    if parent.file is None:
        return []
    scope = file_scope(parent.file, StepGraph(parent.file.steps))
    problems: list[Problem] = []
    for name, child in children.items():
        step = parent.file.steps[name]
        if isinstance(step, PipelineStep) and child.file is not None:
            path = ("steps", name)
            problems += _of_inputs(path, step, step_scope(scope, name), child)
            problems += _of_outputs(path, step, child)
    return problems


def _of_inputs(path: Path, step: PipelineStep, scope: Scope, child: ReadPipeline) -> Iterator[Problem]:
    specs = child.file.inputs if child.file else {}
    misspelled: set[str] = set()
    for name, given in step.inputs.items():
        at = (*path, "inputs", name)
        if name in specs:
            yield from _of_value(at, given, specs[name], scope)
        elif not child.is_broken(("inputs", name)):
            takes = f": it takes {', '.join(specs)}" if specs else ": it takes no inputs"
            near = did_you_mean(name, specs)
            misspelled |= {one for one in specs if near == did_you_mean(one, [one])}
            yield Problem(at, f"{step.pipeline} takes no input {name!r}{near or takes}", at_key=True)
    for name, spec in specs.items():
        is_missing = spec.required and spec.default is None and step.inputs.get(name) is None
        if is_missing and name not in misspelled:
            meaning = f": {spec.description}" if spec.description else ""
            message = f"{step.pipeline} requires the input {name!r}{meaning}"
            yield Problem((*path, "pipeline"), message, about=(*path, "inputs", name))


def _of_value(at: Path, given: object, spec: InputSpec, scope: Scope) -> Iterator[Problem]:
    if isinstance(given, str) and "${{" in given:
        kind = _type_of(given, scope)
        if _never_fits(kind, spec.type):
            yield Problem(at, f"must be {_WORDS[spec.type]}, and this is {words_of_type(kind)}")
        return
    try:
        spec.value(given)
    except ExpressionError:
        return  # the child's own pattern is wrong, which is said there
    except ValueError as error:
        yield Problem(at, str(error))


def _of_outputs(path: Path, step: PipelineStep, child: ReadPipeline) -> Iterator[Problem]:
    file = child.file
    if file is None:
        return
    for name, declared in step.outputs.items():
        at = (*path, "outputs", name)
        if child.is_broken(("outputs", name)):
            continue
        if name not in file.outputs:
            returns = f": it returns {', '.join(file.outputs)}" if file.outputs else ": it has no outputs"
            near = did_you_mean(name, file.outputs) or returns
            yield Problem(at, f"{step.pipeline} returns no output {name!r}{near}", at_key=True)
            continue
        wanted = InputType(declared.value)
        kind = _output_type(file, name)
        if _never_fits(kind, wanted):
            message = f"{step.pipeline} returns {words_of_type(kind)}, which is never {_WORDS[wanted]}"
            yield Problem(at, message)


def _output_type(file: PipelineFile, name: str) -> str:
    return _type_of(file.outputs[name], file_scope(file, StepGraph(file.steps)))


def _never_fits(kind: str, wanted: InputType) -> bool:
    return kind.partition("<")[0] in _NEVER_ANYTHING or kind in _NEVER[wanted]


def _type_of(text: str, scope: Scope) -> str:
    """Return the type of a text with expressions; any where an expression is wrong, which is said of it."""
    try:
        parts = parts_of(text)
    except TemplateError:
        return "DYN"
    if len(parts) != 1 or not parts[0].is_expression:
        return "STRING"
    checked = check_expression(parts[0].text, scope)
    return checked if isinstance(checked, str) else "DYN"
