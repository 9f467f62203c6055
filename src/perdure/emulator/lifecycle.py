"""The life of runs: dispatched, held by concurrency, executed, cancelled, run again, found after a restart.

A run that was executing when the emulator died cannot go on, because its steps died too: it ends as GitHub
ends a run whose runner was lost, with ``failure`` and an annotation that says so; where the settings say so
it starts again instead, as a run that no runner had taken yet does in any case.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from perdure.emulator.concurrency import Concurrency, ConcurrencyGroups, read_concurrency
from perdure.emulator.execution import (
    ExecutionSettings,
    RunExecution,
    Script,
    WorkflowFile,
    WorkflowFileError,
    request_contexts,
)
from perdure.emulator.faults import Faults
from perdure.emulator.logs import Logs
from perdure.emulator.lost_runs import end_lost_jobs, has_started
from perdure.emulator.recorder import RunRecorder
from perdure.emulator.records import Attempt, Job, Run, WorkflowState
from perdure.emulator.repositories import Repositories, Repository, ResolvedRef
from perdure.emulator.reruns import with_dependents
from perdure.emulator.run_requests import RunRequests
from perdure.emulator.settings import EmulatorSettings
from perdure.emulator.state import State
from perdure.emulator.webhooks import Webhooks
from perdure.emulator.workflow_files import WorkflowFiles

RERUN_WITHIN = timedelta(days=30)
MOST_ATTEMPTS = 51
_NEVER = (1e9, 1e9)
_ODD_DELAY = 0.3
_SCRIPTS: Mapping[str, Script] = {"fails": "fail", "hangs": "hang", "times_out": "hang"}
_log = logging.getLogger(__name__)


class RunRefusedError(Exception):
    """A cancellation or re-run that GitHub refuses, with the text of its answer."""


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A dispatch that has been checked."""

    repository: Repository
    workflow: WorkflowState
    text: str
    file: WorkflowFile
    resolved: ResolvedRef
    inputs: dict[str, str]
    actor: str
    caller: str = ""


class Lifecycle:
    """All runs of one emulator."""

    def __init__(  # noqa: PLR0913 - the parts of one emulator, put together in one place
        self,
        settings: EmulatorSettings,
        state: State,
        repositories: Repositories,
        faults: Faults,
        logs: Logs,
        webhooks: Webhooks,
    ) -> None:
        self.files = WorkflowFiles(state)
        self.requests = RunRequests(settings, state)
        self._settings = settings
        self._state = state
        self._repositories = repositories
        self._faults = faults
        self._logs = logs
        self._webhooks = webhooks
        self._groups = ConcurrencyGroups(state)
        self._slots = asyncio.Semaphore(settings.max_parallel_runs)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._executions: dict[int, RunExecution] = {}
        self._is_open = True

    def dispatch(self, order: Dispatch) -> Run:
        """Make a run and start it, or hold it back where its concurrency group is busy."""
        order.workflow.runs += 1
        self._state.store.put(order.workflow)
        run = self._make_run(order)
        concurrency = self._evaluate(run, order)
        cancel_in_progress = concurrency is not None and concurrency.cancel_in_progress
        self._hold_or_start(run, cancel_in_progress=cancel_in_progress)
        self._webhooks.workflow_dispatch(run)
        self._webhooks.workflow_run("requested", run)
        return run

    def cancel(self, run: Run, *, force: bool = False) -> None:
        """Cancel a run; steps with ``if: always()`` still run unless it is forced.

        Raises:
            RunRefusedError: It is over, or in one of the states that cannot be cancelled.
        """
        if run.is_over:
            raise RunRefusedError("Cannot cancel a workflow run that is completed.")
        if run.oddity in ("zombie_queued", "zombie_in_progress"):
            raise RunRefusedError("Cannot cancel a workflow run that has not been queued yet.")
        execution = self._executions.get(run.id)
        if execution is not None:
            execution.cancel(force=force)
            return
        task = self._tasks.pop(run.id, None)
        if task is not None:
            task.cancel()
        self._finish(run, "cancelled")

    def rerun(self, run: Run, actor: str, keys: frozenset[str] | None = None) -> None:
        """Begin another attempt, at all jobs or at some of them and those that need them.

        Raises:
            RunRefusedError: It is still running, or cannot be run again.
        """
        self._check_rerun(run)
        if keys is not None and not keys:
            raise RunRefusedError("This workflow run cannot be retried")
        now, number = self._state.now(), run.current.number + 1
        kept = [
            job for job in self._state.jobs_of(run.id, number - 1) if keys is not None and job.key not in keys
        ]
        following = Attempt(
            number=number, status="queued", started_at=now, updated_at=now, triggering_actor=actor
        )
        following.only_jobs = None if keys is None else sorted(keys)
        run.attempts.append(following)
        run.oddity = self._faults.take_run(run.workflow_path, run.caller)
        for job in kept:
            changes = {"id": self._state.next_id("job"), "attempt": number, "is_kept": True}
            copy = job.model_copy(deep=True, update=changes)
            self._state.add_job(copy)
            self._logs.copy(job, copy)
        self._hold_or_start(run, cancel_in_progress=False)
        self._webhooks.workflow_run("requested", run)

    def delete(self, run: Run) -> None:
        """Forget a run that is over.

        Raises:
            RunRefusedError: It is not over.
        """
        if not run.is_over:
            raise RunRefusedError("Could not delete the workflow run")
        self._logs.delete(self._state.jobs_of(run.id))
        for artifact in self._state.artifacts_of(run.id):
            (self._state.folder / artifact.file).unlink(missing_ok=True)
        self._state.delete_run(run)

    def failed_keys(self, run: Run) -> frozenset[str] | None:
        """Return the jobs that a re-run of failed jobs executes: they and their dependents.

        None for all, where the run was cancelled before it had any job.
        """
        if not self._state.jobs_of(run.id, run.current.number):
            return None
        return self._with_dependents(run, lambda job: job.conclusion not in ("success", "skipped"))

    def keys_from(self, run: Run, key: str) -> frozenset[str]:
        """Return the jobs that a re-run of one job executes: it and those that need it."""
        return self._with_dependents(run, lambda job: job.key == key)

    async def resume(self) -> None:
        """Take up what an emulator that was stopped or killed has left."""
        self._is_open = False
        shutil.rmtree(self.requests.folder, ignore_errors=True)
        zombies = ("zombie_queued", "zombie_in_progress")
        left = [run for run in self._state.runs.values() if not run.is_over and run.oddity not in zombies]
        jobs = {run.id: self._executed_jobs(run) for run in left}
        # Lost runs end before any other begins: the place of one in its group may be what another waits for.
        for run in left:
            if self._is_lost(jobs[run.id]):
                self._lose(run, jobs[run.id])
        for run in left:
            if not run.is_over:
                for job in jobs[run.id]:
                    self._state.delete_job(job)
                if run.status == "in_progress":
                    run.current.status = "queued"
                    self._state.changed(run)
                self._hold_or_start(run, cancel_in_progress=False)
        self._is_open = True
        self._state.store.flush()

    async def close(self) -> None:
        """Stop every run at once, leaving no process behind."""
        self._is_open = False
        for execution in self._executions.values():
            execution.cancel(force=True)
        waiting = [task for number, task in self._tasks.items() if number not in self._executions]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    def _make_run(self, order: Dispatch) -> Run:
        now, login = self._state.now(), order.actor
        lag = self._faults.list_lag_of(order.repository.full_name)
        delay = self._state.draw(self._settings.delays.list_lag) if lag is None else timedelta(seconds=lag)
        first = Attempt(number=1, status="queued", started_at=now, updated_at=now, triggering_actor=login)
        return Run(
            id=self._state.next_id("run"),
            number=order.workflow.runs,
            repository=order.repository.full_name,
            workflow_id=order.workflow.id,
            workflow_path=order.workflow.path,
            workflow_name=order.file.name or order.workflow.path,
            title=order.workflow.path,
            ref=order.resolved.ref,
            head_branch=order.resolved.name,
            head_sha=order.resolved.sha,
            actor=login,
            inputs=order.inputs,
            created_at=now,
            listed_at=now + delay,
            attempts=[first],
            caller=order.caller,
            oddity=self._faults.take_run(order.workflow.path, order.caller),
        )

    def _evaluate(self, run: Run, order: Dispatch) -> Concurrency | None:
        """Give a run its title and its group; a file whose expressions fail there is not started."""
        request = self.requests.make(run, order.repository, order.text)
        contexts = request_contexts(request, order.file)
        try:
            run.title = order.file.title(contexts)
            concurrency = read_concurrency(order.file, contexts)
        except WorkflowFileError:
            run.oddity = "startup_failure"
            return None
        if concurrency is not None:
            run.group, run.is_queued = concurrency.group, concurrency.is_queue
        return concurrency

    def _check_rerun(self, run: Run) -> None:
        if not run.is_over and run.oddity is None:
            raise RunRefusedError("This workflow is already running")
        if not run.is_over or run.conclusion == "startup_failure" or len(run.attempts) >= MOST_ATTEMPTS:
            raise RunRefusedError("This workflow run cannot be retried")
        if self._state.now() - run.created_at > RERUN_WITHIN:
            raise RunRefusedError("Unable to retry this workflow run because it was created over a month ago")

    def _hold_or_start(self, run: Run, *, cancel_in_progress: bool) -> None:
        turn = self._groups.enter(run)
        run.current.status = "pending" if turn.must_wait or run.oddity == "superseded" else "queued"
        self._state.changed(run)
        self._state.add_run(run)
        if turn.superseded is not None:
            self._finish(turn.superseded, "cancelled")
        if turn.must_wait and cancel_in_progress and turn.holder is not None:
            self._cancel_holder(turn.holder)
        if not turn.must_wait:
            self._start(run)

    def _cancel_holder(self, holder: Run) -> None:
        try:
            self.cancel(holder)
        except RunRefusedError:
            _log.debug("run %d is in the way of its group and cannot be cancelled", holder.id)

    def _start(self, run: Run) -> None:
        if run.current.status == "pending" and run.oddity != "superseded":
            run.current.status = "queued"
            self._state.changed(run)
        task = asyncio.get_running_loop().create_task(self._drive(run), name=f"run {run.id}")
        self._tasks[run.id] = task
        task.add_done_callback(lambda done: self._forget(run, done))

    def _forget(self, run: Run, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(run.id) is task:
            del self._tasks[run.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("run %d ended by a fault of the emulator", run.id, exc_info=error)

    async def _drive(self, run: Run) -> None:
        match run.oddity:
            case "zombie_queued":
                return
            case "startup_failure":
                self._finish(run, "startup_failure")
                return
            case "superseded":
                await asyncio.sleep(_ODD_DELAY)
                self._finish(run, "cancelled")
                return
        async with self._slots:
            await asyncio.sleep(self._state.draw(self._settings.delays.jobs_lag).total_seconds())
            conclusion = await self._execute(run)
        if not self._is_open and conclusion == "cancelled":
            self._interrupt(run)
        elif run.oddity != "zombie_in_progress":
            self._finish(run, conclusion)
        await asyncio.to_thread(shutil.rmtree, self.requests.work_dir(run), ignore_errors=True)

    async def _execute(self, run: Run) -> str:
        repository = self._repositories.find(*run.repository.split("/"))
        found = self.files.at(repository, run.head_sha, run.workflow_path) if repository else None
        if repository is None or found is None:
            return "startup_failure"
        request = self.requests.make(run, repository, found.text)
        recorder = RunRecorder(run, self._state, self._logs, self._webhooks)
        request.work_dir.mkdir(parents=True, exist_ok=True)
        execution = RunExecution(request, recorder, self._execution_settings(run))
        self._executions[run.id] = execution
        if run.oddity in ("never_started_cancelled", "times_out"):
            asyncio.get_running_loop().call_later(_ODD_DELAY, execution.cancel)
        try:
            conclusion = await execution.run()
        except Exception:
            _log.exception("run %d ended by a fault of the emulator", run.id)
            return "failure"
        finally:
            del self._executions[run.id]
        return "timed_out" if run.oddity == "times_out" else conclusion

    def _execution_settings(self, run: Run) -> ExecutionSettings:
        never = run.oddity in ("never_starts", "never_started_cancelled")
        return ExecutionSettings(
            pick_up_delay=_NEVER if never else self._settings.delays.pick_up_delay,
            network=self._settings.network,
            script=_SCRIPTS.get(run.oddity or ""),
            hidden=(self._repositories.root, self._state.folder),
        )

    def _finish(self, run: Run, conclusion: str) -> None:
        run.current.status, run.current.conclusion = "completed", conclusion
        self._state.changed(run)
        self._state.store.flush()
        self._webhooks.workflow_run("completed", run)
        follower = self._groups.leave(run)
        if follower is not None and self._is_open:
            self._start(follower)

    def _interrupt(self, run: Run) -> None:
        """Note that the emulator stopped in the middle; a run that no runner had taken begins anew later."""
        jobs = self._executed_jobs(run)
        if self._is_lost(jobs):
            self._lose(run, jobs)

    def _is_lost(self, jobs: Sequence[Job]) -> bool:
        return has_started(jobs) and not self._settings.restart_lost_runs

    def _executed_jobs(self, run: Run) -> list[Job]:
        """Return the jobs of the latest attempt, without those that it keeps from the one before."""
        return [job for job in self._state.jobs_of(run.id, run.current.number) if not job.is_kept]

    def _lose(self, run: Run, jobs: Sequence[Job]) -> None:
        conclusion = end_lost_jobs(jobs, self._state.now())
        for job in jobs:
            self._state.store.put(job)
        self._finish(run, conclusion)

    def _with_dependents(self, run: Run, is_first: Callable[[Job], bool]) -> frozenset[str]:
        jobs = self._state.jobs_of(run.id, run.current.number)
        first = frozenset(job.key for job in jobs if is_first(job))
        repository = self._repositories.find(*run.repository.split("/"))
        found = self.files.at(repository, run.head_sha, run.workflow_path) if repository else None
        if found is None or found.file is None:
            return first
        return with_dependents(found.file, first, frozenset(job.key for job in jobs))
