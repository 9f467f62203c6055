"""``/api/approvals``: list, show, decide."""

import secrets
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from temporalio.client import Client

from perdure.engine.approvals import DECISION_LIFETIME, OpenApprovals, get_approval, list_approvals
from perdure.errors import DecisionRefusedError, GitHubAuthenticationError, GitHubPermissionError
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import Comment, Decision, How, Person, Verdict
from perdure.model.ballots import Refusal, is_requester
from perdure.model.forms import FormFieldName, FormValue
from perdure.web.keys import SigningKey
from perdure.web.people import People
from perdure.web.problems import Problem

_BEARER = HTTPBearer(auto_error=False, description="The person's own GitHub token: `gh auth token`.")
_PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "GitHub does not accept the token.",
        403: "The person may not do that.",
        404: "There is no such approval.",
        409: "The decision does not count: decided already, over, or about something else.",
        422: "The request or the form is not as it must be.",
        503: "The engine, its workers or GitHub do not answer.",
    }.items()
}

router = APIRouter(prefix="/api/approvals", tags=["approvals"], responses=_PROBLEMS)


class Desk:
    """What the routes work with."""

    def __init__(self, client: Client, people: People, key: SigningKey) -> None:
        """Use these."""
        self.client = client
        self.people = people
        self.key = key


class DecideBody(BaseModel):
    """What a person decides.

    Attributes:
        verdict: Approved or rejected.
        digest: Of what the person has seen, as the approval shows it.
        comment: Why.
        form: What was filled in; fields that are left out have their defaults.
    """

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    digest: str = Field(max_length=200)
    comment: Comment = ""
    form: dict[FormFieldName, FormValue] = Field(default_factory=dict, max_length=50)


def _desk(request: Request) -> Desk:
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        msg = "the gateway was not set up"
        raise TypeError(msg)
    return desk


def _token(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> str:
    if credentials is None or not credentials.credentials.isascii():
        raise GitHubAuthenticationError(
            "the request has no GitHub token",
            hint="send the header `Authorization: Bearer TOKEN`",
            status=401,
        )
    return credentials.credentials


DeskOfApp = Annotated[Desk, Depends(_desk)]
Token = Annotated[str, Depends(_token)]


@router.get("", summary="List open approvals")
async def list_open(
    desk: DeskOfApp,
    token: Token,
    *,
    mine: Annotated[bool, Query(description="Only those that wait for the person who asks.")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> OpenApprovals:
    """List the approvals that wait for somebody, the newest first."""
    person = await desk.people.person(token)
    found = await list_approvals(desk.client, limit=limit)
    if not mine:
        return found
    own = [progress for progress in found.approvals if await _waits_for(desk, token, person, progress)]
    return OpenApprovals(approvals=tuple(own), unanswered=found.unanswered)


@router.get("/{approval_id:path}", summary="Show an approval")
async def show(approval_id: str, desk: DeskOfApp, token: Token) -> ApprovalProgress:
    """Show who was asked what, who decided how, and until when there is time."""
    await desk.people.person(token)
    return await get_approval(desk.client, approval_id).progress()


@router.post("/{approval_id:path}/decide", summary="Approve or reject")
async def decide(approval_id: str, body: DecideBody, desk: DeskOfApp, token: Token) -> ApprovalProgress:
    """Hand in the decision of the person whose token it is. It is final.

    Returns where the approval stands with it.
    """
    person = await desk.people.person(token, fresh=True)
    approval = get_approval(desk.client, approval_id)
    progress = await approval.progress()
    decision = Decision(
        approver=person,
        teams=await _teams(desk, token, person, progress),
        verdict=body.verdict,
        digest=body.digest,
        comment=body.comment,
        form=body.form,
        nonce=secrets.token_hex(16),
        expires_at=datetime.now(UTC) + DECISION_LIFETIME,
        how=How.SIGNED,
    )
    try:
        return await approval.decide(
            desk.key.signed(decision, approval_id=progress.id, run_id=progress.run_id)
        )
    except DecisionRefusedError as error:
        if error.reason == Refusal.NOT_SIGNED.value:
            error.hint = (
                "the worker does not know this gateway: put its public key into [approvals] public_key of the"
                " worker's settings"
            )
        raise


async def _teams(desk: Desk, token: str, person: Person, progress: ApprovalProgress) -> tuple[str, ...]:
    if person.login.casefold() in {name.casefold() for name in progress.approvers}:
        # Named themselves: what GitHub says of their teams changes nothing.
        return ()
    return await desk.people.teams(token, person, progress.approvers, fresh=True)


async def _waits_for(desk: Desk, token: str, person: Person, progress: ApprovalProgress) -> bool:
    request = progress.request
    if any(person.is_same_as(decision.approver) for decision in progress.decisions) or (
        request.prevent_self_approval and is_requester(request, person)
    ):
        return False
    if not progress.approvers or person.login.casefold() in {name.casefold() for name in progress.approvers}:
        return True
    try:
        return bool(await desk.people.teams(token, person, progress.approvers))
    except GitHubPermissionError:
        # A list is no place for one approval's trouble: deciding says it.
        return False
