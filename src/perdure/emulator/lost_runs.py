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


def end_lost_job(job: Job, now: datetime) -> None:
    """End a job whose runner went away, or which none will take any more."""
    for step in job.steps:
        if step.status != "completed":
            step.status, step.conclusion = "completed", "cancelled"
            step.started_at, step.completed_at = step.started_at or now, now
    if job.runner_name is not None and job.conclusion in (None, "cancelled"):
        job.conclusion = "failure"
        job.annotations.append(Annotation(level="failure", message=LOST_RUNNER))
    if job.status != "completed":
        job.status, job.completed_at = "completed", now
        job.conclusion = job.conclusion or "cancelled"
