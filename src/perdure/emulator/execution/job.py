"""Runs one job on a runner of its own: sets it up, runs its steps, completes it.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-cancellation says what of a job
still runs when it is told to stop.
"""

import asyncio
import shutil
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from perdure.emulator.execution.actions import needs_post_step
from perdure.emulator.execution.errors import ExpressionError
from perdure.emulator.execution.expressions import evaluate_tree, interpolate, to_number, to_text
from perdure.emulator.execution.instances import JobInstance, RunState
from perdure.emulator.execution.job_state import JobState
from perdure.emulator.execution.steps import StepRunner, display_name, evaluated_env, known_early
from perdure.emulator.execution.stopping import StopReason

_DEFAULT_MINUTES = 360.0
# How long GitHub waits for a cancelled job before it ends it by force.
_CANCEL_TIMEOUT = 300.0
_SET_UP = 1


class JobExecution:
    """One job instance, from pick-up to completion."""

    def __init__(self, instance: JobInstance, run: RunState) -> None:
        run.jobs_started += 1
        number = run.jobs_started
        self._instance = instance
        self._run = run
        self._runner_name = f"GitHub Actions {number}"
        folder = run.request.work_dir.resolve() / "jobs" / str(number)
        self._job = JobState(instance, run, self._runner_name, folder)
        self._steps = StepRunner(self._job)
        self._timers: list[asyncio.TimerHandle] = []

    def cancel(self, reason: StopReason = StopReason.CANCELLED) -> None:
        """Stop the running step and skip what follows, except what is to run in a cancelled job too."""
        first = not self._job.cancelled
        self._steps.cancel(reason)
        if first and reason is not StopReason.KILLED:
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(_CANCEL_TIMEOUT, self.cancel, StopReason.KILLED))

    async def execute(self) -> tuple[str, dict[str, str]]:
        """Run the job and return its conclusion and outputs."""
        observer, key = self._run.observer, self._instance.key
        observer.job_started(key, self._runner_name)
        observer.step_started(key, _SET_UP)
        outputs: dict[str, str] = {}
        try:
            if await self._set_up():
                await self._steps.run(self._instance.definition.steps, self._job.frame, _SET_UP + 1)
                outputs = self._outputs()
                self._complete()
        finally:
            for timer in self._timers:
                timer.cancel()
            # Ends even when this is cancelled: a thread, once begun, does.
            await asyncio.to_thread(self._tear_down)
        return self._job.status, outputs

    def _tear_down(self) -> None:
        self._job.sandbox.close()
        remove_tree(self._job.folder)

    async def _set_up(self) -> bool:
        job, observer, key = self._job, self._run.observer, self._instance.key
        complaint = None
        try:
            await self._prepare()
        except (ExpressionError, OSError) as error:
            complaint = f"The template is not valid. {self._run.request.workflow_path}: {error}"
        if self._instance.definition.container or self._instance.definition.services:
            complaint = (
                "The emulator runs jobs on this machine and has no containers: `container` and `services`"
            )
        if complaint:
            job.frame.failed = True
            job.log.remark(_SET_UP, "error", complaint)
        job.announce_steps(["Set up job"] if complaint else self._step_names())
        observer.step_finished(key, _SET_UP, "failure" if complaint else "success")
        return complaint is None

    async def _prepare(self) -> None:
        job = self._job
        await asyncio.to_thread(job.prepare)
        self._log_set_up()
        scope = job.scope(job.frame)
        job.env.update(evaluated_env(self._instance.file.env, scope))
        job.env.update(evaluated_env(self._instance.definition.env, scope))
        minutes = self._minutes()
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(minutes * 60, self._time_out, minutes))

    def _log_set_up(self) -> None:
        job = self._job
        lines = [
            "##[group]Runner Information",
            f"Runner name: '{self._runner_name}'",
            f"Operating system: {job.runner['os']} {job.runner['arch']} (emulated: this machine)",
            "##[endgroup]",
            "Prepare workflow directory",
            "Prepare all required actions",
            f"Complete job name: {self._instance.name}",
        ]
        for line in lines:
            job.log.line(_SET_UP, line)
        for remark in job.sandbox.remarks():
            job.log.line(_SET_UP, f"##[warning]{remark}")

    def _minutes(self) -> float:
        declared = self._instance.definition.timeout_minutes
        if declared is None:
            return _DEFAULT_MINUTES
        minutes = to_number(interpolate(declared, self._job.scope(self._job.frame)))
        if not minutes > 0:
            raise ExpressionError(f"Unexpected value '{to_text(minutes)}' for timeout-minutes")
        return minutes

    def _time_out(self, minutes: float) -> None:
        message = (
            f"The job has exceeded the maximum execution time of {to_text(minutes)} minutes"
            if minutes != 1
            else "The job has exceeded the maximum execution time of 1 minute"
        )
        self._run.observer.annotation(self._instance.key, "failure", message, {})
        self.cancel(StopReason.CANCELLED)

    def _step_names(self) -> list[str]:
        steps = self._instance.definition.steps
        names = ["Set up job"]
        scope = self._job.scope(self._job.frame)
        for step in steps:
            try:
                names.append(display_name(step, scope) if known_early(step) else step.name or "Run")
            except ExpressionError:
                names.append(step.name or f"Run {step.uses or ''}".strip())
        names += [f"Post {names[position + 1]}" for position in self._with_post_step()]
        return [*names, "Complete job"]

    def _with_post_step(self) -> list[int]:
        """List the positions of steps that have something to do at the end, the last one first."""
        steps = self._instance.definition.steps
        return [position for position in reversed(range(len(steps))) if needs_post_step(steps[position])]

    def _outputs(self) -> dict[str, str]:
        declared = self._instance.definition.outputs
        if not isinstance(declared, Mapping):
            return {}
        log = self._job.log
        outputs: dict[str, str] = {}
        for name, expression in declared.items():
            try:
                value = to_text(evaluate_tree(expression, self._job.scope(self._job.frame)))
            except ExpressionError as error:
                self._job.frame.failed = True
                log.remark(_SET_UP, "error", f"The template is not valid. {error}")
                continue
            if log.masked(value) != value:
                log.remark(_SET_UP, "warning", f"Skip output '{name}' since it may contain secret.")
            elif value:
                outputs[name] = value
        return outputs

    def _complete(self) -> None:
        observer, key = self._run.observer, self._instance.key
        steps = self._instance.definition.steps
        number = _SET_UP + len(steps)
        for position in self._with_post_step():
            number += 1
            if position + _SET_UP + 1 in self._steps.skipped:
                observer.step_finished(key, number, "skipped")
                continue
            observer.step_started(key, number)
            self._job.log.line(number, "Post job cleanup.")
            observer.step_finished(key, number, "success")
        observer.step_started(key, number + 1)
        self._job.log.line(number + 1, "Cleaning up orphan processes")
        observer.step_finished(key, number + 1, "success")


def remove_tree(folder: Path) -> None:
    """Remove a folder in which steps may have made things read-only."""

    def retry(function: object, path: str, _: object) -> None:
        target = Path(path)
        try:
            target.parent.chmod(stat.S_IRWXU)
            if target.is_dir() and not target.is_symlink():
                target.chmod(stat.S_IRWXU)
                shutil.rmtree(target, ignore_errors=True)
            else:
                target.unlink()
        except OSError:
            return

    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=retry)
    else:
        shutil.rmtree(folder, onerror=retry)
