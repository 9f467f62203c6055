"""Comments on issues, and on pull requests as a whole.

https://docs.github.com/en/rest/issues/comments
"""

from perdure.emulator.api.reviews import MOST_TEXT
from perdure.emulator.auth import InstallationIdentity
from perdure.emulator.pull_records import IssueComment
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
_REPO = "/repos/{owner}/{repo}"
_ISSUE = _REPO + "/issues/{issue}/comments"
_COMMENT = _REPO + "/issues/comments/{comment}"
# Either permission does: a pull request is an issue too.
_READ, _WRITE = "issues=read; pull_requests=read", "issues=write; pull_requests=write"
_DOCS = "issues/comments#"


@routes.on("POST", _ISSUE, permission=_WRITE, docs=_DOCS + "create-an-issue-comment")
async def create_comment(call: Call) -> Answer:
    """Add a comment."""
    number, text, state = _number(call), await _text(call), call.services.state
    identity, now = call.identity, state.now()
    comment = IssueComment(
        id=state.next_id("issue_comment"),
        repository=call.repository.full_name,
        number=number,
        author=call.actor,
        app_id=identity.app.id if isinstance(identity, InstallationIdentity) else None,
        body=text,
        created_at=now,
        updated_at=now,
    )
    state.issue_comments[comment.id] = comment
    state.store.put(comment)
    state.store.flush()
    return Answer(status=201, body=call.bodies.issue_comment(comment))


@routes.on("GET", _ISSUE, permission=_READ, docs=_DOCS + "list-issue-comments")
async def list_comments(call: Call) -> Answer:
    """List comments, oldest first."""
    place = (call.repository.full_name, _number(call))
    comments = call.services.state.issue_comments.values()
    page, headers = call.page([one for one in comments if (one.repository, one.number) == place])
    return Answer(body=[call.bodies.issue_comment(one) for one in page], headers=headers)


@routes.on("GET", _COMMENT, permission=_READ, docs=_DOCS + "get-an-issue-comment")
async def get_comment(call: Call) -> Answer:
    """Return a comment."""
    return Answer(body=call.bodies.issue_comment(_find(call)))


@routes.on("PATCH", _COMMENT, permission=_WRITE, docs=_DOCS + "update-an-issue-comment")
async def update_comment(call: Call) -> Answer:
    """Replace a comment's text."""
    comment, state = _find(call), call.services.state
    comment.body, comment.updated_at = await _text(call), state.now()
    state.store.put(comment)
    state.store.flush()
    return Answer(body=call.bodies.issue_comment(comment))


@routes.on("DELETE", _COMMENT, permission=_WRITE, docs=_DOCS + "delete-an-issue-comment")
async def delete_comment(call: Call) -> Answer:
    """Take a comment back."""
    comment = _find(call)
    del call.services.state.issue_comments[comment.id]
    call.services.state.store.delete(comment)
    return Answer(status=204)


def _number(call: Call) -> int:
    number, name = call.number("issue"), call.repository.full_name
    known = [one.number for one in call.services.state.pulls.values() if one.repository == name]
    if number not in known:
        raise ApiError(404, "Not Found")
    return number


async def _text(call: Call) -> str:
    text = str((await call.json()).get("body") or "")
    complaint = "can't be blank" if not text else ""
    if len(text) > MOST_TEXT:
        complaint = f"is too long (maximum is {MOST_TEXT} characters)"
    if complaint:
        error = {"resource": "IssueComment", "code": "custom", "field": "body", "message": complaint}
        raise ApiError(422, "Validation Failed", errors=[error])
    return text


def _find(call: Call) -> IssueComment:
    found = call.services.state.issue_comments.get(call.number("comment"))
    if found is None or found.repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    return found
