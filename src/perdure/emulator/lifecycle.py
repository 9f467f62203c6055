"""The life of runs: dispatched, held by concurrency, executed, cancelled, run again, and found after a restart.

A run that was executing when the emulator died cannot go on, because its steps died too: it ends as GitHub ends a run
whose runner was lost, with ``failure`` and an annotation that says so. A run that no runner had taken yet starts again.
"""

import asyncio
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from perdure.emulator.concurrency import Concurrency, ConcurrencyGroups, read_concurrency
from perdure.emulator.execution import (
    ExecutionSettings,
    JobResult,
    RunExecution,
    RunRequest,
    WorkflowFile,
    WorkflowFileError,
)
from perdure.emulator.faults import Faults
from perdure.emulator.identifiers import number_for
from perdure.emulator.logs import Logs
from perdure.emulator.recorder import RunRecorder
from perdure.emulator.records import Annotation, Attempt, Job, Record, Run, WorkflowState
from perdure.emulator.repositories import Repositories, Repository, ResolvedRef
from perdure.emulator.reruns import with_dependents
from perdure.emulator.settings import EmulatorSettings
from perdure.emulator.state import State
from perdure.emulator.webhooks import Webhooks
from perdure.emulator.workflow_files import FoundFile, WorkflowFiles

RERUN_WITHIN = timedelta(days=30)
MOST_ATTEMPTS = 51
LOST_RUNNER = "The runner has received a shutdown signal. This can happen when the runner service is stopped."
_NEVER = (1e9, 1e9)
_ODD_DELAY = 0.3
_log = logging.getLogger(__name__)


class RunRefusedError(Exception):
    """A cancellation or re-run that GitHub refuses, with the text of its answer."""


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A dispatch that has been checked."""

    repository: Repository
    workflow: WorkflowState
    found: FoundFile
    file: WorkflowFile
    resolved: ResolvedRef
    inputs: dict[str, str]
    actor: str


class Lifecycle:
    """All runs of one emulator."""

    def __init__(
        self,
        settings: EmulatorSettings,
        state: State,
        repositories: Repositories,
        faults: Faults,
        logs: Logs,
        webhooks: Webhooks,
    ) -> None:
        self.files = WorkflowFiles(state)
        self.urls = ("http://github.localhost", "http://api.github.localhost")
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
        self._is_closing = False

    def dispatch(self, order: Dispatch) -> Run:
        """Make a run and start it, or hold it back where its concurrency group is busy."""
        now = self._state.now()
        order.workflow.runs += 1
        self._state.store.put(order.workflow)
        contexts = self._contexts(order)
        title, concurrency, oddity = self._evaluate(order, contexts)
        lag = self._faults.list_lag
        delay = self._state.draw(self._settings.delays.list_lag) if lag is None else timedelta(seconds=lag)
        run = Run(
            id=self._state.next_id("run"),
            number=order.workflow.runs,
            repository=order.repository.full_name,
            workflow_id=order.workflow.id,
            workflow_path=order.workflow.path,
            workflow_name=order.file.name or order.workflow.path,
            title=title,
            ref=order.resolved.ref,
            head_branch=order.resolved.name,
            head_sha=order.resolved.sha,
            actor=order.actor,
            inputs=order.inputs,
            created_at=now,
            listed_at=now + delay,
            attempts=[
                Attempt(
                    number=1, status="queued", started_at=now, updated_at=now, triggering_actor=order.actor
                )
            ],
            oddity=oddity,
            group=concurrency.group if concurrency else None,
        )
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
        run.attempts.append(
            Attempt(number=number, status="queued", started_at=now, updated_at=now, triggering_actor=actor)
        )
        run.oddity = self._faults.take_run(run.workflow_path)
        for job in kept:
            copy = job.model_copy(deep=True, update={"id": self._state.next_id("job"), "attempt": number})
            self._state.add_job(copy)
            self._logs.copy(job, copy)
        self._hold_or_start(run, cancel_in_progress=False, keys=keys)
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

    def failed_keys(self, run: Run) -> frozenset[str]:
        """Return the jobs that a re-run of failed jobs executes: those of the latest attempt, with their dependents."""
        return self._with_dependents(run, lambda job: job.conclusion not in ("success", "skipped"))

    def keys_from(self, run: Run, key: str) -> frozenset[str]:
        """Return the jobs that a re-run of one job executes: it and those that need it."""
        return self._with_dependents(run, lambda job: job.key == key)

    async def resume(self) -> None:
        """Take up what an emulator that was stopped or killed has left."""
        shutil.rmtree(self._work_dir, ignore_errors=True)
        for run in list(self._state.runs.values()):
            if run.is_over or run.oddity in ("zombie_queued", "zombie_in_progress"):
                continue
            jobs = self._state.jobs_of(run.id, run.current.number)
            if any(job.status == "in_progress" or job.runner_name for job in jobs):
                self._lose(run, jobs)
            else:
                for job in jobs:
                    self._state.delete_job(job)
                self._hold_or_start(run, cancel_in_progress=False)
        self._state.store.flush()

    async def close(self) -> None:
        """Stop every run at once, leaving no process behind."""
        self._is_closing = True
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

    @property
    def _work_dir(self) -> Path:
        return self._state.folder / "work"

    def _evaluate(
        self, order: Dispatch, contexts: dict[str, object]
    ) -> tuple[str, Concurrency | None, str | None]:
        oddity = self._faults.take_run(order.workflow.path)
        try:
            return order.file.title(contexts), read_concurrency(order.file, contexts), oddity
        except WorkflowFileError:
            return order.workflow.path, None, "startup_failure"

    def _check_rerun(self, run: Run) -> None:
        if not run.is_over and run.oddity is None:
            raise RunRefusedError("This workflow is already running")
        if not run.is_over or run.conclusion == "startup_failure" or len(run.attempts) >= MOST_ATTEMPTS:
            raise RunRefusedError("This workflow run cannot be retried")
        if self._state.now() - run.created_at > RERUN_WITHIN:
            raise RunRefusedError("Unable to retry this workflow run because it was created over a month ago")

    def _hold_or_start(
        self, run: Run, *, cancel_in_progress: bool, keys: frozenset[str] | None = None
    ) -> None:
        turn = self._groups.enter(run)
        run.current.status = "pending" if turn.must_wait or run.oddity == "superseded" else "queued"
        self._state.changed(run)
        self._state.add_run(run)
        if turn.superseded is not None:
            self._finish(turn.superseded, "cancelled")
        if turn.must_wait and cancel_in_progress and turn.holder is not None:
            self._cancel_holder(turn.holder)
        if not turn.must_wait:
            self._start(run, keys)

    def _cancel_holder(self, holder: Run) -> None:
        try:
            self.cancel(holder)
        except RunRefusedError:
            _log.debug("run %d is in the way of its group and cannot be cancelled", holder.id)

    def _start(self, run: Run, keys: frozenset[str] | None = None) -> None:
        if run.current.status == "pending" and run.oddity != "superseded":
            run.current.status = "queued"
            self._state.changed(run)
        task = asyncio.get_running_loop().create_task(self._drive(run, keys), name=f"run {run.id}")
        self._tasks[run.id] = task
        task.add_done_callback(lambda done: self._forget(run, done))

    def _forget(self, run: Run, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(run.id) is task:
            del self._tasks[run.id]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("run %d ended by a fault of the emulator", run.id, exc_info=error)

    async def _drive(self, run: Run, keys: frozenset[str] | None) -> None:
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
            conclusion = await self._execute(run, keys)
        if self._is_closing and conclusion == "cancelled":
            self._lose(run, self._state.jobs_of(run.id, run.current.number))
        elif run.oddity != "zombie_in_progress":
            self._finish(run, conclusion)

    async def _execute(self, run: Run, keys: frozenset[str] | None) -> str:
        repository = self._repositories.find(*run.repository.split("/"))
        found = self.files.at(repository, run.head_sha, run.workflow_path) if repository else None
        if repository is None or found is None:
            return "startup_failure"
        request = self._request(run, repository, found.text, keys)
        recorder = RunRecorder(run, self._state, self._logs, self._webhooks)
        execution = RunExecution(request, recorder, self._execution_settings(run))
        self._executions[run.id] = execution
        if run.oddity == "never_started_cancelled":
            asyncio.get_running_loop().call_later(_ODD_DELAY, execution.cancel)
        try:
            return await execution.run()
        except Exception:
            _log.exception("run %d ended by a fault of the emulator", run.id)
            return "failure"
        finally:
            del self._executions[run.id]
            await asyncio.to_thread(shutil.rmtree, request.work_dir, ignore_errors=True)

    def _execution_settings(self, run: Run) -> ExecutionSettings:
        never = run.oddity in ("never_starts", "never_started_cancelled")
        return ExecutionSettings(
            pick_up_delay=_NEVER if never else self._settings.delays.pick_up_delay,
            network=self._settings.network,
            hidden=(self._repositories.root, self._state.folder),
        )

    def _request(
        self, run: Run, repository: Repository, text: str, keys: frozenset[str] | None
    ) -> RunRequest:
        kept = self._state.jobs_of(run.id, run.current.number) if keys is not None else []
        earlier = {job.key: JobResult(result=job.conclusion or "", outputs=job.outputs) for job in kept}
        work_dir = self._work_dir / f"{run.id}-{run.current.number}"
        work_dir.mkdir(parents=True, exist_ok=True)
        return RunRequest(
            run_id=run.id,
            run_number=run.number,
            run_attempt=run.current.number,
            repository=run.repository,
            workflow_path=run.workflow_path,
            workflow_text=text,
            repository_dir=repository.folder,
            head_sha=run.head_sha,
            ref=run.ref,
            event={"inputs": dict(run.inputs), "ref": run.ref, "workflow": run.workflow_path},
            inputs=run.inputs,
            actor=run.actor,
            actor_id=number_for("user", run.actor),
            triggering_actor=run.current.triggering_actor,
            server_url=self.urls[0],
            api_url=self.urls[1],
            variables=self._variables(run.repository),
            work_dir=work_dir,
            only_jobs=keys,
            earlier_jobs=earlier,
            repository_id=repository.id,
            owner_id=number_for("user", repository.owner),
        )

    def _finish(self, run: Run, conclusion: str) -> None:
        run.current.status, run.current.conclusion = "completed", conclusion
        self._state.changed(run)
        self._state.store.flush()
        self._webhooks.workflow_run("completed", run)
        follower = self._groups.leave(run)
        if follower is not None and not self._is_closing:
            self._start(follower)

    def _lose(self, run: Run, jobs: list[Job]) -> None:
        """End a run as GitHub ends one whose runner went away."""
        now = self._state.now()
        changed: list[Record] = []
        for job in jobs:
            for step in job.steps:
                if step.status != "completed":
                    step.status, step.conclusion = "completed", "cancelled"
                    step.started_at, step.completed_at = step.started_at or now, now
            if job.runner_name and job.conclusion in (None, "cancelled"):
                job.conclusion = "failure"
                job.annotations.append(Annotation(level="failure", message=LOST_RUNNER))
            if job.status != "completed":
                job.conclusion = job.conclusion or "cancelled"
                job.status, job.completed_at = "completed", now
            changed.append(job)
        for record in changed:
            self._state.store.put(record)
        self._finish(run, "failure")

    def _variables(self, repository: str) -> dict[str, str]:
        found = dict(self._settings.variables.get(repository, {}))
        found |= {
            one.name: one.value for one in self._state.variables.values() if one.repository == repository
        }
        return found

    def _with_dependents(self, run: Run, is_first: Callable[[Job], bool]) -> frozenset[str]:
        jobs = self._state.jobs_of(run.id, run.current.number)
        first = frozenset(job.key for job in jobs if is_first(job))
        repository = self._repositories.find(*run.repository.split("/"))
        found = self.files.at(repository, run.head_sha, run.workflow_path) if repository else None
        if found is None or found.file is None:
            return first
        return with_dependents(found.file, first, frozenset(job.key for job in jobs))

    def _contexts(self, order: Dispatch) -> dict[str, object]:
        repository, resolved = order.repository, order.resolved
        github = {
            "repository": repository.full_name,
            "repository_owner": repository.owner,
            "ref": resolved.ref,
            "ref_name": resolved.name,
            "ref_type": "tag" if resolved.ref.startswith("refs/tags/") else "branch",
            "sha": resolved.sha,
            "actor": order.actor,
            "triggering_actor": order.actor,
            "event_name": "workflow_dispatch",
            "workflow": order.file.name or order.workflow.path,
            "run_number": str(order.workflow.runs),
            "run_attempt": "1",
            "server_url": self.urls[0],
            "api_url": self.urls[1],
            "event": {"inputs": dict(order.inputs), "ref": resolved.ref},
        }
        return {
            "github": github,
            "inputs": order.file.input_values(order.inputs),
            "vars": self._variables(repository.full_name),
        }
