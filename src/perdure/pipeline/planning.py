"""Lists everything that a pipeline asks for, as far as it is known before the run. Asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from perdure.errors import ExpressionError, PipelineFileError, PipelineInputError
from perdure.pipeline.compiling import CompiledPipeline, CompiledStep, StepJob, compile_pipeline
from perdure.pipeline.plan import Plan, PlannedAction, PlannedApproval, PlannedGroup, known_after
from perdure.pipeline.policies import Concurrency
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import ActionCall, ActionStep, ApprovalStep, PipelineStep, WorkBase
from perdure.pipeline.templates import render, render_text

MAX_DEPTH = 10
"""Pipelines that run pipelines are planned down to this depth."""


@dataclass(slots=True)
class Outline:
    """What a pipeline asks for, before any ref is resolved, and what is wrong with it."""

    actions: list[PlannedAction] = field(default_factory=list)
    approvals: list[PlannedApproval] = field(default_factory=list)
    groups: list[PlannedGroup] = field(default_factory=list)
    compensations: list[PlannedAction] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    problems: list[dict[str, str]] = field(default_factory=list)

    def wrong(self, key: str, message: str) -> None:
        """Note a mistake."""
        self.problems.append({"job": key, "message": message})

    def plan(self, compiled: CompiledPipeline, files: Mapping[str, PipelineFile]) -> Plan:
        """Return the plan, with its digest."""
        return Plan(
            pipeline=compiled,
            files=dict(files),
            actions=tuple(self.actions),
            approvals=tuple(self.approvals),
            groups=tuple(self.groups),
            compensations=tuple(self.compensations),
            warnings=tuple(dict.fromkeys(self.warnings)),
        ).sealed()


def outline(compiled: CompiledPipeline, files: Mapping[str, PipelineFile]) -> Outline:
    """Return what a pipeline and those that it runs ask for."""
    found = Outline()
    _Outlining(files, found).pipeline(compiled, "", 0)
    found.compensations.reverse()
    return found


class _Outlining:
    def __init__(self, files: Mapping[str, PipelineFile], found: Outline) -> None:
        self._files = files
        self._found = found

    def pipeline(self, compiled: CompiledPipeline, prefix: str, depth: int) -> None:
        places = {step.name: place for place, step in enumerate(compiled.steps)}
        contexts: dict[str, object] = {"inputs": compiled.inputs, "vars": compiled.vars}
        self._group(prefix.rstrip("/"), compiled.concurrency, contexts, places)
        for step in compiled.steps:
            for job in step.jobs:
                self._job(step, job, {**contexts, "matrix": job.matrix}, places, prefix, depth)

    def _job(  # noqa: PLR0913 - what a job reads, and where it stands
        self,
        step: CompiledStep,
        job: StepJob,
        contexts: Mapping[str, object],
        places: Mapping[str, int],
        prefix: str,
        depth: int,
    ) -> None:
        key, definition = prefix + job.key, step.definition
        if isinstance(definition, WorkBase):
            self._group(key, definition.concurrency, contexts, places)
            if depth == 0:
                # Those of a child are its own matter: a failure outside does not undo it in parts.
                # Backwards, for the whole is turned round at the end.
                calls = [self._call(call, key, contexts, places) for call in definition.compensate]
                self._found.compensations += reversed([one for one in calls if one is not None])
        match definition:
            case ActionStep():
                planned = self._call(definition, key, contexts, places)
                if planned is not None:
                    self._found.actions.append(planned)
            case ApprovalStep():
                self._found.approvals.append(_approval(key, definition))
            case PipelineStep():
                self._child(definition, key, contexts, places, depth)

    def _call(
        self, call: ActionCall, key: str, contexts: Mapping[str, object], places: Mapping[str, int]
    ) -> PlannedAction | None:
        late = {name: known_after(value, places) for name, value in call.inputs.items()}
        late = {name: after for name, after in late.items() if after}
        ref_after = known_after(call.ref, places)
        try:
            return PlannedAction(
                key=key,
                action=call.action,
                ref=(call.ref or "") if ref_after else render_text(call.ref, contexts),
                known_after=ref_after,
                expect_sha=""
                if known_after(call.expect_sha, places)
                else render_text(call.expect_sha, contexts),
                inputs={
                    name: str(value) if name in late else render_text(value, contexts)
                    for name, value in call.inputs.items()
                },
                late_inputs=late,
            )
        except ExpressionError as error:
            self._found.wrong(key, str(error))
            return None

    def _group(
        self,
        key: str,
        concurrency: Concurrency | None,
        contexts: Mapping[str, object],
        places: Mapping[str, int],
    ) -> None:
        if concurrency is None:
            return
        after = known_after(concurrency.group, places)
        try:
            group = concurrency.group if after else render_text(concurrency.group, contexts)
        except ExpressionError as error:
            self._found.wrong(key, f"concurrency: {error}")
            return
        self._found.groups.append(
            PlannedGroup(key=key, group=group, policy=concurrency.policy, known_after=after)
        )

    def _child(
        self,
        step: PipelineStep,
        key: str,
        contexts: Mapping[str, object],
        places: Mapping[str, int],
        depth: int,
    ) -> None:
        late = {name: known_after(value, places) for name, value in step.inputs.items()}
        if any(late.values()):
            after = ", ".join(dict.fromkeys(filter(None, late.values())))
            self._found.warnings.append(f"{key}: what {step.pipeline} does is known after {after}")
        elif step.pipeline not in self._files:
            self._found.wrong(key, f"the pipeline {step.pipeline} was not given")
        elif depth >= MAX_DEPTH:
            self._found.wrong(key, f"pipelines run each other more than {MAX_DEPTH} deep")
        else:
            self._compiled_child(step, key, contexts, depth)

    def _compiled_child(
        self, step: PipelineStep, key: str, contexts: Mapping[str, object], depth: int
    ) -> None:
        try:
            values: dict[str, object] = {name: render(value, contexts) for name, value in step.inputs.items()}
            compiled = compile_pipeline(self._files[step.pipeline], values)
        except (ExpressionError, PipelineInputError, PipelineFileError) as error:
            self._found.wrong(key, f"{step.pipeline}: {error}")
        else:
            self.pipeline(compiled, f"{key}/", depth + 1)


def _approval(key: str, step: ApprovalStep) -> PlannedApproval:
    asked = step.approval
    return PlannedApproval(
        key=key,
        approvers=asked.approvers,
        quorum=asked.quorum,
        prevent_self_approval=asked.prevent_self_approval,
        timeout=asked.timeout,
        on_timeout=asked.on_timeout.value,
        escalate_to=asked.escalate_to,
    )
