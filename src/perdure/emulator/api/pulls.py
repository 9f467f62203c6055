"""Pull requests, their files and commits.

https://docs.github.com/en/rest/pulls/pulls
"""

from perdure.emulator.diffs import commits_between
from perdure.emulator.pull_records import PullRequest
from perdure.emulator.pull_requests import NewPull, PullRefusedError
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
MOST_FILES = 3_000
MOST_COMMITS = 250
_REPO = "/repos/{owner}/{repo}"
_PULL = _REPO + "/pulls/{pull}"
_DOCS = "pulls/pulls#"
_STATES = ("open", "closed")


def find_pull(call: Call) -> PullRequest:
    """Return the pull request in the path, as it is now.

    Raises:
        ApiError: 404, where there is none of this number.
    """
    found = call.services.pulls.find(call.repository, call.number("pull"))
    if found is None:
        raise ApiError(404, "Not Found")
    return found


@routes.on("POST", _REPO + "/pulls", permission="pull_requests=write", docs=_DOCS + "create-a-pull-request")
async def create_pull(call: Call) -> Answer:
    """Open a pull request."""
    body = await call.json()
    missing = [f'"{key}" wasn\'t supplied.' for key in ("head", "base") if key not in body]
    if missing:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(missing))
    if not body.get("title"):
        raise _invalid("title", "missing_field")
    head_repository = body.get("head_repo")
    wanted = NewPull(
        head=str(body["head"]),
        base=str(body["base"]),
        title=str(body["title"]),
        author=call.actor,
        body=None if body.get("body") is None else str(body["body"]),
        head_repository=f"{call.repository.owner}/{head_repository}" if head_repository else None,
        is_draft=bool(body.get("draft")),
        maintainer_can_modify=bool(body.get("maintainer_can_modify", True)),
    )
    try:
        pull = call.services.pulls.open(call.repository, wanted)
    except PullRefusedError as error:
        raise _refused(error) from None
    return Answer(status=201, body=call.bodies.pull(pull))


@routes.on("GET", _REPO + "/pulls", permission="pull_requests=read", docs=_DOCS + "list-pull-requests")
async def list_pulls(call: Call) -> Answer:
    """List pull requests, the open ones unless others are asked for, newest first."""
    pulls, head, base = call.services.pulls, call.query("head"), call.query("base")
    pulls.look(call.repository.full_name)
    found = [
        pull
        for pull in pulls.of(call.repository, state=call.query("state") or "open")
        if head in (None, f"{pull.head_repository.split('/')[0]}:{pull.head_ref}")
        and base in (None, pull.base_ref)
    ]
    if call.query("direction") == "asc":
        found.reverse()
    page, headers = call.page(found)
    return Answer(body=[call.bodies.simple_pull(pull) for pull in page], headers=headers)


@routes.on("GET", _PULL, permission="pull_requests=read", docs=_DOCS + "get-a-pull-request")
async def get_pull(call: Call) -> Answer:
    """Return a pull request, or its diff."""
    pull, accepted = find_pull(call), call.request.headers.get("accept", "")
    if "diff" in accepted:
        text = call.services.pulls.diff(pull)
        return Answer(content=text.encode(), media_type="application/vnd.github.diff; charset=utf-8")
    return Answer(body=call.bodies.pull(pull))


@routes.on("PATCH", _PULL, permission="pull_requests=write", docs=_DOCS + "update-a-pull-request")
async def update_pull(call: Call) -> Answer:
    """Change a pull request's title, text, base or state."""
    pull, body = find_pull(call), await call.json()
    if "title" in body:
        pull.title = str(body["title"])
    if "body" in body:
        pull.body = None if body["body"] is None else str(body["body"])
    if "maintainer_can_modify" in body:
        pull.maintainer_can_modify = pull.is_from_fork and bool(body["maintainer_can_modify"])
    if "base" in body:
        base = call.repository.resolve(f"refs/heads/{body['base']}")
        if base is None:
            raise _invalid("base")
        pull.base_ref, pull.base_sha = str(body["base"]), base.sha
    call.services.pulls.changed(pull)
    if body.get("state") in _STATES:
        call.services.pulls.set_state(pull, str(body["state"]), call.actor)
    elif "state" in body:
        raise _invalid("state")
    return Answer(body=call.bodies.pull(pull))


@routes.on("GET", _PULL + "/files", permission="pull_requests=read", docs=_DOCS + "list-pull-requests-files")
async def list_files(call: Call) -> Answer:
    """List the files of a pull request, each with its patch."""
    pull = find_pull(call)
    page, headers = call.page(call.services.pulls.files(pull)[:MOST_FILES])
    bodies = [call.bodies.diff_file(call.repository, pull.head_sha, file) for file in page]
    return Answer(body=bodies, headers=headers)


@routes.on(
    "GET",
    _PULL + "/commits",
    permission="pull_requests=read",
    docs=_DOCS + "list-commits-on-a-pull-request",
)
async def list_commits(call: Call) -> Answer:
    """List the commits of a pull request, oldest first."""
    pull, repository = find_pull(call), call.repository
    found = commits_between(repository.folder, pull.base_sha, pull.head_sha)[:MOST_COMMITS]
    page, headers = call.page(found)
    return Answer(
        body=[call.bodies.commit(repository, repository.commit(sha)) for sha in page], headers=headers
    )


def _refused(error: PullRefusedError) -> ApiError:
    if error.field:
        return _invalid(error.field)
    detail = {"resource": "PullRequest", "code": "custom", "message": error.message}
    return ApiError(422, "Validation Failed", errors=[detail])


def _invalid(field: str, code: str = "invalid") -> ApiError:
    detail = {"resource": "PullRequest", "field": field, "code": code}
    return ApiError(422, "Validation Failed", errors=[detail])
