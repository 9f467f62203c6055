"""Runs a pipeline: its steps in order, side by side where they may, and undoes them where that is asked."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows._ending import COMPENSATION_DECLINED, Ending
from perdure.workflows._history import History
from perdure.workflows._jobs import Ended, Jobs
from perdure.workflows._notifying import APPROVAL_NEWS, Notices
from perdure.workflows.locking import GroupLock, inside

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.activities.failures import application_error
    from perdure.errors import ExpressionError, GroupTakenError, PipelineFailedError
    from perdure.model.left_runs import LEFT_SIGNAL, LeftRun
    from perdure.model.locks import LockPolicy
    from perdure.pipeline import Conclusion, JobResult, Sequencer, render, render_text
    from perdure.pipeline.job_table import JobTable
    from perdure.pipeline.outcomes import Compensation, Moves
    from perdure.pipeline.running import (
        CompensationResult,
        JobProgress,
        JobState,
        PipelineInput,
        PipelineProgress,
        PipelineResult,
        PipelineState,
        first_jobs,
    )

_NEXT_TASK = timedelta(milliseconds=1)


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
        self._jobs = Jobs(input)
        self._sequencer = Sequencer(input.pipeline, self._pipeline_context(), state.sequencer)
        self._steps = {job.key: (step, job) for step in input.pipeline.steps for job in step.jobs}
        self._ready: dict[str, None] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._history = History(input.limits)
        self._cancel_requested = self._gave_up = False
        self._waits_for_group = ""
        self._changed = False
        self._table = JobTable(state.jobs or first_jobs(input.pipeline))
        earlier = input.resume or PipelineState()
        self._earlier = {row.key: row for row in earlier.jobs if row.key in earlier.sequencer.results}
        self._compensations = list(state.compensations)
        self._ending = Ending(input, state.left_running)
        self._conclusion: Conclusion | None = None
        self._notices = Notices(input, self._progress)
        self._show()

    @workflow.run
    async def run(self, input: PipelineInput) -> PipelineResult:
        """Run the pipeline to its end."""
        body = asyncio.create_task(self._notices.around(self._body()))
        try:
            return await asyncio.shield(body)
        except asyncio.CancelledError:
            # Shielded, so that running jobs are cancelled one by one and what succeeded can be undone.
            self._request_cancel()
            return await body

    @workflow.query
    def progress(self) -> PipelineProgress:
        """Tell where the pipeline stands."""
        return self._progress().travelling()

    def _progress(self) -> PipelineProgress:
        return PipelineProgress(
            name=self._input.pipeline.name,
            digest=self._input.digest,
            requester=self._input.requester.login if self._input.requester else "",
            started_at=self._started_at,
            conclusion=self._conclusion,
            cancelled=self._cancel_requested,
            waits_for_group=self._waits_for_group,
            jobs=self._table.rows,
            compensations=tuple(self._compensations),
            compensate=self._ending.compensates,
            left_running=self._ending.left_running,
            notifications=self._notices.records,
            telling=self._notices.telling,
        )

    @workflow.signal(name=APPROVAL_NEWS)
    def approval_news(self, *payloads: object) -> None:
        """Hear from an approval that people are waited for, so that they are told as the file says."""
        for payload in payloads:
            self._notices.hear(payload)

    @workflow.signal(name=COMPENSATION_DECLINED)
    def compensation_declined(self) -> None:
        """Undo nothing, however the pipeline ends; where that is under way it is stopped."""
        self._jobs.children_compensate = False
        running = (self._table[key] for key in self._tasks)
        self._ending.decline(row.workflow_id for row in running if row.kind == "pipeline")

    @workflow.signal(name=LEFT_SIGNAL)
    def actions_run_left(self, left: LeftRun | None = None) -> None:
        """Hear of a run that may go on at GitHub although its action was ended."""
        if left is not None:
            self._ending.leave(left)

    @workflow.query
    def state(self) -> PipelineState:
        """Tell what a new start of this pipeline may go on from."""
        return PipelineState(
            sequencer=self._sequencer.state,
            jobs=self._table.rows,
            started_at=self._started_at,
            compensations=tuple(self._compensations),
        )

    async def _body(self) -> PipelineResult:
        await self._enter_group()
        try:
            with inside(*self._input.held_groups, *([self._group] if self._group else [])):
                result = await self._alone()
        except (Exception, asyncio.CancelledError):
            await self._leave_group()
            raise
        await self._leave_group()
        return result

    async def _leave_group(self) -> None:
        # Not reached by continue-as-new, which keeps the group: that is neither of the two.
        if self._group_lock is not None:
            await self._group_lock.release()

    async def _alone(self) -> PipelineResult:
        self._notices.begin()
        conclusion = await self._sequence()
        if conclusion is not Conclusion.SUCCESS:
            await self._compensate()
        await self._ending.report()
        self._conclusion = conclusion
        self._show()
        match conclusion:
            case Conclusion.SUCCESS:
                return self._result().travelling()
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
        if group in self._input.held_groups:
            return group, None
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
        self._ending.begin()

    async def _sequence(self) -> Conclusion:
        while True:
            if self._cancel_requested:
                await self._ending.passed_on()
                self._sequencer.cancel()
            elif self._history.is_over():
                self._gave_up = True
                self._request_cancel()
                continue
            moves = self._sequencer.moves()
            self._follow(moves)
            if moves.conclusion is not None:
                self._show()
                return Conclusion.FAILURE if self._gave_up else moves.conclusion
            if not self._tasks and not self._cancel_requested and self._history.wants_cut():
                self._cut_history()
            await self._start_ready()
            self._show()
            await self._wait_for_change()

    def _follow(self, moves: Moves) -> None:
        for key in moves.ended:
            self._note_end(key, Ended(self._sequencer.results[key]))
        self._ready.update(dict.fromkeys(moves.start))
        for key in moves.cancel:
            if key in self._ready:
                del self._ready[key]
                self._end(key, Ended(JobResult(conclusion=Conclusion.CANCELLED)))
            else:
                self._ending.lift(key)
                self._tasks[key].cancel()

    async def _start_ready(self) -> None:
        """Start what may start, and no more in one workflow task than it bears."""
        started = 0
        while self._ready and len(self._tasks) < self._input.limits.at_once:
            if self._history.is_full() and not self._cancel_requested:
                return
            if started == self._input.limits.per_task:
                self._changed = True
                await workflow.sleep(_NEXT_TASK)
                return
            key = next(iter(self._ready))
            del self._ready[key]
            self._start(key)
            started += 1

    async def _wait_for_change(self) -> None:
        await workflow.wait_condition(lambda: self._changed)
        self._changed = False

    def _cut_history(self) -> None:
        """Go on with a new history, if what is to be carried over is not too large for that."""
        state = self.state()
        # Nothing runs: what the sequencer takes for running waits for its start.
        sequencer = state.sequencer.model_copy(update={"started": ()})
        changes = {
            "sequencer": sequencer,
            "lock_request_id": self._group_lock.request_id if self._group_lock else "",
            "left_running": self._ending.left_running,
            "notifications": self._notices.state,
        }
        next_input = self._input.model_copy(
            update={"state": state.model_copy(update=changes), "compensate": self._ending.compensates}
        )
        if self._history.takes(next_input):
            workflow.continue_as_new(next_input)

    def _start(self, key: str) -> None:
        digest = self._jobs.inputs_digest(self._steps[key][0], key, self._sequencer.contexts(key))
        if self._keep(key, digest):
            return
        kind = self._table[key].kind
        is_workflow = kind in {"action", "approval", "pipeline"}
        self._table.update(
            key,
            state=JobState.RUNNING,
            started_at=workflow.now(),
            inputs_digest=digest,
            workflow_id=self._jobs.workflow_id(key, kind=kind) if is_workflow else "",
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
        self._table.put(row.model_copy(update={"needs": self._table[key].needs, "kept": True}))
        self._changed = True
        return True

    async def _carry_out(self, key: str) -> None:
        step, job = self._steps[key]
        try:
            work = self._jobs.run(step, job, self._sequencer.contexts(key))
            ended = await self._ending.job(key, step.definition, work)
        except asyncio.CancelledError:
            ended = Ended(JobResult(conclusion=Conclusion.CANCELLED))
        del self._tasks[key]
        self._end(key, self._ending.explained(self._jobs.workflow_id(key), ended))

    def _end(self, key: str, ended: Ended) -> None:
        self._sequencer.finish(key, ended.result)
        self._note_end(key, ended)
        self._changed = True

    def _note_end(self, key: str, ended: Ended) -> None:
        self._table.update(
            key,
            state=JobState(ended.result.conclusion.value),
            ended_at=workflow.now(),
            html_url=ended.html_url,
            reason=ended.result.reason,
        )

    async def _compensate(self) -> None:
        done = len(self._compensations)
        for number, compensation in enumerate(self._sequencer.compensations()[done:], start=done + 1):
            if not self._ending.compensates:
                return
            # A new history does not know that this one was to be cancelled, which is how it ends.
            if not self._cancel_requested and self._history.wants_cut():
                self._cut_history()
            self._compensations.append(await self._compensated(compensation, number))
            self._show()

    async def _compensated(self, compensation: Compensation, number: int) -> CompensationResult:
        key = f"{compensation.job_key}/compensate-{number}"
        contexts = self._sequencer.contexts(compensation.job_key)
        work = self._jobs.compensate(compensation.call, key, contexts)
        ended = await self._ending.undo(key, compensation.call, work)
        ended = self._ending.explained(self._jobs.workflow_id(key), ended)
        return CompensationResult(
            job_key=compensation.job_key,
            action=compensation.call.action,
            conclusion=ended.result.conclusion,
            html_url=ended.html_url,
            reason=ended.result.reason,
        )

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
            jobs=self._table.rows,
        )

    def _failure(self) -> PipelineFailedError:
        if self._gave_up:
            return PipelineFailedError(
                f"pipeline {self._input.pipeline.name} was given up: its jobs' results are too large to be "
                "carried over to a new history, and this one is full",
                hint="return less from its steps, or divide it among `pipeline:` steps, each with its own",
            )
        failed = self._table.ended_badly()
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
        workflow.set_current_details(self._table.markdown(self._input.pipeline.name))


def _line(row: JobProgress) -> str:
    return f"{row.key} {row.state.value}" + (f" ({row.reason})" if row.reason else "")
