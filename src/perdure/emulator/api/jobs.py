"""Jobs and their logs.

https://docs.github.com/en/rest/actions/workflow-jobs
"""

from perdure.emulator.api.runs import find_attempt, find_run, rerun_jobs
from perdure.emulator.downloads import download_url
from perdure.emulator.records import Job
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_RUN = "/repos/{owner}/{repo}/actions/runs/{run}"
_JOB = "/repos/{owner}/{repo}/actions/jobs/{job}"
_DOCS = "actions/workflow-jobs#"


def find_job(call: Call) -> Job:
    """Return the job in the path."""
    job = call.services.state.jobs.get(call.number("job"))
    if job is None or call.services.state.runs[job.run_id].repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    return job


@routes.on("GET", _RUN + "/jobs", permission="actions=read", docs=_DOCS + "list-jobs-for-a-workflow-run")
async def list_jobs(call: Call) -> Answer:
    """List the jobs of the latest attempt, or of all."""
    run = find_run(call)
    attempt = None if call.query("filter") == "all" else run.current.number
    return _list(call, call.services.state.jobs_of(run.id, attempt))


@routes.on(
    "GET",
    _RUN + "/attempts/{attempt}/jobs",
    permission="actions=read",
    docs=_DOCS + "list-jobs-for-a-workflow-run-attempt",
)
async def list_attempt_jobs(call: Call) -> Answer:
    """List the jobs of one attempt."""
    run = find_run(call)
    return _list(call, call.services.state.jobs_of(run.id, find_attempt(call, run).number))


@routes.on("GET", _JOB, permission="actions=read", docs=_DOCS + "get-a-job-for-a-workflow-run")
async def get_job(call: Call) -> Answer:
    """Return a job."""
    return Answer(body=call.bodies.job(find_job(call)))


@routes.on(
    "GET", _JOB + "/logs", permission="actions=read", docs=_DOCS + "download-job-logs-for-a-workflow-run"
)
async def get_job_logs(call: Call) -> Answer:
    """Lead to a job's log, which exists once the job is over."""
    job = find_job(call)
    if job.status != "completed" or not job.steps:
        raise ApiError(404, "Not Found")
    return _redirect(call, f"job/{job.id}")


@routes.on(
    "GET",
    _RUN + "/logs",
    permission="actions=read",
    docs="actions/workflow-runs#download-workflow-run-logs",
)
async def get_run_logs(call: Call) -> Answer:
    """Lead to a zip file of the latest attempt's logs."""
    run = find_run(call)
    if not run.is_over:
        raise ApiError(404, "Not Found")
    return _redirect(call, f"run/{run.id}/{run.current.number}")


@routes.on(
    "GET",
    _RUN + "/attempts/{attempt}/logs",
    permission="actions=read",
    docs="actions/workflow-runs#download-workflow-run-attempt-logs",
)
async def get_attempt_logs(call: Call) -> Answer:
    """Lead to a zip file of one attempt's logs."""
    run = find_run(call)
    attempt = find_attempt(call, run)
    if attempt.status != "completed":
        raise ApiError(404, "Not Found")
    return _redirect(call, f"run/{run.id}/{attempt.number}")


@routes.on(
    "DELETE",
    _RUN + "/logs",
    permission="actions=write",
    docs="actions/workflow-runs#delete-workflow-run-logs",
)
async def delete_run_logs(call: Call) -> Answer:
    """Delete a run's logs."""
    call.services.logs.delete(call.services.state.jobs_of(find_run(call).id))
    return Answer(status=204)


@routes.on(
    "POST",
    _JOB + "/rerun",
    permission="actions=write",
    docs="actions/workflow-runs#re-run-a-job-from-a-workflow-run",
)
async def rerun_job(call: Call) -> Answer:
    """Run one job of the latest attempt again, and those that need it."""
    job = find_job(call)
    run = call.services.state.runs[job.run_id]
    return rerun_jobs(call, run, call.services.lifecycle.keys_from(run, job.key))


def _list(call: Call, jobs: list[Job]) -> Answer:
    page, headers = call.page(jobs)
    bodies = [call.bodies.job(job) for job in page]
    return Answer(body={"total_count": len(jobs), "jobs": bodies}, headers=headers)


def _redirect(call: Call, what: str) -> Answer:
    return Answer(status=302, headers={"location": download_url(call, what)})
