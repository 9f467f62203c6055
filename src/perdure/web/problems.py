"""Errors as ``application/problem+json``: https://www.rfc-editor.org/rfc/rfc9457."""

from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from perdure.errors import (
    ApprovalNotKnownError,
    DecisionRefusedError,
    EngineError,
    GitHubAuthenticationError,
    GitHubError,
    GitHubPermissionError,
    GitHubRateLimitedError,
    GitHubUnavailableError,
    PerdureError,
    UsageError,
)
from perdure.model.ballots import Refusal

MEDIA_TYPE: Final = "application/problem+json"

_REFUSED: Final = {
    Refusal.NOT_ENTITLED: 403,
    Refusal.SELF_APPROVAL: 403,
    Refusal.NOT_SIGNED: 502,
    Refusal.BAD_FORM: 422,
    Refusal.MALFORMED: 422,
}
_STATUS: Final[tuple[tuple[type[PerdureError], int], ...]] = (
    (ApprovalNotKnownError, 404),
    (UsageError, 400),
    (GitHubAuthenticationError, 401),
    (GitHubPermissionError, 403),
    (GitHubRateLimitedError, 503),
    (GitHubUnavailableError, 503),
    (GitHubError, 502),
    (EngineError, 503),
)


class Problem(BaseModel):
    """What went wrong.

    Attributes:
        type: The error's name, as in Perdure's own documentation.
        title: What the status means.
        detail: What happened.
        hint: What to change.
        reason: Why a decision does not count.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    hint: str | None = None
    reason: str | None = None


def problem(
    status: int, detail: str, *, type: str = "about:blank", hint: str | None = None, reason: str | None = None
) -> Response:
    """Return an answer that says what went wrong: see :class:`Problem`."""
    body = Problem(
        type=type, title=HTTPStatus(status).phrase, status=status, detail=detail, hint=hint, reason=reason
    )
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(
        body.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def status_of(error: PerdureError) -> int:
    """Return the HTTP status that an error is answered with."""
    if isinstance(error, DecisionRefusedError):
        return next((status for reason, status in _REFUSED.items() if reason.value == error.reason), 409)
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def answer_with_problems(app: FastAPI) -> None:
    """Have every error of the app answered as a problem."""
    app.add_exception_handler(PerdureError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _expected(_: Request, error: Exception) -> Response:
    assert isinstance(error, PerdureError)  # noqa: S101 - registered for it
    reason = error.reason if isinstance(error, DecisionRefusedError) else None
    return problem(
        status_of(error),
        str(error),
        type=f"urn:perdure:{type(error).__name__}",
        hint=error.hint,
        reason=reason,
    )


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return problem(422, f"{where}: {first['msg']}" if where else str(first["msg"]))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return problem(error.status_code, str(error.detail))
