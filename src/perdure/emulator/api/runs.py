"""Runs: listed, read, cancelled, run again, deleted.

https://docs.github.com/en/rest/actions/workflow-runs
"""

from collections.abc import Sequence

from perdure.emulator.api.workflows import find_workflow
from perdure.emulator.lifecycle import RunRefusedError
from perdure.emulator.records import Attempt, Run
from perdure.emulator.run_filters import MOST_FILTERED, read_filters
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_RUNS = "/repos/{owner}/{repo}/actions/runs"
_ONE = _RUNS + "/{run}"
_DOCS = "actions/workflow-runs#"


def find_run(call: Call) -> Run:
    """Return the run in the path."""
    run = call.services.state.runs.get(call.number("run"))
    if run is None or run.repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    return run


@routes.on("GET", _RUNS, permission="actions=read", docs=_DOCS + "list-workflow-runs-for-a-repository")
async def list_runs(call: Call) -> Answer:
    """List a repository's runs."""
    return _list(call, call.services.state.runs_of(call.repository.full_name))


@routes.on(
    "GET",
    "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs",
    permission="actions=read",
    docs=_DOCS + "list-workflow-runs-for-a-workflow",
)
async def list_workflow_runs(call: Call) -> Answer:
    """List the runs of one workflow file."""
    workflow = find_workflow(call)
    runs = call.services.state.runs_of(call.repository.full_name)
    return _list(call, [run for run in runs if run.workflow_id == workflow.id])


@routes.on("GET", _ONE, permission="actions=read", docs=_DOCS + "get-a-workflow-run")
async def get_run(call: Call) -> Answer:
    """Return a run: visible at once, also where lists still lag."""
    return Answer(content=call.bodies.run_text(find_run(call)).encode())


@routes.on(
    "GET", _ONE + "/attempts/{attempt}", permission="actions=read", docs=_DOCS + "get-a-workflow-run-attempt"
)
async def get_attempt(call: Call) -> Answer:
    """Return one attempt."""
    run = find_run(call)
    return Answer(body=call.bodies.run(run, find_attempt(call, run)))


@routes.on("DELETE", _ONE, permission="actions=write", docs=_DOCS + "delete-a-workflow-run")
async def delete_run(call: Call) -> Answer:
    """Delete a run that is over."""
    try:
        call.services.lifecycle.delete(find_run(call))
    except RunRefusedError as error:
        raise ApiError(403, str(error)) from None
    return Answer(status=204)


@routes.on("POST", _ONE + "/cancel", permission="actions=write", docs=_DOCS + "cancel-a-workflow-run")
async def cancel_run(call: Call) -> Answer:
    """Cancel a run."""
    return _cancel(call, force=False)


@routes.on(
    "POST", _ONE + "/force-cancel", permission="actions=write", docs=_DOCS + "force-cancel-a-workflow-run"
)
async def force_cancel_run(call: Call) -> Answer:
    """Cancel a run at once."""
    return _cancel(call, force=True)


@routes.on("POST", _ONE + "/rerun", permission="actions=write", docs=_DOCS + "re-run-a-workflow")
async def rerun(call: Call) -> Answer:
    """Run everything again."""
    return rerun_jobs(call, find_run(call), None)


@routes.on(
    "POST",
    _ONE + "/rerun-failed-jobs",
    permission="actions=write",
    docs=_DOCS + "re-run-failed-jobs-from-a-workflow-run",
)
async def rerun_failed_jobs(call: Call) -> Answer:
    """Run the failed jobs again, and those that need them."""
    run = find_run(call)
    return rerun_jobs(call, run, call.services.lifecycle.failed_keys(run))


@routes.on(
    "GET",
    _ONE + "/pending_deployments",
    permission="actions=read",
    docs=_DOCS + "get-pending-deployments-for-a-workflow-run",
)
async def list_pending_deployments(call: Call) -> Answer:
    """List what waits for a review: nothing, because environments here have no rules."""
    find_run(call)
    return Answer(body=[])


@routes.on(
    "GET",
    _ONE + "/approvals",
    permission="actions=read",
    docs=_DOCS + "get-the-review-history-for-a-workflow-run",
)
async def list_approvals(call: Call) -> Answer:
    """List reviews: none, because environments here have no rules."""
    find_run(call)
    return Answer(body=[])


@routes.on("GET", _ONE + "/timing", permission="actions=read", docs=_DOCS + "get-workflow-run-usage")
async def get_timing(call: Call) -> Answer:
    """Return how long a run took; nothing here is billed."""
    run = find_run(call)
    taken = run.current.updated_at - run.current.started_at
    return Answer(body={"billable": {}, "run_duration_ms": int(taken.total_seconds() * 1000)})


def rerun_jobs(call: Call, run: Run, keys: frozenset[str] | None) -> Answer:
    """Begin another attempt."""
    try:
        call.services.lifecycle.rerun(run, call.actor, keys)
    except RunRefusedError as error:
        raise ApiError(403, str(error)) from None
    return Answer(status=201, body={})


def find_attempt(call: Call, run: Run) -> Attempt:
    """Return the attempt in the path."""
    number = call.number("attempt")
    if not 1 <= number <= len(run.attempts):
        raise ApiError(404, "Not Found")
    return run.attempts[number - 1]


def _cancel(call: Call, *, force: bool) -> Answer:
    try:
        call.services.lifecycle.cancel(find_run(call), force=force)
    except RunRefusedError as error:
        raise ApiError(409, str(error)) from None
    return Answer(status=202, body={})


def _list(call: Call, runs: Sequence[Run]) -> Answer:
    try:
        filters = read_filters(call.request.query_params)
    except ValueError:
        raise ApiError(422, "Invalid request.\n\n`created` is not a valid date or range of dates.") from None
    now = call.services.state.now()
    shown = [run for run in runs if run.listed_at <= now and all(fits(run) for fits in filters)]
    page, headers = call.page(shown[:MOST_FILTERED] if filters else shown)
    texts = ",".join(call.bodies.run_text(run) for run in page)
    content = f'{{"total_count":{len(shown)},"workflow_runs":[{texts}]}}'
    return Answer(content=content.encode(), headers=headers)
