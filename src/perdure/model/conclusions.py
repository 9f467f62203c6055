"""What the end of an Actions run means."""

from collections.abc import Collection
from enum import StrEnum

from perdure.model.actions import ActionInput, ActionsJob, ActionsRun, RetryOn


class Outcome(StrEnum):
    """What the end of a run means for whoever waits for it."""

    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    NEVER_STARTED = "never-started"
    TIMED_OUT = "timed-out"


_RETRY_ON = {
    Outcome.FAILED: RetryOn.FAILURE,
    Outcome.CANCELLED: RetryOn.CANCELLED,
    Outcome.SUPERSEDED: RetryOn.SUPERSEDED,
    Outcome.NEVER_STARTED: RetryOn.NEVER_STARTED,
    Outcome.TIMED_OUT: RetryOn.TIMED_OUT,
}


def passes(conclusion: str | None, accept: Collection[str]) -> bool:
    """Say whether a completed run passes: only ``success``, and what the caller named besides."""
    return conclusion == "success" or (conclusion in {"neutral", "skipped"} and conclusion in accept)


def outcome_of(
    actions_run: ActionsRun, jobs: Collection[ActionsJob], accept: Collection[str], *, seen_pending: bool
) -> Outcome:
    """Tell failed, superseded and never-started runs apart. Unknown conclusions are failures.

    Args:
        actions_run: A completed run.
        jobs: The jobs of its last attempt.
        accept: Conclusions that pass besides ``success``.
        seen_pending: Whether it was seen held back by its concurrency group, in which a newer run
            cancels it without a trace of why:
            https://docs.github.com/actions/using-jobs/using-concurrency
    """
    if passes(actions_run.conclusion, accept):
        return Outcome.PASSED
    ran = any(step.conclusion not in {None, "skipped"} for job in jobs for step in job.steps)
    match actions_run.conclusion:
        case "timed_out":
            return Outcome.TIMED_OUT
        case "startup_failure":
            return Outcome.NEVER_STARTED
        case "cancelled" if seen_pending and not ran:
            return Outcome.SUPERSEDED
        case "cancelled" if jobs and not ran and not any(job.runner_name for job in jobs):
            return Outcome.NEVER_STARTED
        case "cancelled":
            return Outcome.CANCELLED
        case _:
            return Outcome.FAILED


def may_retry(input: ActionInput, outcome: Outcome, attempts_made: int) -> bool:
    """Say whether the policy allows another attempt after this outcome."""
    attempts = input.retry.attempts
    return _RETRY_ON.get(outcome) in input.retry.on and (attempts == 0 or attempts_made < attempts)


def failed_jobs_of(jobs: Collection[ActionsJob]) -> list[dict[str, str]]:
    """Name each job that did not pass, with the first step that failed and its page."""
    return [
        {
            "job": job.name,
            "step": next((step.name for step in job.steps if step.conclusion == "failure"), ""),
            "html_url": job.html_url or "",
        }
        for job in jobs
        if job.conclusion not in {"success", "skipped", "neutral", None}
    ]
