"""How an action ended, on stdout: a short block for people, or one JSON object."""

import json
from collections.abc import Iterator

import typer

from perdure.cli._shown import shown
from perdure.errors import ActionError, GitHubActionConclusionError, PerdureError
from perdure.model.actions import ActionResult


def result_json(action_id: str, result: ActionResult) -> str:
    """Return the one object that a success is."""
    return json.dumps({"id": action_id, **result.model_dump(mode="json")})


def error_json(action_id: str, error: PerdureError) -> str:
    """Return the one object that a failure is: its ``error`` says which, why, and what to change."""
    said = {"type": type(error).__name__, "message": str(error), **error.details()}
    return json.dumps({"id": action_id, "error": said}, default=str)


def print_result(action_id: str, result: ActionResult, *, as_json: bool) -> None:
    """Print how an action ended well."""
    if as_json:
        typer.echo(result_json(action_id, result))
        return
    typer.echo(shown("\n".join(result_lines(result))))


def print_failure(action_id: str, error: ActionError, *, as_json: bool) -> None:
    """Print how an action ended badly: conclusion, URL, failed jobs and steps, the end of their log."""
    if as_json:
        typer.echo(error_json(action_id, error))
        return
    if lines := list(failure_lines(error)):
        typer.echo(shown("\n".join(lines)))


def result_lines(result: ActionResult) -> Iterator[str]:
    """Yield the block that a success is."""
    yield f"conclusion: {result.conclusion}"
    yield f"url: {result.html_url}"
    yield f"dispatch id: {result.dispatch_id}"
    if result.head_sha:
        yield f"commit: {result.head_sha}"
    if result.attempts > 1:
        yield f"attempts: {result.attempts}"
    if result.outputs:
        yield "outputs:"
        for name, value in result.outputs.items():
            yield f"  {name}: {value if isinstance(value, str) else json.dumps(value)}"
    if result.stored_outputs is not None:
        yield f"outputs: {result.stored_outputs.size:,} bytes, stored as {result.stored_outputs.sha256}"


def failure_lines(error: ActionError) -> Iterator[str]:
    """Yield the block that a failure is."""
    concluded = error if isinstance(error, GitHubActionConclusionError) else None
    if concluded is not None:
        yield f"conclusion: {concluded.conclusion}"
    if error.html_url:
        yield f"url: {error.html_url}"
    if error.dispatch_id:
        yield f"dispatch id: {error.dispatch_id}"
    if concluded is None:
        return
    if concluded.failed_jobs:
        yield "failed jobs:"
    for job in concluded.failed_jobs:
        step = f", step {job['step']!r}" if job.get("step") else ""
        url = f"  {job['html_url']}" if job.get("html_url") else ""
        yield f"  {job.get('job', '?')}{step}{url}"
    if concluded.log_tail:
        yield "end of the log:"
        yield from (f"  {text}" for text in concluded.log_tail.splitlines())
