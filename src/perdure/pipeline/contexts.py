"""What expressions read of steps."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from perdure.errors import ExpressionError
from perdure.pipeline.compiling import CompiledStep, StepJob
from perdure.pipeline.outcomes import Conclusion, JobResult
from perdure.pipeline.templates import Plain


@dataclass(frozen=True, slots=True)
class EndedStep:
    """How a step ended.

    Attributes:
        outcome: How its jobs ended, together.
        conclusion: The same, but a failure that ``continue-on-error`` forgives is a success.
        clean: Whether it and everything before it succeeded.
        tainted: Whether it or anything before it failed.
    """

    outcome: Conclusion
    conclusion: Conclusion
    clean: bool
    tainted: bool


class StepsContext(Mapping[str, object]):
    """The context ``steps``. Each step's part is made when an expression reads it, not before."""

    def __init__(
        self,
        steps: Mapping[str, CompiledStep],
        ended: Mapping[str, EndedStep],
        results: Mapping[str, JobResult],
    ) -> None:
        self._steps = steps
        self._ended = ended
        self._results = results
        self._jobs: dict[str, Plain] = {}

    def __getitem__(self, name: str) -> object:
        step = self._steps[name]
        ended = self._ended.get(name)
        shown: dict[str, object] = {}
        if ended is not None:
            shown = {"conclusion": ended.conclusion.value, "outcome": ended.outcome.value, "reason": ""}
        if step.has_matrix:
            shown["jobs"] = self._jobs_of(step)
        elif result := self._results.get(step.jobs[0].key):
            shown |= {"reason": result.reason, "outputs": result.outputs, "form": result.form}
        return shown

    def __iter__(self) -> Iterator[str]:
        return iter(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def _jobs_of(self, step: CompiledStep) -> object:
        if step.name in self._jobs:
            return self._jobs[step.name]
        jobs = [self._of_job(job) for job in step.jobs]
        if step.name in self._ended:
            # What cannot be read is a mistake of the expression that reads it, and of no other.
            with contextlib.suppress(ExpressionError):
                self._jobs[step.name] = Plain(jobs)
        return jobs

    def _of_job(self, job: StepJob) -> dict[str, object]:
        result = self._results.get(job.key)
        if result is None:
            return {"matrix": job.matrix}
        conclusion = result.conclusion.value
        return {
            "matrix": job.matrix,
            "conclusion": conclusion,
            "outcome": conclusion,
            "reason": result.reason,
            "outputs": result.outputs,
        }
