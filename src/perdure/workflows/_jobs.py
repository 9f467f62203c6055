"""Carries out one job of a pipeline, whatever kind of step it is, and says how it ended.

A job never raises for what went wrong outside: that is its result. What it raises is a cancellation.
"""

import asyncio
from collections.abc import Mapping

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from perdure.workflows import _calls
from perdure.workflows._notifying import APPROVAL_NEWS
from perdure.workflows.action import ActionWorkflow
from perdure.workflows.building_blocks import request_approval
from perdure.workflows.locking import held_groups, lock

with workflow.unsafe.imports_passed_through():
    from datetime import UTC, datetime, timedelta

    from pydantic import ValidationError

    from perdure.activities.actions import PlanDispatchInput
    from perdure.activities.failures import original_error
    from perdure.errors import ActionError, ExpressionError, GroupTakenError, PerdureError
    from perdure.model.action_state import ActionWorkflowInput
    from perdure.model.actions import ActionInput
    from perdure.model.approvals import OnTimeout, Reason
    from perdure.model.forms import FormField
    from perdure.model.locks import LockPolicy
    from perdure.model.packing import MAX_BYTES
    from perdure.pipeline import (
        ActionCall,
        CompiledPipeline,
        CompiledStep,
        Conclusion,
        JobResult,
        StepJob,
        action_input,
        compile_pipeline,
        render,
        render_text,
        typed_outputs,
    )
    from perdure.pipeline.digest import plan_digest
    from perdure.pipeline.durations import read_duration
    from perdure.pipeline.inputs import InputSpec
    from perdure.pipeline.resuming import files_below, inputs_digest, kept
    from perdure.pipeline.running import PipelineInput, PipelineResult, PipelineState
    from perdure.pipeline.steps import ActionStep, ApprovalStep, PipelineStep, RunStep, WaitStep, WorkBase

_RUN_TIMEOUT = timedelta(hours=1)
"""Start-to-close of an activity whose step gives none."""


class Ended:
    """How a job ended, and where that can be seen."""

    def __init__(self, result: JobResult, html_url: str = "") -> None:
        self.result = result
        self.html_url = html_url


def failed(reason: str, html_url: str = "") -> Ended:
    """Return the end of a job that failed."""
    return Ended(JobResult(conclusion=Conclusion.FAILURE, reason=reason[:2_000]), html_url)


class Jobs:
    """Carries out the jobs of one pipeline."""

    def __init__(self, input: PipelineInput) -> None:
        self._input = input
        self.children_compensate = input.compensate
        """Whether pipelines that it starts from now on undo what succeeded."""
        self._file_digests: dict[str, str] = {}

    def workflow_id(self, key: str, *, kind: str = "") -> str:
        """Return the id of the workflow that does a job: it is the same on every replay and attempt."""
        return f"{'approval/' if kind == 'approval' else ''}{workflow.info().workflow_id}/{key}"

    def inputs_digest(self, step: CompiledStep, key: str, contexts: Mapping[str, object]) -> str:
        """Return the digest of what a job is given; empty where that cannot be told."""
        beside: object = None
        match step.definition:
            case ActionStep():
                beside = (self._input.pins or {}).get(key)
            case ApprovalStep():
                # Approved is one plan: another one is asked for anew.
                beside = self._input.digest
            case PipelineStep(pipeline=path):
                beside = [self._file_digest(path), self._pins_below(key)]
        return inputs_digest(step.definition, contexts, beside=beside)

    def _file_digest(self, path: str) -> str:
        if path not in self._file_digests:
            self._file_digests[path] = plan_digest(files_below(path, self._input.files))
        return self._file_digests[path]

    async def run(self, step: CompiledStep, job: StepJob, contexts: Mapping[str, object]) -> Ended:
        """Carry out one job to its end, alone in its concurrency group where it has one."""
        definition = step.definition
        try:
            if not isinstance(definition, WorkBase) or definition.concurrency is None:
                return await self._carried_out(step, job, contexts)
            group = render_text(definition.concurrency.group, contexts)
            policy = LockPolicy(definition.concurrency.policy.value)
            async with lock(group, policy=policy, task_queue=workflow.info().task_queue):
                return await self._carried_out(step, job, contexts)
        except ExpressionError as error:
            return failed(f"concurrency: {error}")
        except FailureError as failure:
            return _ended_by(failure)

    async def _carried_out(self, step: CompiledStep, job: StepJob, contexts: Mapping[str, object]) -> Ended:
        try:
            match step.definition:
                case ActionStep() as action:
                    return await self._action(action, job.key, contexts)
                case ApprovalStep() as approval:
                    return await self._approval(approval, job.key, contexts)
                case WaitStep() as wait:
                    return await self._wait(wait, contexts)
                case PipelineStep() as child:
                    return await self._pipeline(child, job.key, contexts)
                case RunStep() as run:
                    return await self._activity(run, job.key, contexts)
                case _:
                    return failed("this kind of step is not there yet")
        except (PerdureError, ValidationError, ValueError) as error:
            return failed(str(error))
        except FailureError as failure:
            return _ended_by(failure)

    async def compensate(self, call: ActionCall, key: str, contexts: Mapping[str, object]) -> Ended:
        """Undo a job."""
        try:
            return await self._dispatched(call, key, contexts)
        except PerdureError as error:
            return failed(str(error))
        except FailureError as failure:
            return _ended_by(failure)

    async def _action(self, step: ActionStep, key: str, contexts: Mapping[str, object]) -> Ended:
        ended = await self._dispatched(step, key, contexts)
        outputs = typed_outputs(step.outputs, ended.result.outputs)
        return Ended(ended.result.model_copy(update={"outputs": outputs}), ended.html_url)

    async def _dispatched(self, call: ActionCall, key: str, contexts: Mapping[str, object]) -> Ended:
        input = action_input(call, contexts, step=key)
        if isinstance(call, ActionStep):
            if call.adopt_window is not None:
                input = input.model_copy(update={"adopt_window": call.adopt_window})
            if self._input.pins is not None and input.expect_sha is None:
                input = input.model_copy(update={"expect_sha": await self._pin(input, key)})
        result = await workflow.execute_child_workflow(
            ActionWorkflow.run,
            ActionWorkflowInput.of(input).model_copy(update={"reports_left_runs": True}),
            id=self.workflow_id(key),
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{input.repository} {input.workflow_file}",
        )
        return Ended(JobResult(conclusion=Conclusion.SUCCESS, outputs=dict(result.outputs)), result.html_url)

    async def _pin(self, input: ActionInput, key: str) -> str | None:
        """Return the commit that a planned action must run on: the plan's, else the one that is there now."""
        if self._input.pins and (planned := self._input.pins.get(key)):
            return planned
        found = await _calls.plan_dispatch(
            PlanDispatchInput(
                repository=input.repository,
                workflow_file=input.workflow_file,
                ref=input.ref,
                inputs=input.inputs,
            )
        )
        return found.head_sha or None

    async def _approval(self, step: ApprovalStep, key: str, contexts: Mapping[str, object]) -> Ended:
        asked = step.approval
        result = await request_approval(
            render_text(asked.message, contexts) or f"{self._input.pipeline.name}: {key}?",
            task_queue=workflow.info().task_queue,
            id=self.workflow_id(key, kind="approval"),
            news_signal=APPROVAL_NEWS if self._input.hears_of_approvals else "",
            subject_digest=self._input.digest,
            approvers=asked.approvers,
            quorum=asked.quorum,
            requester=self._input.requester,
            prevent_self_approval=asked.prevent_self_approval,
            timeout=asked.timeout,
            on_timeout=OnTimeout(asked.on_timeout.value),
            escalate_to=asked.escalate_to,
            remind=asked.remind,
            form={name: _form_field(spec) for name, spec in asked.form.items()},
        )
        said = "; ".join(
            f"{one.verdict.value} by {one.approver.login}" + (f": {one.comment}" if one.comment else "")
            for one in result.decisions
        )
        if result.approved:
            return Ended(JobResult(conclusion=Conclusion.SUCCESS, reason=said, form=dict(result.form)))
        return failed("timeout" if result.reason is Reason.TIMEOUT else said or result.reason.value)

    async def _wait(self, step: WaitStep, contexts: Mapping[str, object]) -> Ended:
        if step.until is not None:
            until = datetime.fromisoformat(render_text(step.until, contexts))
            delay = (until if until.tzinfo else until.replace(tzinfo=UTC)) - workflow.now()
        else:
            read = read_duration(render_text(step.wait, contexts))
            delay = read if isinstance(read, timedelta) else timedelta(0)
        if delay > timedelta(0):
            await workflow.sleep(delay, summary=f"until {workflow.now() + delay:%Y-%m-%d %H:%M:%S} UTC")
        return Ended(JobResult(conclusion=Conclusion.SUCCESS))

    async def _pipeline(self, step: PipelineStep, key: str, contexts: Mapping[str, object]) -> Ended:
        file = self._input.files[step.pipeline]
        compiled = compile_pipeline(
            file, {name: render(value, contexts) for name, value in step.inputs.items()}
        )
        child = PipelineInput(
            pipeline=compiled,
            files=self._input.files,
            requester=self._input.requester,
            digest=plan_digest(compiled),
            compensate=self.children_compensate,
            pins=self._pins_below(key),
            tells_parent=self._input.hears_of_approvals,
            held_groups=held_groups(),
            reports_left_runs=True,
            ending_grace=self._input.ending_grace,
            limits=self._input.limits,
            resume=self._resume_below(key, compiled),
        )
        if child.packed_size > MAX_BYTES:
            # Rather from its start than not at all.
            child = child.model_copy(update={"resume": None})
        if child.packed_size > MAX_BYTES:
            return failed(f"{step.pipeline} with these inputs is larger than the engine takes")
        result = await workflow.execute_child_workflow(
            "PipelineWorkflow",
            child,
            id=self.workflow_id(key),
            result_type=PipelineResult,
            execution_timeout=step.timeout.run if step.timeout else None,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=compiled.name,
        )
        outputs = typed_outputs(step.outputs, result.outputs)
        return Ended(JobResult(conclusion=Conclusion.SUCCESS, outputs=dict(outputs)))

    def _resume_below(self, key: str, pipeline: CompiledPipeline) -> PipelineState | None:
        earlier = self._input.resume.below.get(key) if self._input.resume else None
        return kept(earlier, pipeline) if earlier else None

    def _pins_below(self, key: str) -> dict[str, str] | None:
        if self._input.pins is None:
            return None
        inside = f"{key}/"
        return {
            job.removeprefix(inside): sha for job, sha in self._input.pins.items() if job.startswith(inside)
        }

    async def _activity(self, step: RunStep, key: str, contexts: Mapping[str, object]) -> Ended:
        arguments = render(step.with_, contexts)
        timeout, retry = step.timeout, step.retry
        returned = await workflow.execute_activity(
            step.run,
            arguments,
            task_queue=step.queue,
            result_type=dict,
            start_to_close_timeout=(timeout.run if timeout else None) or _RUN_TIMEOUT,
            schedule_to_start_timeout=timeout.queue if timeout else None,
            retry_policy=RetryPolicy(
                initial_interval=retry.delay if retry else timedelta(seconds=10),
                maximum_attempts=retry.attempts if retry else 1,
            ),
            summary=key,
        )
        outputs = typed_outputs(step.outputs, returned or {})
        return Ended(JobResult(conclusion=Conclusion.SUCCESS, outputs=dict(outputs)))


def _form_field(spec: InputSpec) -> FormField:
    # An input that is neither required nor has a default is empty; so is such a field of a form.
    value = spec.default if spec.default is not None or spec.required else spec.empty()
    return FormField.model_validate({**spec.model_dump(exclude={"required", "default"}), "default": value})


def _ended_by(failure: FailureError) -> Ended:
    if is_cancelled_exception(failure):
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        return Ended(JobResult(conclusion=Conclusion.CANCELLED, reason="somebody cancelled it alone"))
    known = original_error(failure)
    if isinstance(known, GroupTakenError) and known.was_taken_over:
        return Ended(JobResult(conclusion=Conclusion.CANCELLED, reason=str(known)))
    if isinstance(known, ActionError):
        return failed(str(known).partition("\n")[0], known.html_url or "")
    if known is not None:
        return failed(str(known).partition("\n")[0])
    cause = failure.cause if isinstance(failure, ActivityError) else failure
    return failed(str(cause or failure))
