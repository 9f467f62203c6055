"""Runs the steps of a job, or of a composite action inside one, in their order.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idsteps
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.emulator.execution.actions import perform_action
from perdure.emulator.execution.definitions import StepDefinition
from perdure.emulator.execution.errors import ExpressionError, WorkflowFileError
from perdure.emulator.execution.expressions import (
    Scope,
    evaluate_condition,
    evaluate_tree,
    interpolate,
    names_used,
    to_number,
    to_text,
)
from perdure.emulator.execution.interface import Script
from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.job_state import Frame, JobState
from perdure.emulator.execution.scripts import run_script
from perdure.emulator.execution.stopping import Stop, StopReason
from perdure.emulator.execution.workflow_file import is_enabled


def display_name(step: StepDefinition, scope: Scope) -> str:
    """Name a step as people see it.

    Raises:
        ExpressionError: Its name cannot be evaluated.
    """
    if step.name is not None and (name := interpolate(step.name, scope).strip()):
        return name
    if step.uses is not None:
        return f"Run {step.uses}"
    lines = interpolate(step.run or "", scope).strip().splitlines()
    return f"Run {lines[0].strip() if lines else ''}".strip()


def known_early(step: StepDefinition) -> bool:
    """Tell whether a step's name depends on no step before it."""
    shown = step.name if step.name is not None else (step.run or "").strip().partition("\n")[0]
    try:
        return names_used(shown).isdisjoint({"steps", "job"})
    except ExpressionError:
        return False


@dataclass
class _Running:
    """The step of the job that runs now."""

    definition: StepDefinition
    stop: Stop


class StepRunner:
    """Runs the steps of one job."""

    def __init__(self, job: JobState) -> None:
        self._job = job
        self._running: _Running | None = None
        self._anonymous = 0
        self.killed = False
        self.skipped: set[int] = set()

    def cancel(self, reason: StopReason) -> None:
        """Stop the running step, unless its condition holds in a cancelled job too."""
        self._job.cancelled = True
        self.killed = self.killed or reason is StopReason.KILLED
        running = self._running
        if running and (self.killed or not self._goes_on(running.definition)):
            running.stop.request(reason)

    def _goes_on(self, step: StepDefinition) -> bool:
        try:
            return evaluate_condition(step.condition, self._job.scope(self._job.frame))
        except ExpressionError:
            return False

    async def run(
        self, steps: Sequence[StepDefinition], frame: Frame, number: int, stop: Stop | None = None
    ) -> None:
        """Run steps one after another.

        Args:
            steps: In their order.
            frame: Where they run.
            number: The number of the first step; all steps of a composite action have its own.
            stop: What stops the composite action around them.
        """
        for index, step in enumerate(steps):
            if self.killed or (stop is not None and stop.reason is not None):
                self._skip(step, frame, number + (index if frame.depth == 0 else 0))
            else:
                await self._step(step, frame, number + (index if frame.depth == 0 else 0), stop)

    def _skip(self, step: StepDefinition, frame: Frame, number: int) -> None:
        self._record(step, frame, ("skipped", "skipped"), {})
        if frame.depth == 0:
            self.skipped.add(number)
            self._job.run.observer.step_finished(self._job.instance.key, number, "skipped")

    async def _step(self, step: StepDefinition, frame: Frame, number: int, outer: Stop | None) -> None:
        job = self._job
        top = frame.depth == 0
        complaint: str | None = None
        env: dict[str, str] = {}
        try:
            env = evaluated_env(step.env, job.scope(frame))
            wanted = evaluate_condition(step.condition, job.scope(frame, env))
        except ExpressionError as error:
            wanted, complaint = True, f"The template is not valid. {error}"
        if not wanted:
            self._skip(step, frame, number)
            return
        if top:
            self._announce(step, number, job.scope(frame, env))
            job.run.observer.step_started(job.instance.key, number)
        stop = Stop(outer)
        if top:
            self._running = _Running(step, stop)
        invocation = Invocation(
            job=job,
            step=step,
            frame=frame,
            env=env,
            number=number,
            stop=stop,
            runner=self,
            name=self._name(step),
        )
        outcome, outputs = await self._outcome(invocation, complaint)
        self._running = None if top else self._running
        conclusion = self._conclusion(outcome, invocation)
        frame.failed = frame.failed or conclusion == "failure"
        self._record(step, frame, (outcome, conclusion), outputs)
        if top:
            job.run.observer.step_finished(job.instance.key, number, conclusion)

    def _announce(self, step: StepDefinition, number: int, scope: Scope) -> None:
        if known_early(step):
            return
        names = list(self._job.step_names)
        try:
            names[number - 1] = display_name(step, scope)
        except ExpressionError:
            return
        self._job.announce_steps(names)

    def _name(self, step: StepDefinition) -> str:
        if step.identifier:
            return step.identifier
        self._anonymous += 1
        base = "__run" if step.run is not None else "__" + "".join(filter(str.isalnum, step.uses or ""))
        return base if self._anonymous == 1 else f"{base}_{self._anonymous}"

    def _record(
        self, step: StepDefinition, frame: Frame, ends: tuple[str, str], outputs: Mapping[str, str]
    ) -> None:
        if step.identifier:
            frame.steps[step.identifier] = {
                "outputs": dict(outputs),
                "outcome": ends[0],
                "conclusion": ends[1],
            }

    def _conclusion(self, outcome: str, invocation: Invocation) -> str:
        if outcome != "failure":
            return outcome
        try:
            forgiven = is_enabled(invocation.step.continue_on_error, invocation.scope())
        except ExpressionError as error:
            invocation.log_error(f"The template is not valid. {error}")
            return outcome
        return "success" if forgiven else outcome

    async def _outcome(self, invocation: Invocation, complaint: str | None) -> tuple[str, Mapping[str, str]]:
        stop = invocation.stop
        if complaint is not None:
            invocation.log_error(complaint)
            return "failure", {}
        timer: asyncio.TimerHandle | None = None
        outputs: dict[str, str] = invocation.outputs
        try:
            minutes = _minutes(invocation)
            if minutes is not None:
                loop = asyncio.get_running_loop()
                timer = loop.call_later(minutes * 60, stop.request, StopReason.TIMED_OUT)
            await _perform(invocation)
        except (StepFailedError, ExpressionError, WorkflowFileError, OSError) as error:
            if stop.reason is None:
                if str(error):
                    invocation.log_error(str(error))
                return "failure", outputs
        finally:
            if timer is not None:
                timer.cancel()
        if stop.reason is None:
            return "success", outputs
        if stop.reason is StopReason.TIMED_OUT:
            name = display_name(invocation.step, invocation.scope())
            invocation.log_error(f"The action '{name}' has timed out after {to_text(minutes)} minutes.")
            return "failure", outputs
        invocation.log_error("The operation was canceled.")
        return "cancelled", outputs


async def _perform(invocation: Invocation) -> None:
    script, frame = invocation.job.run.settings.script, invocation.frame
    # What cleans up afterwards is the step's own work again.
    over = frame.failed or invocation.job.cancelled
    if script is not None and frame.depth == 0 and not over:
        await _scripted(invocation, script)
        return
    if invocation.step.run is not None:
        await run_script(invocation)
    else:
        await perform_action(invocation)


async def _scripted(invocation: Invocation, script: Script) -> None:
    """Do what was asked for in place of the step's own work; what it is is said in its log."""
    if script == "fail":
        raise StepFailedError("This step fails because a rehearsal's scenario says so.")
    invocation.log("This step hangs because a rehearsal's scenario says so.")
    await invocation.stop.requested()


def _minutes(invocation: Invocation) -> float | None:
    if invocation.step.timeout_minutes is None:
        return None
    text = interpolate(invocation.step.timeout_minutes, invocation.scope())
    minutes = to_number(text)
    if not text or not minutes >= 0:
        raise StepFailedError(f"The template is not valid. Unexpected value '{text}' for timeout-minutes")
    # GitHub reads 0 as no limit of its own.
    return minutes or None


def evaluated_env(env: object, scope: Scope) -> dict[str, str]:
    """Evaluate an ``env`` mapping to texts.

    Raises:
        ExpressionError: An expression fails, or it is no mapping.
    """
    if env is None:
        return {}
    value = evaluate_tree(env, scope)
    if not isinstance(value, Mapping):
        raise ExpressionError("A mapping was expected")
    return {name: to_text(item) for name, item in value.items()}
