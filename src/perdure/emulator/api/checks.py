"""Check runs and commit statuses. A job is a check run too, under the same number.

https://docs.github.com/en/rest/checks and https://docs.github.com/en/rest/commits/statuses
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from perdure.emulator.auth import InstallationIdentity
from perdure.emulator.identifiers import node_id, number_for
from perdure.emulator.records import Annotation, CheckRun, CommitStatus, Job
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
MOST_ANNOTATIONS = 50
_REPO = "/repos/{owner}/{repo}"
_ORDER = {"error": 3, "failure": 3, "pending": 2, "success": 1}
_STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
_CONCLUSIONS = (
    *("action_required", "cancelled", "failure", "neutral"),
    *("success", "skipped", "stale", "timed_out"),
)
_MOST_SUMMARY = 65_535
_MOST_DESCRIPTION = 140
_MOST_OF_A_CONTEXT = 1_000


@routes.on("POST", _REPO + "/check-runs", permission="checks=write", docs="checks/runs#create-a-check-run")
async def create_check_run(call: Call) -> Answer:
    """Make a check run, which only an App may."""
    body, identity = await call.json(), call.identity
    if not isinstance(identity, InstallationIdentity):
        raise ApiError(403, "You must authenticate via a GitHub App.")
    missing = [f'"{key}" wasn\'t supplied.' for key in ("name", "head_sha") if key not in body]
    if missing:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(missing))
    commit = call.repository.find_commit(str(body["head_sha"]))
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {body['head_sha']}")
    state = call.services.state
    check = CheckRun(
        id=state.next_id("job"),
        repository=call.repository.full_name,
        app_id=identity.app.id,
        name=str(body["name"]),
        head_sha=commit.sha,
        started_at=state.now(),
    )
    _update(call, check, body)
    state.check_runs[check.id] = check
    state.store.flush()
    return Answer(status=201, body=call.bodies.check_run(check))


@routes.on(
    "PATCH", _REPO + "/check-runs/{check}", permission="checks=write", docs="checks/runs#update-a-check-run"
)
async def update_check_run(call: Call) -> Answer:
    """Change a check run; annotations are added to those that are there."""
    check = call.services.state.check_runs.get(call.number("check"))
    if check is None or check.repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    _update(call, check, await call.json())
    return Answer(body=call.bodies.check_run(check))


@routes.on("GET", _REPO + "/check-runs/{check}", permission="checks=read", docs="checks/runs#get-a-check-run")
async def get_check_run(call: Call) -> Answer:
    """Return a check run or a job."""
    found = _find(call)
    body = call.bodies.check_run(found) if isinstance(found, CheckRun) else _job_as_check(call, found)
    return Answer(body=body)


@routes.on(
    "GET",
    _REPO + "/check-runs/{check}/annotations",
    permission="checks=read",
    docs="checks/runs#list-check-run-annotations",
)
async def list_annotations(call: Call) -> Answer:
    """List the annotations of a check run or of a job."""
    found, blob = _find(call), f"{call.links.html}/{call.repository.full_name}/blob"
    if isinstance(found, CheckRun):
        annotations = [_annotation(one, f"{blob}/{found.head_sha}") for one in found.annotations]
    else:
        sha = call.services.state.runs[found.run_id].head_sha
        annotations = [_annotation(_said_by_job(one), f"{blob}/{sha}") for one in found.annotations]
    page, headers = call.page(annotations)
    return Answer(body=list(page), headers=headers)


@routes.on(
    "GET",
    _REPO + "/commits/{ref}/check-runs",
    permission="checks=read",
    docs="checks/runs#list-check-runs-for-a-git-reference",
)
async def list_check_runs(call: Call) -> Answer:
    """List a commit's check runs and jobs: of each name the latest, unless all are asked for."""
    commit = call.repository.find_commit(call.params["ref"])
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {call.params['ref']}")
    state, name = call.services.state, call.repository.full_name
    checks = [
        one for one in state.check_runs.values() if (one.repository, one.head_sha) == (name, commit.sha)
    ]
    if call.query("filter") != "all":
        checks = list({(one.app_id, one.name): one for one in checks}.values())
    bodies = [call.bodies.check_run(one) for one in reversed(checks)]
    for run in state.runs_of(name):
        if run.head_sha == commit.sha:
            bodies += [_job_as_check(call, job) for job in state.jobs_of(run.id, run.current.number)]
    wanted, status = call.query("check_name"), call.query("status")
    bodies = [body for body in bodies if wanted in (None, body["name"]) and status in (None, body["status"])]
    page, headers = call.page(bodies)
    return Answer(body={"total_count": len(bodies), "check_runs": list(page)}, headers=headers)


@routes.on(
    "POST",
    _REPO + "/statuses/{sha}",
    permission="statuses=write",
    docs="commits/statuses#create-a-commit-status",
)
async def create_status(call: Call) -> Answer:
    """Add a status to a commit."""
    body, state = await call.json(), call.services.state
    commit = call.repository.find_commit(call.params["sha"])
    if commit is None:
        raise ApiError(422, f"No commit found for SHA: {call.params['sha']}")
    context = str(body.get("context") or "default")
    _check_status(call, body, (commit.sha, context))
    status = CommitStatus(
        id=state.next_id("status"),
        repository=call.repository.full_name,
        sha=commit.sha,
        state=str(body["state"]),
        context=context,
        description=_text(body, "description"),
        target_url=_text(body, "target_url"),
        creator=call.actor,
        created_at=state.now(),
    )
    state.statuses[status.id] = status
    state.store.put(status)
    state.store.flush()
    return Answer(status=201, body=call.bodies.status(status))


@routes.on(
    "GET",
    _REPO + "/commits/{ref}/statuses",
    permission="statuses=read",
    docs="commits/statuses#list-commit-statuses-for-a-reference",
)
async def list_statuses(call: Call) -> Answer:
    """List a commit's statuses, newest first."""
    found = _statuses(call)
    page, headers = call.page(found)
    return Answer(body=[call.bodies.status(status) for status in page], headers=headers)


@routes.on(
    "GET",
    _REPO + "/commits/{ref}/status",
    permission="statuses=read",
    docs="commits/statuses#get-the-combined-status-for-a-specific-reference",
)
async def get_combined_status(call: Call) -> Answer:
    """Return the latest status of each context, and the worst of them."""
    latest = {status.context: status for status in reversed(_statuses(call))}
    worst = max(latest.values(), key=lambda status: _ORDER[status.state], default=None)
    state = {"error": "failure"}.get(worst.state, worst.state) if worst else "pending"
    commit = call.repository.find_commit(call.params["ref"])
    url = f"{call.links.api}/repos/{call.repository.full_name}/commits/{commit.sha if commit else ''}"
    body = {
        "state": state,
        "statuses": [call.bodies.status(status) for status in latest.values()],
        "sha": commit.sha if commit else "",
        "total_count": len(latest),
        "repository": call.bodies.minimal_repository(call.repository.full_name),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(body=body)


def _check_status(call: Call, body: Mapping[str, object], place: tuple[str, str]) -> None:
    """Refuse what GitHub refuses, in a form like its own."""
    target_url, description = _text(body, "target_url"), _text(body, "description") or ""
    complaints = {
        "state": "is not included in the list" if body.get("state") not in _ORDER else "",
        "target_url": "must use http(s) scheme" if target_url and not _is_web(target_url) else "",
        "description": f"is too long (maximum is {_MOST_DESCRIPTION} characters)"
        if len(description) > _MOST_DESCRIPTION
        else "",
    }
    sha, context = place
    same = [one for one in call.services.state.statuses.values() if (one.sha, one.context) == (sha, context)]
    if len(same) >= _MOST_OF_A_CONTEXT:
        complaints["base"] = "This SHA and context has reached the maximum number of statuses."
    for field, message in complaints.items():
        if message:
            error = {"resource": "Status", "code": "custom", "field": field, "message": message}
            raise ApiError(422, "Validation Failed", errors=[error])


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _statuses(call: Call) -> list[CommitStatus]:
    commit = call.repository.find_commit(call.params["ref"])
    if commit is None:
        raise ApiError(404, "Not Found")
    key = (call.repository.full_name, commit.sha)
    found = [one for one in call.services.state.statuses.values() if (one.repository, one.sha) == key]
    return list(reversed(found))


def _find(call: Call) -> CheckRun | Job:
    state, number = call.services.state, call.number("check")
    check, job = state.check_runs.get(number), state.jobs.get(number)
    if check is not None and check.repository == call.repository.full_name:
        return check
    if job is not None and state.runs[job.run_id].repository == call.repository.full_name:
        return job
    raise ApiError(404, "Not Found")


def _update(call: Call, check: CheckRun, body: Mapping[str, object]) -> None:
    _check_words(body)
    for field in ("name", "details_url", "external_id"):
        if field in body:
            setattr(check, field, str(body[field]))
    now = call.services.state.now()
    if "started_at" in body:
        check.started_at = _instant(body["started_at"])
    check.status = str(body.get("status", check.status))
    if "conclusion" in body:
        check.status, check.conclusion = "completed", str(body["conclusion"])
        check.completed_at = _instant(body["completed_at"]) if "completed_at" in body else now
    elif check.status == "completed" and check.conclusion is None:
        raise ApiError(422, 'Invalid request.\n\n"conclusion" wasn\'t supplied.')
    output = body.get("output")
    if isinstance(output, dict):
        _update_output(check, output)
    call.services.state.store.put(check)


def _check_words(body: Mapping[str, object]) -> None:
    for field, allowed in (("status", _STATUSES), ("conclusion", _CONCLUSIONS)):
        if field in body and body[field] not in allowed:
            member = f"{json.dumps(body[field])} is not a member of {json.dumps(allowed)}"
            raise ApiError(422, f"Invalid request.\n\nFor 'properties/{field}', {member}.")
    if "details_url" in body and not _is_web(str(body["details_url"])):
        raise ApiError(422, "Validation Failed: details_url scheme must be http or https")


def _update_output(check: CheckRun, output: Mapping[str, object]) -> None:
    missing = [f'"{key}" wasn\'t supplied.' for key in ("title", "summary") if key not in output]
    if missing and not check.summary:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(missing))
    for field in ("title", "summary", "text"):
        if field in output:
            if len(str(output[field])) > _MOST_SUMMARY:
                msg = f"Only {_MOST_SUMMARY} characters are allowed; {len(str(output[field]))} were supplied."
                raise ApiError(422, f"Invalid request.\n\n{msg}")
            setattr(check, field, str(output[field]))
    added = output.get("annotations") or []
    if not isinstance(added, list):
        raise ApiError(422, "Invalid request.\n\nFor 'properties/annotations', it is not an array.")
    if len(added) > MOST_ANNOTATIONS:
        message = f"No more than {MOST_ANNOTATIONS} items are allowed; {len(added)} were supplied."
        raise ApiError(422, f"Invalid request.\n\n{message}")
    check.annotations += added


def _job_as_check(call: Call, job: Job) -> dict[str, object]:
    body = call.bodies.job(job)
    url = str(body["check_run_url"])
    kept = (
        "id",
        "node_id",
        "head_sha",
        "html_url",
        "status",
        "conclusion",
        "started_at",
        "completed_at",
        "name",
    )
    count = len(job.annotations)
    return {
        **{key: body[key] for key in kept},
        "external_id": str(job.id),
        "url": url,
        "details_url": body["html_url"],
        "output": {
            **dict.fromkeys(("title", "summary", "text")),
            "annotations_count": count,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": number_for("suite", str(job.run_id))},
        "app": _actions_app(call),
        "pull_requests": [],
    }


def _actions_app(call: Call) -> dict[str, object]:
    created = "2018-07-30T09:30:17Z"
    return {
        "id": 15368,
        "client_id": "Iv1.05c79e9ad1f6bdfa",
        "slug": "github-actions",
        "node_id": node_id("A", 15368),
        "owner": call.bodies.account("github"),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": "https://help.github.com/en/actions",
        "html_url": f"{call.links.html}/apps/github-actions",
        "created_at": created,
        "updated_at": created,
        "permissions": {"actions": "write", "checks": "write", "metadata": "read"},
        "events": ["workflow_dispatch"],
    }


def _said_by_job(annotation: Annotation) -> dict[str, object]:
    properties = annotation.properties
    line = _line(properties, "line", 1)
    return {
        "path": properties.get("file", ".github"),
        "start_line": line,
        "end_line": _line(properties, "endLine", line),
        "start_column": _line(properties, "col", None),
        "end_column": _line(properties, "endColumn", None),
        "annotation_level": annotation.level,
        "title": properties.get("title", ""),
        "message": annotation.message,
    }


def _line(properties: Mapping[str, str], name: str, default: int | None) -> int | None:
    text = properties.get(name, "")
    return int(text) if text.isdigit() else default


def _annotation(said: Mapping[str, object], blob: str) -> dict[str, object]:
    optional = ("start_column", "end_column", "title", "raw_details")
    return {**dict.fromkeys(optional), **said, "blob_href": f"{blob}/{said.get('path')}"}


def _text(body: Mapping[str, object], name: str) -> str | None:
    value = body.get(name)
    return None if value is None else str(value)


def _instant(value: object) -> datetime:
    try:
        return datetime.fromisoformat(cast("str", value))
    except (TypeError, ValueError):
        raise ApiError(422, "Invalid request.\n\nIt is not a valid date-time.") from None
