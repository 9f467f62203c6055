"""Where expressions stand in a pipeline file, and what each may be."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from perdure.pipeline._base import Problem
from perdure.pipeline.explaining import check_expression, words_of_type
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.scope import Scope, step_scope
from perdure.pipeline.steps import (
    ActionCall,
    ApprovalStep,
    PipelineStep,
    RunStep,
    StepBase,
    WaitStep,
    WorkBase,
)
from perdure.pipeline.templates import TemplateError, condition_text, parts_of
from perdure.pipeline.yaml_text import Path


class Wanted(Enum):
    """What the place of an expression takes."""

    CONDITION = "condition"
    TEXT = "text"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Located:
    """A value that may hold expressions."""

    path: Path
    value: object
    wanted: Wanted
    scope: Scope


_TEXT_TYPES: Final = frozenset({"STRING", "INT", "UINT", "DOUBLE", "BOOL", "DYN", "TIMESTAMP", "DURATION"})


def expression_problems(file: PipelineFile, scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with every expression of a file."""
    for located in _located(file, scope):
        for path, text in _texts(located.path, located.value):
            yield from _problems(replace(located, path=path), text)


def _located(file: PipelineFile, scope: Scope) -> Iterator[Located]:
    before = replace(scope, before_steps=True)
    if file.concurrency is not None:
        yield Located(("concurrency", "group"), file.concurrency.group, Wanted.TEXT, before)
    if file.defaults.ref is not None:
        yield Located(("defaults", "ref"), file.defaults.ref, Wanted.TEXT, before)
    for name, step in file.steps.items():
        yield from _in_step(("steps", name), step, step_scope(scope, name))
    for name, value in file.outputs.items():
        yield Located(("outputs", name), value, Wanted.ANY, scope)


def _in_step(path: Path, step: StepBase, scope: Scope) -> Iterator[Located]:
    if step.if_ is not None:
        yield Located((*path, "if"), step.if_, Wanted.CONDITION, replace(scope, in_condition=True))
    if isinstance(step, WorkBase):
        yield from _in_work(path, step, scope)
    match step:
        case ActionCall():
            yield from _in_call(path, step, scope)
        case ApprovalStep():
            yield Located((*path, "approval", "message"), step.approval.message, Wanted.TEXT, scope)
        case WaitStep():
            yield Located((*path, "wait"), step.wait, Wanted.TEXT, scope)
            yield Located((*path, "until"), step.until, Wanted.TEXT, scope)
        case PipelineStep():
            for name, value in step.inputs.items():
                yield Located((*path, "inputs", name), value, Wanted.TEXT, scope)
        case RunStep():
            yield Located((*path, "with"), step.with_, Wanted.ANY, scope)


def _in_work(path: Path, step: WorkBase, scope: Scope) -> Iterator[Located]:
    if step.concurrency is not None:
        yield Located((*path, "concurrency", "group"), step.concurrency.group, Wanted.TEXT, scope)
    for position, call in enumerate(step.compensate):
        yield from _in_call((*path, "compensate", position), call, replace(scope, with_own=True))


def _in_call(path: Path, call: ActionCall, scope: Scope) -> Iterator[Located]:
    for name, value in call.inputs.items():
        yield Located((*path, "inputs", name), value, Wanted.TEXT, scope)
    yield Located((*path, "ref"), call.ref, Wanted.TEXT, scope)
    yield Located((*path, "expect-sha"), call.expect_sha, Wanted.TEXT, scope)


def _texts(path: Path, value: object) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts((*path, str(key)), inner)
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from _texts((*path, position), inner)


def _problems(located: Located, text: str) -> Iterator[Problem]:
    if located.wanted is Wanted.CONDITION:
        expression, offset = condition_text(text)
        yield from _one(located, expression, offset, alone=True)
        return
    if "${{" not in text:
        return
    try:
        parts = parts_of(text)
    except TemplateError as error:
        yield Problem(located.path, str(error), offset=error.offset)
        return
    for part in parts:
        if part.is_expression:
            yield from _one(located, part.text, part.offset, alone=len(parts) == 1)


def _one(located: Located, text: str, offset: int, *, alone: bool) -> Iterator[Problem]:
    is_condition = located.wanted is Wanted.CONDITION
    checked = check_expression(text, located.scope, with_status=is_condition)
    if not isinstance(checked, str):
        for finding in checked:
            yield Problem(located.path, finding.message, offset=offset + finding.offset, about=finding.about)
    elif is_condition and checked not in {"BOOL", "DYN"}:
        message = f"an if must be true or false, and this is {words_of_type(checked)}"
        yield Problem(located.path, message, offset=offset)
    elif (located.wanted is Wanted.TEXT or not alone) and checked not in _TEXT_TYPES:
        message = f"this is {words_of_type(checked)}, where a text, a number or a boolean is needed"
        yield Problem(located.path, message, offset=offset)
