"""Runs a pipeline: its steps in order, side by side where they may, and undoes them where that is asked."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows._jobs import Ended, Jobs
from perdure.workflows.locking import GroupLock

with workflow.unsafe.imports_passed_through():
    from perdure.activities.failures import application_error
    from perdure.errors import ExpressionError, GroupTakenError, PipelineFailedError
    from perdure.model.locks import LockPolicy
    from perdure.pipeline import Conclusion, JobResult, Sequencer, render, render_text
    from perdure.pipeline.running import (
        CompensationResult,
        JobProgress,
        JobState,
        PipelineInput,
        PipelineProgress,
        PipelineResult,
        PipelineState,
        first_jobs,
        pipeline_markdown,
    )


@workflow.defn
class PipelineWorkflow:
    """Runs the steps of one pipeline.

    What starts when is decided by :class:`perdure.pipeline.Sequencer`; each job is carried out by
    :class:`perdure.workflows._jobs.Jobs`. Ends when every step has ended and, after a failure or a
    cancellation, what succeeded was undone. Message: the query ``progress``. Survives the loss of worker and
    engine at any moment: a job that is a workflow of its own goes on meanwhile.
    """

    @workflow.init
    def __init__(self, input: PipelineInput) -> None:
        """Begin, or go on where an earlier run of this workflow stopped."""
        state = input.state or PipelineState()
        self._input = input
        self._started_at = state.started_at or workflow.now()
        self._is_inside = False
        self._group, self._group_lock = self._own_group(state.lock_request_id)
        self._jobs = Jobs(input, own_group=self._group)
        self._sequencer = Sequencer(input.pipeline, self._pipeline_context(), state.sequencer)
        self._steps = {job.key: (step, job) for step in input.pipeline.steps for job in step.jobs}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancel_requested = False
        self._goes_on = False
        self._waits_for_group = ""
        self._changed = False
        self._rows = {row.key: row for row in (state.jobs or first_jobs(input.pipeline))}
        earlier = input.resume or PipelineState()
        self._earlier = {row.key: row for row in earlier.jobs if row.key in earlier.sequencer.results}
        self._compensations: list[CompensationResult] = []
        self._conclusion: Conclusion | None = None
        self._show()

    @workflow.run
    async def run(self, input: PipelineInput) -> PipelineResult:
        """Run the pipeline to its end."""
        body = asyncio.create_task(self._body())
        try:
            return await asyncio.shield(body)
        except asyncio.CancelledError:
            # Shielded, so that running jobs are cancelled one by one and what succeeded can be undone.
            self._request_cancel()
            return await body

    @workflow.query
    def progress(self) -> PipelineProgress:
        """Tell where the pipeline stands."""
        return PipelineProgress(
            name=self._input.pipeline.name,
            digest=self._input.digest,
            requester=self._input.requester.login if self._input.requester else "",
            started_at=self._started_at,
            conclusion=self._conclusion,
            cancelled=self._cancel_requested,
            waits_for_group=self._waits_for_group,
            jobs=tuple(self._rows.values()),
            compensations=tuple(self._compensations),
        )

    @workflow.query
    def state(self) -> PipelineState:
        """Tell what a new start of this pipeline may go on from."""
        return PipelineState(
            sequencer=self._sequencer.state, jobs=tuple(self._rows.values()), started_at=self._started_at
        )

    async def _body(self) -> PipelineResult:
        await self._enter_group()
        try:
            return await self._alone()
        finally:
            if self._group_lock is not None and not self._goes_on:
                await self._group_lock.release()

    async def _alone(self) -> PipelineResult:
        conclusion = await self._sequence()
        if conclusion is not Conclusion.SUCCESS and self._input.compensate:
            await self._compensate()
        self._conclusion = conclusion
        self._show()
        match conclusion:
            case Conclusion.SUCCESS:
                return self._result()
            case Conclusion.CANCELLED:
                if self._group_lock is not None and self._group_lock.superseded_by:
                    raise application_error(self._group_lock.error())
                raise asyncio.CancelledError
            case _:
                raise application_error(self._failure())

    def _own_group(self, request_id: str) -> tuple[str | None, GroupLock | None]:
        concurrency = self._input.pipeline.concurrency
        if concurrency is None:
            return None, None
        contexts = {
            "inputs": self._input.pipeline.inputs,
            "vars": self._input.pipeline.vars,
            "pipeline": self._pipeline_context(),
        }
        group = render_text(concurrency.group, contexts)
        lock = GroupLock(
            group,
            policy=LockPolicy(concurrency.policy.value),
            task_queue=workflow.info().task_queue,
            request_id=request_id or None,
        )
        self._is_inside = bool(request_id)
        return group, lock

    async def _enter_group(self) -> None:
        lock = self._group_lock
        if lock is None:
            return
        lock.on_superseded = self._request_cancel
        if lock.superseded_by:
            self._request_cancel()
        if not self._is_inside:
            self._waits_for_group = lock.group
            self._show()
            entering = asyncio.create_task(lock.acquire())
            await workflow.wait_condition(lambda: entering.done() or self._cancel_requested)
            if not entering.done():
                entering.cancel()
            await self._entered(entering)
        self._waits_for_group = ""

    async def _entered(self, entering: asyncio.Task[None]) -> None:
        try:
            await entering
        except GroupTakenError as error:
            self._conclusion = Conclusion.CANCELLED if error.was_taken_over else Conclusion.FAILURE
            raise application_error(error) from None
        except (asyncio.CancelledError, FailureError):
            if self._cancel_requested:
                self._conclusion = Conclusion.CANCELLED
                raise asyncio.CancelledError from None
            raise

    def _request_cancel(self) -> None:
        self._cancel_requested = self._changed = True

    async def _sequence(self) -> Conclusion:
        while True:
            if self._cancel_requested:
                self._sequencer.cancel()
            if workflow.info().is_continue_as_new_suggested() and not self._cancel_requested:
                await self._cut_history()
            moves = self._sequencer.moves()
            for key in moves.ended:
                self._note_end(key, Ended(self._sequencer.results[key]))
            for key in moves.start:
                self._start(key)
            for key in moves.cancel:
                self._tasks[key].cancel()
            self._show()
            if moves.conclusion is not None:
                return moves.conclusion
            if not (moves.start or moves.ended):
                await self._wait_for_change()

    async def _wait_for_change(self) -> None:
        await workflow.wait_condition(lambda: self._changed)
        self._changed = False

    async def _cut_history(self) -> None:
        """Start nothing more, let what runs end, and go on with a new history."""
        await workflow.wait_condition(lambda: not self._tasks or self._cancel_requested)
        if not self._tasks:
            state = PipelineState(
                sequencer=self._sequencer.state,
                jobs=tuple(self._rows.values()),
                started_at=self._started_at,
                lock_request_id=self._group_lock.request_id if self._group_lock else "",
            )
            self._goes_on = True
            workflow.continue_as_new(self._input.model_copy(update={"state": state}))

    def _start(self, key: str) -> None:
        digest = self._jobs.inputs_digest(self._steps[key][0], key, self._sequencer.contexts(key))
        if self._keep(key, digest):
            return
        kind = self._rows[key].kind
        is_workflow = kind in {"action", "approval", "pipeline"}
        self._rows[key] = self._rows[key].model_copy(
            update={
                "state": JobState.RUNNING,
                "started_at": workflow.now(),
                "inputs_digest": digest,
                "workflow_id": self._jobs.workflow_id(key, kind=kind) if is_workflow else "",
            }
        )
        self._tasks[key] = asyncio.create_task(self._carry_out(key))

    def _keep(self, key: str, digest: str) -> bool:
        """Take the result of an earlier run, where the job was given the same."""
        row = self._earlier.get(key)
        if self._input.resume is None or row is None or row.state is not JobState.SUCCESS:
            return False
        if not digest or row.inputs_digest != digest:
            return False
        self._sequencer.finish(key, self._input.resume.sequencer.results[key])
        needs = self._rows[key].needs
        self._rows[key] = row.model_copy(update={"needs": needs, "kept": True})
        self._changed = True
        return True

    async def _carry_out(self, key: str) -> None:
        step, job = self._steps[key]
        try:
            ended = await self._jobs.run(step, job, self._sequencer.contexts(key))
        except asyncio.CancelledError:
            ended = Ended(JobResult(conclusion=Conclusion.CANCELLED))
        self._sequencer.finish(key, ended.result)
        self._note_end(key, ended)
        del self._tasks[key]
        self._changed = True

    def _note_end(self, key: str, ended: Ended) -> None:
        self._rows[key] = self._rows[key].model_copy(
            update={
                "state": JobState(ended.result.conclusion.value),
                "ended_at": workflow.now(),
                "html_url": ended.html_url,
                "reason": ended.result.reason,
            }
        )

    async def _compensate(self) -> None:
        for number, compensation in enumerate(self._sequencer.compensations(), start=1):
            key = f"{compensation.job_key}/compensate-{number}"
            ended = await self._jobs.compensate(
                compensation.call, key, self._sequencer.contexts(compensation.job_key)
            )
            self._compensations.append(
                CompensationResult(
                    job_key=compensation.job_key,
                    action=compensation.call.action,
                    conclusion=ended.result.conclusion,
                    html_url=ended.html_url,
                    reason=ended.result.reason,
                )
            )
            self._show()

    def _result(self) -> PipelineResult:
        contexts = self._sequencer.pipeline_contexts()
        try:
            outputs = {name: render(text, contexts) for name, text in self._input.pipeline.outputs.items()}
        except ExpressionError as error:
            raise application_error(PipelineFailedError(f"outputs: {error}")) from None
        return PipelineResult(
            name=self._input.pipeline.name,
            conclusion=Conclusion.SUCCESS,
            digest=self._input.digest,
            outputs=outputs,
            jobs=tuple(self._rows.values()),
        )

    def _failure(self) -> PipelineFailedError:
        failed = [row for row in self._rows.values() if row.state in {JobState.FAILURE, JobState.CANCELLED}]
        said = "; ".join(_line(row) for row in failed[:5])
        more = f"; and {len(failed) - 5} more" if len(failed) > 5 else ""
        return PipelineFailedError(
            f"pipeline {self._input.pipeline.name} failed: {said}{more}",
            failed_steps=[
                {"job": row.key, "reason": row.reason, "html_url": row.html_url} for row in failed[:20]
            ],
        )

    def _pipeline_context(self) -> dict[str, str]:
        info = workflow.info()
        return {
            "id": info.workflow_id,
            "name": self._input.pipeline.name,
            "requester": self._input.requester.login if self._input.requester else "",
            "started_at": self._started_at.isoformat(),
        }

    def _show(self) -> None:
        workflow.set_current_details(pipeline_markdown(self.progress()))


def _line(row: JobProgress) -> str:
    return f"{row.key} {row.state.value}" + (f" ({row.reason})" if row.reason else "")
