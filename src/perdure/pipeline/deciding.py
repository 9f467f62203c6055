"""Decides which steps of a pipeline start, are skipped or are cancelled, and how the pipeline ends.

The conditions are GitHub's: a step without a status function in its ``if`` runs only when everything before
it succeeded, near or far, so a failure or a skip goes on down the line until an ``always()`` or a
``failure()`` takes it up: https://docs.github.com/actions/reference/workflows-and-actions/expressions#status-check-functions

A decision about a pipeline of thousands of steps must not look at all of them each time one ends. So each
ended job touches its own step and those that need it, and no other.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from perdure.errors import ExpressionError
from perdure.pipeline.cel import STATUS_FUNCTIONS, Status
from perdure.pipeline.compiling import CompiledPipeline, CompiledStep
from perdure.pipeline.contexts import EndedStep, StepsContext
from perdure.pipeline.outcomes import Compensation, Conclusion, JobResult, Moves, SequencerState
from perdure.pipeline.references import tokens
from perdure.pipeline.steps import ActionCall, WorkBase
from perdure.pipeline.templates import condition_text, evaluate


@dataclass(slots=True)
class _OpenStep:
    waiting: deque[str] = field(default_factory=deque)
    running: set[str] = field(default_factory=set)
    left: int = 0


class Sequencer:
    """Sequences one pipeline. Deterministic: the same calls give the same moves.

    Attributes:
        results: Of each job that has ended, by key.
    """

    def __init__(
        self,
        pipeline: CompiledPipeline,
        pipeline_context: Mapping[str, JsonValue],
        state: SequencerState | None = None,
    ) -> None:
        """Begin, or go on where a state was taken.

        Args:
            pipeline: What runs.
            pipeline_context: What expressions read as ``pipeline``.
            state: Results that are kept. A step whose every job has one is not run; its condition is not
                looked at again.
        """
        state = state or SequencerState()
        self.results: dict[str, JobResult] = {}
        self._pipeline = pipeline
        self._kept = state
        self._kept_started = frozenset(state.started)
        self._cancelled = state.cancelled
        self._position = max((one.position for one in state.results.values()), default=-1) + 1
        self._steps = {step.name: step for step in pipeline.steps}
        self._step_of_job = {job.key: step.name for step in pipeline.steps for job in step.jobs}
        self._matrices = {job.key: job.matrix for step in pipeline.steps for job in step.jobs}
        self._dependents: dict[str, list[str]] = {step.name: [] for step in pipeline.steps}
        for step in pipeline.steps:
            for need in step.needs:
                self._dependents[need].append(step.name)
        self._needs_left = {step.name: len(step.needs) for step in pipeline.steps}
        self._undecided = deque(step.name for step in pipeline.steps if not step.needs)
        self._open: dict[str, _OpenStep] = {}
        self._ended: dict[str, EndedStep] = {}
        self._with_room: dict[str, None] = {}
        self._to_cancel: dict[str, None] = {}
        self._unstarted: list[str] = []
        self._context = {
            "inputs": pipeline.inputs,
            "vars": pipeline.vars,
            "pipeline": dict(pipeline_context),
            "steps": StepsContext(self._steps, self._ended, self.results),
        }

    @property
    def state(self) -> SequencerState:
        """What goes on from here: see ``state`` of the constructor."""
        running = tuple(key for one in self._open.values() for key in sorted(one.running))
        return SequencerState(
            results={**self._kept.results, **self.results}, started=running, cancelled=self._cancelled
        )

    def moves(self) -> Moves:
        """Return what to do now, each move once."""
        start: list[str] = []
        while self._undecided or self._with_room:
            while self._undecided:
                self._decide(self._steps[self._undecided.popleft()])
            for name in self._take(self._with_room):
                start += self._started(name)
        ended, self._unstarted = tuple(self._unstarted), []
        return Moves(tuple(start), tuple(self._take(self._to_cancel)), ended, self._conclusion())

    def finish(self, job_key: str, result: JobResult) -> None:
        """Record how a started job ended. The same end told twice changes nothing.

        Raises:
            KeyError: The job was not started.
        """
        if job_key in self.results:
            return
        name = self._step_of_job[job_key]
        step, state = self._steps[name], self._open[name]
        state.running.remove(job_key)
        self._with_room[name] = None
        self._to_cancel.pop(job_key, None)
        self._record(step, job_key, result)

    def cancel(self) -> None:
        """Cancel the pipeline: all that has no ``if`` which holds in a cancelled pipeline too."""
        if self._cancelled or self._conclusion() is not None:
            return
        self._cancelled = True
        for name in list(self._open):
            self._stop_unless_it_goes_on(self._steps[name])

    def contexts(self, job_key: str) -> dict[str, object]:
        """Return what the expressions of a job read."""
        return {**self._context, "matrix": self._matrices[job_key]}

    def pipeline_contexts(self) -> dict[str, object]:
        """Return what expressions outside of steps read: those of the pipeline's outputs."""
        return dict(self._context)

    def compensations(self) -> list[Compensation]:
        """Return what undoes the jobs that succeeded, the last first."""
        succeeded = [
            (result.position, key)
            for key, result in self.results.items()
            if result.conclusion is Conclusion.SUCCESS
        ]
        return [
            Compensation(key, call)
            for _, key in sorted(succeeded, reverse=True)
            for call in _compensations_of(self._steps[self._step_of_job[key]])
        ]

    def _decide(self, step: CompiledStep) -> None:
        kept = [job.key for job in step.jobs if job.key in self._kept.results]
        running = [job.key for job in step.jobs if job.key in self._kept_started and job.key not in kept]
        if not kept and not running:
            ended = self._condition(step)
            if ended is not None:
                self._open[step.name] = _OpenStep(left=len(step.jobs))
                for job in step.jobs:
                    self._unstarted.append(job.key)
                    self._record(step, job.key, ended)
                return
        known = {*kept, *running}
        waiting = deque(job.key for job in step.jobs if job.key not in known)
        self._open[step.name] = _OpenStep(waiting, set(running), len(step.jobs))
        self._with_room[step.name] = None
        for key in sorted(kept, key=lambda one: self._kept.results[one].position):
            self._record(step, key, self._kept.results[key], is_new=False)
        if self._cancelled and step.name in self._open and known:
            self._stop_unless_it_goes_on(step)

    def _condition(self, step: CompiledStep) -> JobResult | None:
        """Return how the step ends without being started, or ``None`` where it starts."""
        try:
            if self._holds(step):
                return None
        except ExpressionError as error:
            return JobResult(conclusion=Conclusion.FAILURE, reason=f"if: {error}")
        return JobResult(conclusion=Conclusion.SKIPPED)

    def _holds(self, step: CompiledStep) -> bool:
        status = self._status(step)
        if step.definition.if_ is None:
            return status[0]
        text, _ = condition_text(step.definition.if_)
        if not status[0] and not _calls_status_function(text):
            return False
        return evaluate(text, self._context, status) is True

    def _status(self, step: CompiledStep) -> Status:
        needs = [self._ended[need] for need in step.needs]
        success = not self._cancelled and all(need.clean for need in needs)
        failure = not self._cancelled and any(need.tainted for need in needs)
        return success, failure, self._cancelled

    def _started(self, name: str) -> Iterator[str]:
        state, definition = self._open.get(name), self._steps[name].definition
        if state is None:
            return
        at_most = definition.max_parallel if isinstance(definition, WorkBase) else None
        while state.waiting and (at_most is None or len(state.running) < at_most):
            key = state.waiting.popleft()
            state.running.add(key)
            yield key

    def _record(self, step: CompiledStep, job_key: str, result: JobResult, *, is_new: bool = True) -> None:
        if is_new:
            result = result.model_copy(update={"position": self._position})
            self._position += 1
        self.results[job_key] = result
        state = self._open[step.name]
        state.left -= 1
        if state.left == 0:
            self._end(step)
        elif result.conclusion is Conclusion.FAILURE and _fails_fast(step):
            self._stop(step)

    def _stop_unless_it_goes_on(self, step: CompiledStep) -> None:
        try:
            goes_on = self._holds(step)
        except ExpressionError:
            goes_on = False
        if not goes_on:
            self._stop(step)

    def _stop(self, step: CompiledStep) -> None:
        state = self._open[step.name]
        self._to_cancel.update(dict.fromkeys(sorted(state.running)))
        unstarted, state.waiting = state.waiting, deque()
        for key in unstarted:
            self._unstarted.append(key)
            self._record(step, key, JobResult(conclusion=Conclusion.CANCELLED))

    def _end(self, step: CompiledStep) -> None:
        del self._open[step.name]
        outcome = _together({self.results[job.key].conclusion for job in step.jobs})
        forgiven = outcome is Conclusion.FAILURE and step.definition.continue_on_error
        conclusion = Conclusion.SUCCESS if forgiven else outcome
        needs = [self._ended[need] for need in step.needs]
        self._ended[step.name] = EndedStep(
            outcome,
            conclusion,
            clean=conclusion is Conclusion.SUCCESS and all(need.clean for need in needs),
            tainted=conclusion is Conclusion.FAILURE or any(need.tainted for need in needs),
        )
        for dependent in self._dependents[step.name]:
            self._needs_left[dependent] -= 1
            if self._needs_left[dependent] == 0:
                self._undecided.append(dependent)

    def _conclusion(self) -> Conclusion | None:
        if len(self._ended) < len(self._steps):
            return None
        if self._cancelled:
            return Conclusion.CANCELLED
        conclusions = {one.conclusion for one in self._ended.values()}
        failed = conclusions & {Conclusion.FAILURE, Conclusion.CANCELLED}
        return Conclusion.FAILURE if failed else Conclusion.SUCCESS

    @staticmethod
    def _take(keys: dict[str, None]) -> list[str]:
        taken = list(keys)
        keys.clear()
        return taken


def _together(conclusions: set[Conclusion]) -> Conclusion:
    order = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.SUCCESS, Conclusion.SKIPPED)
    return next(one for one in order if one in conclusions)


def _fails_fast(step: CompiledStep) -> bool:
    definition = step.definition
    return isinstance(definition, WorkBase) and definition.fail_fast and not definition.continue_on_error


def _compensations_of(step: CompiledStep) -> tuple[ActionCall, ...]:
    return step.definition.compensate if isinstance(step.definition, WorkBase) else ()


def _calls_status_function(text: str) -> bool:
    return any(token.kind == "name" and token.text in STATUS_FUNCTIONS for token in tokens(text))
