"""What people read when an action did not pass."""

from collections.abc import Collection

from perdure.errors import GitHubActionConclusionError, PerdureError
from perdure.model.actions import ActionsJob, ActionsRun
from perdure.model.conclusions import Outcome, failed_jobs_of
from perdure.model.progress import ActionProgress

_LOG_TAIL_LIMIT = 3_000
"""Characters. The engine keeps a failure of up to 4 kB whole."""

_MEANING = {
    Outcome.SUPERSEDED: " (a newer run of its concurrency group took its place)",
    Outcome.NEVER_STARTED: " (no step of it was started)",
}

_ACCEPT_HINT = "where that is fine, say so: --accept {conclusion}, or accept={{'{conclusion}'}} in Python"


def conclusion_error(
    actions_run: ActionsRun, outcome: Outcome, jobs: Collection[ActionsJob], log_tail: str
) -> GitHubActionConclusionError:
    """Return the error for a completed run that did not pass."""
    conclusion = actions_run.conclusion or "none"
    failed = failed_jobs_of(jobs)
    where = "; ".join(
        f"{row['job']}" + (f" at step {row['step']!r}" if row["step"] else "") for row in failed[:5]
    )
    message = f"the run's conclusion is {conclusion}{_MEANING.get(outcome, '')}"
    return GitHubActionConclusionError(
        message + (f": {where}" if where else ""),
        conclusion=conclusion,
        outcome=outcome.value,
        failed_jobs=failed[:20],
        log_tail=log_tail[-_LOG_TAIL_LIMIT:] or None,
        hint=_ACCEPT_HINT.format(conclusion=conclusion) if conclusion in {"neutral", "skipped"} else None,
        html_url=actions_run.html_url,
    )


def in_full(error: PerdureError, progress: ActionProgress) -> str:
    """Return the error's message with everything that says which action it was."""
    lines = [
        str(error),
        f"action: {progress.repository} {progress.workflow_file} @ {progress.ref or 'default'}",
    ]
    if progress.inputs:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in sorted(progress.inputs.items()))
        lines.append(f"inputs: {shown}")
    if progress.dispatch_id:
        lines.append(f"dispatch id: {progress.dispatch_id}")
    if progress.actions_run is not None:
        lines.append(
            f"status: {progress.actions_run.status}, {progress.actions_run.conclusion or 'no conclusion'}"
        )
        lines.append(f"run: {progress.actions_run.html_url}")
    return "\n".join(lines)


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 80 else line[:79] + "…"
