"""Reviews of pull requests, and the comments on lines of their diffs.

A review is made whole or not at all: one comment beside the diff refuses the others too.
https://docs.github.com/en/rest/pulls/reviews and https://docs.github.com/en/rest/pulls/comments
"""

from collections.abc import Mapping, Sequence

from perdure.emulator.api.pulls import find_pull
from perdure.emulator.diffs import DiffFile, DiffLine, commits_between
from perdure.emulator.pull_records import PullRequest, Review, ReviewComment
from perdure.emulator.wire import Answer, ApiError, Call, Routes

routes = Routes()
MOST_TEXT = 65_536
_REPO = "/repos/{owner}/{repo}"
_PULL = _REPO + "/pulls/{pull}"
_READ, _WRITE = "pull_requests=read", "pull_requests=write"
_REVIEWS, _COMMENTS = "pulls/reviews#", "pulls/comments#"
_STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
_VERBS = {"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}


@routes.on(
    "POST", _PULL + "/reviews", permission=_WRITE, docs=_REVIEWS + "create-a-review-for-a-pull-request"
)
async def create_review(call: Call) -> Answer:
    """Make a review with all its comments."""
    pull, body = find_pull(call), await call.json()
    state = _state(call, pull, body)
    commit_id = _commit(call, pull, body.get("commit_id"))
    wanted = body.get("comments") or []
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise ApiError(422, "Invalid request.\n\nFor 'properties/comments', it is not an array.")
    now, number = call.services.state.now(), call.services.state.next_id("review")
    review = Review(
        id=number,
        pull_id=pull.id,
        author=call.actor,
        body=_text(body, limit_of="pull request review body"),
        state=state,
        commit_id=commit_id,
        submitted_at=None if state == "PENDING" else now,
    )
    files = call.services.pulls.files(pull, commit_id)
    _keep(call, review, [_comment(call, review, files, one) for one in wanted])
    return Answer(body=call.bodies.review(pull, review))


@routes.on("GET", _PULL + "/reviews", permission=_READ, docs=_REVIEWS + "list-reviews-for-a-pull-request")
async def list_reviews(call: Call) -> Answer:
    """List reviews, oldest first; one that is not submitted only for who writes it."""
    pull = find_pull(call)
    found = [one for one in call.services.state.reviews.values() if one.pull_id == pull.id]
    found = [one for one in found if one.state != "PENDING" or one.author == call.actor]
    page, headers = call.page(found)
    return Answer(body=[call.bodies.review(pull, one) for one in page], headers=headers)


@routes.on(
    "GET",
    _PULL + "/reviews/{review}",
    permission=_READ,
    docs=_REVIEWS + "get-a-review-for-a-pull-request",
)
async def get_review(call: Call) -> Answer:
    """Return a review."""
    pull, review = _find_review(call)
    return Answer(body=call.bodies.review(pull, review))


@routes.on(
    "PUT",
    _PULL + "/reviews/{review}",
    permission=_WRITE,
    docs=_REVIEWS + "update-a-review-for-a-pull-request",
)
async def update_review(call: Call) -> Answer:
    """Replace the text of one's own review."""
    pull, review = _find_review(call)
    if review.author != call.actor:
        raise ApiError(422, "Unprocessable Entity", errors=["Could not update the review."])
    review.body = _text(await call.json(), limit_of="pull request review body")
    call.services.state.store.put(review)
    call.services.state.store.flush()
    return Answer(body=call.bodies.review(pull, review))


@routes.on(
    "POST",
    _PULL + "/reviews/{review}/events",
    permission=_WRITE,
    docs=_REVIEWS + "submit-a-review-for-a-pull-request",
)
async def submit_review(call: Call) -> Answer:
    """Submit a review that was begun."""
    pull, review = _find_review(call)
    body = await call.json()
    if review.state != "PENDING" or body.get("event") not in _STATES:
        raise ApiError(422, "Unprocessable Entity", errors=["Could not submit the review."])
    review.state = _state(call, pull, {"body": review.body or "-", **body})
    review.submitted_at = call.services.state.now()
    review.body = str(body.get("body") or review.body)
    call.services.state.store.put(review)
    call.services.state.store.flush()
    return Answer(body=call.bodies.review(pull, review))


@routes.on(
    "GET",
    _PULL + "/reviews/{review}/comments",
    permission=_READ,
    docs=_REVIEWS + "list-comments-for-a-pull-request-review",
)
async def list_comments_of_review(call: Call) -> Answer:
    """List the comments of one review."""
    pull, review = _find_review(call)
    found = [one for one in call.services.state.review_comments.values() if one.review_id == review.id]
    page, headers = call.page(found)
    return Answer(body=[call.bodies.review_comment(pull, one) for one in page], headers=headers)


@routes.on(
    "GET",
    _PULL + "/comments",
    permission=_READ,
    docs=_COMMENTS + "list-review-comments-on-a-pull-request",
)
async def list_comments(call: Call) -> Answer:
    """List the comments of every submitted review, oldest first."""
    pull, state = find_pull(call), call.services.state
    found = [
        one
        for one in state.review_comments.values()
        if one.pull_id == pull.id and state.reviews[one.review_id].state != "PENDING"
    ]
    page, headers = call.page(found)
    return Answer(body=[call.bodies.review_comment(pull, one) for one in page], headers=headers)


@routes.on(
    "POST",
    _PULL + "/comments",
    permission=_WRITE,
    docs=_COMMENTS + "create-a-review-comment-for-a-pull-request",
)
async def create_comment(call: Call) -> Answer:
    """Comment on one line or file, which makes a review of its own."""
    pull, body, state = find_pull(call), await call.json(), call.services.state
    missing = [f'"{key}" wasn\'t supplied.' for key in ("body", "commit_id", "path") if not body.get(key)]
    if missing:
        raise ApiError(422, "Invalid request.\n\n" + "\n".join(missing))
    review = Review(
        id=state.next_id("review"),
        pull_id=pull.id,
        author=call.actor,
        state="COMMENTED",
        commit_id=_commit(call, pull, body["commit_id"]),
        submitted_at=state.now(),
    )
    comment = _comment(call, review, call.services.pulls.files(pull, review.commit_id), body)
    _keep(call, review, [comment])
    return Answer(status=201, body=call.bodies.review_comment(pull, comment))


@routes.on(
    "GET",
    _REPO + "/pulls/comments/{comment}",
    permission=_READ,
    docs=_COMMENTS + "get-a-review-comment-for-a-pull-request",
)
async def get_comment(call: Call) -> Answer:
    """Return a comment on the diff."""
    pull, comment = _find_comment(call)
    return Answer(body=call.bodies.review_comment(pull, comment))


@routes.on(
    "PATCH",
    _REPO + "/pulls/comments/{comment}",
    permission=_WRITE,
    docs=_COMMENTS + "update-a-review-comment-for-a-pull-request",
)
async def update_comment(call: Call) -> Answer:
    """Replace a comment's text."""
    pull, comment = _find_comment(call)
    comment.body = _text(await call.json(), limit_of="pull request review thread body")
    comment.updated_at = call.services.state.now()
    call.services.state.store.put(comment)
    return Answer(body=call.bodies.review_comment(pull, comment))


@routes.on(
    "DELETE",
    _REPO + "/pulls/comments/{comment}",
    permission=_WRITE,
    docs=_COMMENTS + "delete-a-review-comment-for-a-pull-request",
)
async def delete_comment(call: Call) -> Answer:
    """Take a comment back."""
    _, comment = _find_comment(call)
    del call.services.state.review_comments[comment.id]
    call.services.state.store.delete(comment)
    return Answer(status=204)


def _state(call: Call, pull: PullRequest, body: Mapping[str, object]) -> str:
    event = body.get("event")
    if event is None:
        mine = [one for one in call.services.state.reviews.values() if one.author == call.actor]
        if any(one.pull_id == pull.id and one.state == "PENDING" for one in mine):
            raise _unprocessable("User can only have one pending review per pull request")
        return "PENDING"
    if event not in _STATES:
        raise ApiError(422, f"Invalid request.\n\n{event} is not a member of {sorted(_STATES)}.")
    if event in _VERBS and pull.author == call.actor:
        raise _unprocessable(f"Can not {_VERBS[str(event)]} your own pull request")
    if event != "APPROVE" and not body.get("body") and not body.get("comments"):
        raise _unprocessable("Body can't be blank")
    return _STATES[str(event)]


def _commit(call: Call, pull: PullRequest, wanted: object) -> str:
    if wanted is None:
        return pull.head_sha
    known = commits_between(call.repository.folder, pull.base_sha, pull.head_sha)
    reviewed = {one.commit_id for one in call.services.state.reviews.values() if one.pull_id == pull.id}
    if wanted not in {*known, *reviewed}:
        raise _unprocessable("commit_id is not part of the pull request")
    return str(wanted)


def _comment(
    call: Call, review: Review, files: Sequence[DiffFile], wanted: Mapping[str, object]
) -> ReviewComment:
    file = next((one for one in files if one.path == wanted.get("path")), None)
    if file is None:
        raise _unprocessable("Path could not be resolved")
    now = call.services.state.now()
    comment = ReviewComment(
        id=call.services.state.next_id("review_comment"),
        pull_id=review.pull_id,
        review_id=review.id,
        author=review.author,
        body=_text(wanted, limit_of="pull request review thread body"),
        path=file.path,
        commit_id=review.commit_id,
        created_at=now,
        updated_at=now,
    )
    if wanted.get("subject_type") == "file":
        return comment
    place = _place(file, wanted)
    comment.line, comment.side = place.number(_side(wanted, "side")), _side(wanted, "side")
    comment.position, comment.diff_hunk = place.position, file.hunk_until(place.position)
    if wanted.get("start_line") is not None:
        comment.start_line, comment.start_side = _start(file, place, wanted)
    return comment


def _place(file: DiffFile, wanted: Mapping[str, object]) -> DiffLine:
    line, position = wanted.get("line"), wanted.get("position")
    if isinstance(line, int):
        found = file.at(line, _side(wanted, "side"))
    else:
        found = next((one for one in file.lines if one.position == position), None)
    if found is None:
        raise _unprocessable("Line could not be resolved")
    return found


def _start(file: DiffFile, end: DiffLine, wanted: Mapping[str, object]) -> tuple[int, str]:
    line, side = wanted["start_line"], _side(wanted, "start_side")
    found = file.at(line, side) if isinstance(line, int) else None
    if found is None:
        raise _unprocessable("Start line could not be resolved")
    if found.hunk != end.hunk or found.position >= end.position:
        raise _unprocessable(
            "Pull request review thread start line must precede the end line in the same hunk"
        )
    return int(str(line)), side


def _side(wanted: Mapping[str, object], name: str) -> str:
    return str(wanted.get(name) or wanted.get("side") or "RIGHT")


def _text(body: Mapping[str, object], *, limit_of: str) -> str:
    text = str(body.get("body") or "")
    if len(text) > MOST_TEXT:
        raise _unprocessable(f"{limit_of.capitalize()} is too long (maximum is {MOST_TEXT} characters)")
    return text


def _keep(call: Call, review: Review, comments: Sequence[ReviewComment]) -> None:
    state = call.services.state
    state.reviews[review.id] = review
    state.store.put(review)
    for comment in comments:
        state.review_comments[comment.id] = comment
        state.store.put(comment)
    state.store.flush()


def _find_review(call: Call) -> tuple[PullRequest, Review]:
    pull = find_pull(call)
    found = call.services.state.reviews.get(call.number("review"))
    if found is None or found.pull_id != pull.id:
        raise ApiError(404, "Not Found")
    return pull, found


def _find_comment(call: Call) -> tuple[PullRequest, ReviewComment]:
    state = call.services.state
    found = state.review_comments.get(call.number("comment"))
    pull = state.pulls.get(found.pull_id) if found else None
    if found is None or pull is None or pull.repository != call.repository.full_name:
        raise ApiError(404, "Not Found")
    return pull, found


def _unprocessable(reason: str) -> ApiError:
    return ApiError(422, "Unprocessable Entity", errors=[reason])
