"""Runs that were executing when the emulator ended: their steps are gone, so they end too.

They end as a run does at GitHub whose runner was shut down: ``failure``, with an annotation that says why.
"""

from collections.abc import Sequence
from datetime import datetime

from perdure.emulator.records import Annotation, Job

LOST_RUNNER = (
    "The runner has received a shutdown signal. This can happen when the runner service is stopped, or a"
    " manually started runner is canceled."
)


def has_started(jobs: Sequence[Job]) -> bool:
    """Whether a runner had taken any of these jobs."""
    return any(job.runner_name is not None for job in jobs)


def end_lost_jobs(jobs: Sequence[Job], now: datetime) -> str:
    """End what a lost run was at and return the run's conclusion.

    Jobs on a runner failed with it, and where none was on a runner just then, those that waited for one did.
    A run whose jobs were all over, which only could not say so any more, ends as they did.
    """
    lost = [job for job in jobs if job.conclusion in (None, "cancelled")]
    failed = [job for job in lost if job.runner_name is not None] or lost
    for job in lost:
        _end_steps(job, now)
        job.status, job.completed_at = "completed", job.completed_at or now
        job.conclusion = "failure" if job in failed else "cancelled"
    for job in failed:
        job.annotations.append(Annotation(level="failure", message=LOST_RUNNER))
    return "failure" if any(job.conclusion == "failure" for job in jobs) else "success"


def _end_steps(job: Job, now: datetime) -> None:
    for step in job.steps:
        if step.status != "completed":
            step.status, step.conclusion = "completed", "cancelled"
            step.started_at, step.completed_at = step.started_at or now, now
