"""What is known of a running pipeline, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field, JsonValue

from perdure.model.base import Model
from perdure.pipeline.steps import ActionCall


class Conclusion(StrEnum):
    """How a job, a step or a pipeline ended."""

    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class JobResult(Model):
    """How a job ended, and what later steps read of it.

    Attributes:
        conclusion: How it ended, before ``continue-on-error`` forgives a failure.
        reason: Why, for people and for later steps: ``timeout`` of an approval that expired.
        outputs: Its outputs, of their declared types.
        form: The answers of an approval's form.
        position: How many had ended before it: compensations run in reverse.
    """

    conclusion: Conclusion
    reason: str = ""
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    form: dict[str, JsonValue] = Field(default_factory=dict)
    position: int = 0


class SequencerState(Model):
    """What continue-as-new, or a new start of a failed pipeline, carries over.

    Attributes:
        results: Of each job that has ended, by key.
        started: Keys of jobs that are running.
        cancelled: Whether the pipeline was cancelled.
    """

    results: dict[str, JobResult] = Field(default_factory=dict)
    started: tuple[str, ...] = ()
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Moves:
    """What to do now.

    Attributes:
        start: Jobs to start.
        cancel: Running jobs to cancel; they end when :meth:`Sequencer.finish` says so.
        ended: Jobs that ended without being started: skipped, cancelled, or with a condition that has no
            value.
        conclusion: How the pipeline ended; ``None`` while anything is running or will start.
    """

    start: tuple[str, ...] = ()
    cancel: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    conclusion: Conclusion | None = None


@dataclass(frozen=True, slots=True)
class Compensation:
    """An action that undoes a job.

    Attributes:
        job_key: The job.
        call: The action, its expressions not yet evaluated.
    """

    job_key: str
    call: ActionCall
