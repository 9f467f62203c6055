"""Makes a pipeline fit for a rehearsal, and says in what it then differs from the real one.

What may take hours only because people or the calendar are slow takes seconds; what would reach somebody
outside is left out. Everything else stays as it is, and each difference is named: a rehearsal that hides what
it did not try is worse than none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from perdure.pipeline.compiling import CompiledPipeline, CompiledStep
from perdure.pipeline.plan import Plan, PlannedAction
from perdure.pipeline.policies import Retry, Timeout
from perdure.pipeline.scenario import Answer, Outcome, Scenario, Scripted, step_of
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import (
    ActionCall,
    ActionStep,
    ApprovalStep,
    RunStep,
    Step,
    WaitStep,
    WorkBase,
)

REHEARSAL_QUEUE: Final = "perdure-rehearsal"
"""Where the activities of ``run:`` steps are answered for in a rehearsal."""

MADE_UP: Final = "rehearsal"
"""What stands before ``:`` and the step's name in place of the activity that a ``run:`` step names."""

_DELAY: Final = timedelta(milliseconds=100)
_HANG: Final = timedelta(seconds=5)
_DECIDED_WITHIN: Final = timedelta(minutes=1)
_EXPIRY: Final = timedelta(seconds=2)


@dataclass(frozen=True, kw_only=True)
class RehearsedPipeline:
    """A pipeline as it is rehearsed.

    Attributes:
        pipeline: What runs.
        files: Pipelines that its steps run, by the path that the step names.
        left_out: What is not rehearsed, and why, each in a line.
    """

    pipeline: CompiledPipeline
    files: dict[str, PipelineFile] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


def rehearsed(plan: Plan, scenario: Scenario) -> RehearsedPipeline:
    """Return a planned pipeline as it is rehearsed by a scenario."""
    pipeline, told = plan.pipeline, len(plan.pipeline.notify)
    files, left_out = {}, list(_left_out(plan))
    for path, file in plan.files.items():
        defaults = file.defaults.with_changes(
            adopt_window=timedelta(0), retry=_soon(file.defaults.retry), timeout=file.defaults.timeout
        )
        steps = {name: _step(name, step, scenario) for name, step in file.steps.items()}
        files[path] = file.with_changes(steps=steps, defaults=defaults, notify=())
        told += len(file.notify)
    if told:
        left_out.append(f"nobody is notified: {told} {'entry' if told == 1 else 'entries'} of notify")
    compiled = tuple(
        step.model_copy(update={"definition": _step(step.name, step.definition, scenario)})
        for step in pipeline.steps
    )
    return RehearsedPipeline(
        pipeline=pipeline.model_copy(update={"steps": compiled, "notify": ()}),
        files=files,
        left_out=tuple(left_out),
    )


def failures_of(plan: Plan) -> Iterator[tuple[str, Scenario]]:
    """Yield what may go wrong with a plan, one thing at a time, in the order of the pipeline."""
    work = dict.fromkeys(step_of(action.key) for action in plan.actions)
    asked = {approval.key for approval in plan.approvals}
    runs = {step.name for step in plan.pipeline.steps if isinstance(step.definition, RunStep)}
    order = {step.name: place for place, step in enumerate(plan.pipeline.steps)}
    keys = sorted([*work, *asked, *runs], key=lambda key: order.get(step_of(key.partition("/")[0]), 0))
    for key in keys:
        if key in asked:
            yield f"{key} is rejected", Scenario.model_validate({"approvals": {key: Answer.REJECT}})
        else:
            yield f"{key} fails", Scenario.model_validate({"steps": {key: Outcome.FAIL}})


def joined(first: Scenario, second: Scenario) -> Scenario:
    """Return a scenario in which both hold; where both name the same, the second."""
    return Scenario(
        steps={**first.steps, **second.steps},
        compensations={**first.compensations, **second.compensations},
        approvals={**first.approvals, **second.approvals},
        variables={**first.variables, **second.variables},
    )


def differences(real: Plan, rehearsal: Plan) -> Iterator[str]:
    """Yield in what a rehearsed plan differs from the real one: jobs, commits, inputs, approvers, groups."""
    yield from _action_differences(real.actions, rehearsal.actions)
    yield from _action_differences(real.compensations, rehearsal.compensations, undoing=True)
    if real.approvals != rehearsal.approvals:
        yield "the approvals differ"
    if real.groups != rehearsal.groups:
        yield "the concurrency groups differ"


def _action_differences(
    real: tuple[PlannedAction, ...], rehearsal: tuple[PlannedAction, ...], *, undoing: bool = False
) -> Iterator[str]:
    what = "what undoes " if undoing else ""
    there, here = _by_key(real), _by_key(rehearsal)
    for key in dict.fromkeys([*there, *here]):
        one, other = there.get(key), here.get(key)
        if one is None or other is None:
            yield f"{what}{key} is only in the {'rehearsal' if one is None else 'real plan'}"
            continue
        for noun, really, here_it_is in (
            ("workflow file", one.action, other.action),
            ("ref", one.ref, other.ref),
            ("commit", one.sha, other.sha),
        ):
            if really != here_it_is:
                yield f"{what}{key}: the {noun} is {really} really, and {here_it_is} in the rehearsal"
        if (one.inputs, one.late_inputs) != (other.inputs, other.late_inputs):
            yield f"{what}{key}: the inputs differ"


def _by_key(actions: tuple[PlannedAction, ...]) -> dict[str, PlannedAction]:
    # A job may have several actions that undo it.
    found: dict[str, PlannedAction] = {}
    for action in actions:
        key, number = action.key, 1
        while key in found:
            number += 1
            key = f"{action.key} ({number})"
        found[key] = action
    return found


def _left_out(plan: Plan) -> Iterator[str]:
    for place, steps in (("", _definitions(plan.pipeline.steps)), *_steps_of_files(plan.files)):
        for name, step in steps.items():
            match step:
                case WaitStep():
                    yield f"{place}{name} does not wait: {step.wait or f'until {step.until}'}"
                case RunStep():
                    yield f"{place}{name} does not run {step.run}: its outputs are made up"


def _definitions(steps: tuple[CompiledStep, ...]) -> dict[str, Step]:
    return {step.name: step.definition for step in steps}


def _steps_of_files(files: Mapping[str, PipelineFile]) -> Iterator[tuple[str, dict[str, Step]]]:
    for path, file in files.items():
        yield f"{path}: ", file.steps


def _step(name: str, step: Step, scenario: Scenario) -> Step:
    if isinstance(step, WorkBase):
        step = step.with_changes(compensate=tuple(_call(call) for call in step.compensate))
    match step:
        case ActionStep():
            changes: dict[str, object] = {"adopt_window": timedelta(0), "retry": _soon(step.retry)}
            if _hangs(name, scenario):
                changes["timeout"] = Timeout(queue=_HANG, run=_HANG, cancel=_HANG)
            return step.with_changes(**changes)
        case WaitStep():
            return step.with_changes(wait="0s", until=None)
        case RunStep():
            run = f"{MADE_UP}:{name}"
            return step.with_changes(run=run, queue=REHEARSAL_QUEUE, retry=_soon(step.retry))
        case ApprovalStep():
            return _approval(name, step, scenario)
    return step


def _approval(name: str, step: ApprovalStep, scenario: Scenario) -> ApprovalStep:
    # Everybody decides at once: who has not after this time never will, as where too few may.
    changes: dict[str, object] = {"remind": None, "timeout": min(step.approval.timeout, _DECIDED_WITHIN)}
    expiring = {key for key, one in scenario.approvals.items() if one.answer is Answer.EXPIRE}
    if any(key.rpartition("/")[2] == name for key in expiring):
        changes["timeout"] = _EXPIRY
    return step.with_changes(approval=step.approval.with_changes(**changes))


def _hangs(name: str, scenario: Scenario) -> bool:
    def is_meant(key: str, one: Scripted) -> bool:
        return one.outcome is Outcome.HANG and step_of(key).rpartition("/")[2] == name

    return any(is_meant(key, one) for key, one in scenario.steps.items())


def _call(call: ActionCall) -> ActionCall:
    return call.with_changes(retry=_soon(call.retry))


def _soon(retry: Retry | None) -> Retry | None:
    return retry and retry.with_changes(delay=min(retry.delay, _DELAY))
