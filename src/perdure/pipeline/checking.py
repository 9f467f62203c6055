"""Checks that a pipeline's parts fit together: everything that no single value can know of itself."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from perdure.errors import ExpressionError, PipelineInputError
from perdure.model.dispatch import DISPATCH_ID_INPUT
from perdure.pipeline._base import Problem
from perdure.pipeline.cel import matches
from perdure.pipeline.expressions import expression_problems
from perdure.pipeline.graph import StepGraph
from perdure.pipeline.inputs import InputSpec, InputType, check_inputs
from perdure.pipeline.matrix import expand
from perdure.pipeline.schema import Mark, PipelineFile
from perdure.pipeline.scope import file_scope
from perdure.pipeline.steps import (
    ActionCall,
    Approval,
    ApprovalStep,
    OnTimeout,
    ReservedStep,
    StepBase,
    WaitStep,
    WorkBase,
)
from perdure.pipeline.yaml_text import Path

MAX_JOBS: Final = 10_000
MAX_INPUTS: Final = 25
"""https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows#providing-inputs"""

_NUMBERS = frozenset({InputType.INTEGER, InputType.NUMBER})


def check_file(file: PipelineFile) -> list[Problem]:
    """Return everything that is wrong with a pipeline whose parts are right one by one."""
    graph = StepGraph(file.steps)
    problems = [
        *_of_specs(("inputs",), file.inputs),
        *_of_vars(file.vars),
        *_of_schedule(file),
        *graph.problems(),
        *_of_notify(file),
        *_of_sizes(file),
    ]
    for name, step in file.steps.items():
        problems += _of_step(("steps", name), step, file)
    problems += expression_problems(file, file_scope(file, graph))
    return problems


def _of_specs(path: Path, specs: Mapping[str, InputSpec]) -> Iterator[Problem]:
    for name, spec in specs.items():
        here = (*path, name)
        yield from _of_choice(here, spec)
        yield from _of_limits(here, spec)
        if spec.minimum is not None and spec.maximum is not None and spec.minimum > spec.maximum:
            yield Problem((*here, "maximum"), f"is below the minimum of {spec.minimum}")
        if None not in (spec.min_length, spec.max_length) and (spec.min_length or 0) > (spec.max_length or 0):
            yield Problem((*here, "max-length"), f"is below the min-length of {spec.min_length}")
        if spec.default is not None:
            try:
                spec.value(spec.default)
            except ValueError as error:
                yield Problem((*here, "default"), f"the default {error}")
            except ExpressionError:
                pass  # said of the pattern


def _of_choice(path: Path, spec: InputSpec) -> Iterator[Problem]:
    kind = spec.type
    if kind is InputType.CHOICE:
        if not spec.options:
            yield Problem((*path, "type"), "a choice needs options: [a, b]")
        if not spec.required and spec.default is None:
            yield Problem(path, "a choice must be required: true, or have a default", at_key=True)
    elif spec.options:
        yield Problem((*path, "options"), f"options belong to type: choice, not to {kind}", at_key=True)


def _of_limits(path: Path, spec: InputSpec) -> Iterator[Problem]:
    kind = spec.type
    for key in ("minimum", "maximum"):
        if getattr(spec, key) is not None and kind not in _NUMBERS:
            yield Problem(
                (*path, key), f"{key} belongs to an integer or a number, not to {kind}", at_key=True
            )
    for key in ("pattern", "min-length", "max-length"):
        if getattr(spec, key.replace("-", "_")) is not None and kind is not InputType.STRING:
            yield Problem((*path, key), f"{key} belongs to a string, not to {kind}", at_key=True)
    if spec.pattern is not None:
        try:
            matches("", spec.pattern)
        except ExpressionError as error:
            reason = str(error).partition("invalid regular expression: ")[2] or str(error)
            yield Problem((*path, "pattern"), f"is no regular expression (RE2): {reason}")


def _of_vars(variables: Mapping[str, object]) -> Iterator[Problem]:
    for name, value in variables.items():
        if isinstance(value, str) and "${{" in value:
            yield Problem(("vars", name), "vars are fixed: they hold no expressions")
        if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
            yield Problem(("vars", name), "a whole number has at most 64 bits: quote it to keep it as text")


def _of_schedule(file: PipelineFile) -> Iterator[Problem]:
    for position, schedule in enumerate(file.schedule):
        path = ("schedule", position)
        try:
            ZoneInfo(schedule.timezone)
        except (LookupError, ValueError, OSError):
            message = f"unknown time zone {schedule.timezone!r}: write an IANA name, such as Europe/Berlin"
            yield Problem((*path, "timezone"), message)
        try:
            check_inputs(file.inputs, schedule.inputs)
        except PipelineInputError as error:
            for problem in error.problems:
                at = (*path, "inputs", problem["input"])
                message = f"the input {problem['input']}: {problem['message']}"
                yield Problem(at, message, at_key=True, about=("inputs", problem["input"]))


def _of_notify(file: PipelineFile) -> Iterator[Problem]:
    for position, notification in enumerate(file.notify):
        path = ("notify", position)
        marks: dict[str, Mark | None] = {
            "check-run": notification.check_run,
            "commit-status": notification.commit_status,
        }
        destinations = [key for key, mark in marks.items() if mark is not None]
        destinations += ["webhook"] if notification.webhook is not None else []
        if len(destinations) != 1:
            has = f"has {' and '.join(destinations)}" if destinations else "tells nobody"
            message = f"a notification {has}: give each one of webhook, check-run or commit-status"
            yield Problem(path, message)
        for key, mark in marks.items():
            if mark is not None and "/" not in mark.repository and file.defaults.owner is None:
                yield Problem(
                    (*path, key, "repository"), _no_owner(mark.repository), about=("defaults", "owner")
                )


def _no_owner(name: str) -> str:
    return f"{name} has no owner: write OWNER/{name}, or set owner in defaults"


def _of_sizes(file: PipelineFile) -> Iterator[Problem]:
    jobs = 0
    for name, step in file.steps.items():
        count = 1
        if isinstance(step, WorkBase) and step.matrix is not None:
            try:
                count = len(expand(step.matrix))
            except ValueError as error:
                yield Problem(("steps", name, "matrix"), f"the matrix {error}")
        jobs += count
    if jobs > MAX_JOBS:
        yield Problem(
            ("steps",), f"the pipeline has {jobs} jobs, and at most {MAX_JOBS} are allowed", at_key=True
        )


def _of_step(path: Path, step: StepBase, file: PipelineFile) -> Iterator[Problem]:
    if isinstance(step, WorkBase):
        if step.matrix is None and step.max_parallel is not None:
            message = "max-parallel needs a matrix"
            yield Problem((*path, "max-parallel"), message, at_key=True, about=(*path, "matrix"))
        for position, call in enumerate(step.compensate):
            yield from _of_call((*path, "compensate", position), call, file)
    match step:
        case ActionCall():
            yield from _of_call(path, step, file)
        case ApprovalStep():
            yield from _of_approval((*path, "approval"), step.approval)
        case WaitStep():
            yield from _of_wait(path, step)
        case ReservedStep():
            kind = "review" if step.review is not None else "fleet"
            yield Problem((*path, kind), f"{kind} steps are not available yet", at_key=True)


def _of_call(path: Path, call: ActionCall, file: PipelineFile) -> Iterator[Problem]:
    if call.action.count("/") == 1 and file.defaults.owner is None:
        yield Problem((*path, "action"), _no_owner(call.action), about=("defaults", "owner"))
    if DISPATCH_ID_INPUT in call.inputs:
        message = "dispatch_id is a reserved input: leave it out, Perdure sets it"
        yield Problem((*path, "inputs", DISPATCH_ID_INPUT), message, at_key=True)
    if len(call.inputs) > MAX_INPUTS - 1:
        message = (
            f"GitHub takes {MAX_INPUTS} inputs, dispatch_id is one of them, and these are {len(call.inputs)}"
        )
        yield Problem((*path, "inputs"), message, at_key=True)
    fixed = call.expect_sha if call.expect_sha and "${{" not in call.expect_sha else None
    if fixed is not None and not re.fullmatch(r"[0-9a-f]{40}", fixed):
        yield Problem(
            (*path, "expect-sha"), "expect-sha is no commit: write its 40 hexadecimal digits, quoted"
        )
    if call.ref is not None and re.fullmatch(r"[0-9a-f]{40}", call.ref):
        message = "GitHub dispatches on branches and tags only: name one, and put the commit in expect-sha"
        yield Problem((*path, "ref"), message)


def _of_approval(path: Path, approval: Approval) -> Iterator[Problem]:
    names = approval.approvers
    if len({name.lower() for name in names}) < len(names):
        yield Problem((*path, "approvers"), "an approver is named twice: leave one of them out")
    users_only = bool(names) and not any(name.startswith("team:") for name in names)
    if users_only and approval.quorum > len(names):
        message = f"{approval.quorum} must approve, and only {len(names)} may"
        yield Problem((*path, "quorum"), message, about=(*path, "approvers"))
    if approval.on_timeout is OnTimeout.ESCALATE and not approval.escalate_to:
        message = "escalate to whom? add escalate-to: [LOGIN]"
        yield Problem((*path, "on-timeout"), message, about=(*path, "escalate-to"))
    if approval.escalate_to and approval.on_timeout is not OnTimeout.ESCALATE:
        message = "escalate-to needs on-timeout: escalate"
        yield Problem((*path, "escalate-to"), message, at_key=True, about=(*path, "on-timeout"))
    if approval.timeout.total_seconds() <= 0:
        yield Problem((*path, "timeout"), "timeout must be above zero")
    elif (
        approval.remind is not None
        and not 0 < approval.remind.total_seconds() < approval.timeout.total_seconds()
    ):
        message = "remind must be above zero and shorter than the approval's timeout"
        yield Problem((*path, "remind"), message, about=(*path, "timeout"))
    yield from _of_specs((*path, "form"), approval.form)


def _of_wait(path: Path, step: WaitStep) -> Iterator[Problem]:
    if step.wait is not None and step.until is not None:
        yield Problem((*path, "until"), "a step has either wait or until: make two steps", at_key=True)
    if step.until is not None and "${{" not in step.until:
        try:
            instant = datetime.fromisoformat(step.until)
        except ValueError:
            yield Problem((*path, "until"), "until is no instant: write it as 2027-01-31T06:00:00Z")
            return
        if instant.tzinfo is None:
            yield Problem((*path, "until"), "until has no time zone: write 2027-01-31T06:00:00Z or ...+01:00")
