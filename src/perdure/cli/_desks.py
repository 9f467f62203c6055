"""Two ways to approvals: through a gateway that knows the person, or directly, taken at one's word."""

import getpass
import subprocess
from collections.abc import Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import ValidationError

from perdure.cli._session import open_session
from perdure.config import Settings, load_settings, resolve_secret
from perdure.engine.approvals import OpenApprovals, get_approval, list_approvals, local_decision
from perdure.errors import (
    ApprovalNotKnownError,
    DecisionRefusedError,
    EngineError,
    GitHubAuthenticationError,
    GitHubPermissionError,
    PerdureError,
    SecretError,
    SettingsError,
    UsageError,
)
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import TEAM_PREFIX, ApprovalMode, Person, Verdict
from perdure.model.ballots import is_requester
from perdure.model.base import Model
from perdure.model.forms import FormValue

_Answer = TypeVar("_Answer", bound=Model)

_TIMEOUT = httpx2.Timeout(40.0, connect=5.0)


class Desk(Protocol):
    """Lists, shows and decides approvals for one person."""

    async def open_approvals(self, *, mine: bool) -> OpenApprovals:
        """Return the approvals that wait for somebody, or for this person."""
        ...

    async def show(self, id: str) -> ApprovalProgress:
        """Return where an approval stands."""
        ...

    async def decide(
        self, seen: ApprovalProgress, verdict: Verdict, *, comment: str, form: Mapping[str, FormValue]
    ) -> ApprovalProgress:
        """Hand in what the person decides about what was shown."""
        ...


class LocalDesk(Desk):
    """Directly at the engine."""

    def __init__(self, login: str, *, address: str | None, namespace: str | None) -> None:
        self._login = login
        self._address = address
        self._namespace = namespace

    async def open_approvals(self, *, mine: bool) -> OpenApprovals:
        """Return the open approvals, the newest first."""
        session = await open_session(self._address, self._namespace)
        found = await list_approvals(session.client)
        if not mine:
            return found
        own = tuple(progress for progress in found.approvals if self._may_decide(progress))
        return OpenApprovals(approvals=own, unanswered=found.unanswered)

    async def show(self, id: str) -> ApprovalProgress:
        """Ask the approval itself."""
        session = await open_session(self._address, self._namespace)
        return await get_approval(session.client, id).progress()

    async def decide(
        self, seen: ApprovalProgress, verdict: Verdict, *, comment: str, form: Mapping[str, FormValue]
    ) -> ApprovalProgress:
        """Decide as the operating system's user.

        Raises:
            UsageError: The worker believes only a gateway.
        """
        if seen.mode is not ApprovalMode.LOCAL:
            msg = f"{seen.id} is decided through a gateway: its worker believes nobody else"
            raise UsageError(
                msg, hint="set gateway in [approvals] of perdure.toml, or PERDURE_APPROVALS_GATEWAY"
            )
        session = await open_session(self._address, self._namespace)
        decision = local_decision(seen, self._login, verdict, comment=comment, form=dict(form))
        return await get_approval(session.client, seen.id).decide(decision)

    def _may_decide(self, progress: ApprovalProgress) -> bool:
        person = Person(login=self._login)
        decided = any(person.is_same_as(decision.approver) for decision in progress.decisions)
        started = progress.request.prevent_self_approval and is_requester(progress.request, person)
        named = not progress.approvers or any(
            name.startswith(TEAM_PREFIX) or name.casefold() == self._login.casefold()
            for name in progress.approvers
        )
        return named and not decided and not started


class GatewayDesk(Desk):
    """Through ``perdure web``, with the person's own GitHub token."""

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/approvals"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def open_approvals(self, *, mine: bool) -> OpenApprovals:
        """Ask the gateway for the open approvals."""
        return _read(OpenApprovals, await self._ask("GET", self._url + ("?mine=true" if mine else "")))

    async def show(self, id: str) -> ApprovalProgress:
        """Ask the gateway for one."""
        return _read(ApprovalProgress, await self._ask("GET", f"{self._url}/{quote(id)}"))

    async def decide(
        self, seen: ApprovalProgress, verdict: Verdict, *, comment: str, form: Mapping[str, FormValue]
    ) -> ApprovalProgress:
        """Have the gateway sign and hand it in."""
        body = {"verdict": verdict.value, "digest": seen.digest, "comment": comment, "form": dict(form)}
        url = f"{self._url}/{quote(seen.id)}/decide"
        return _read(ApprovalProgress, await self._ask("POST", url, json=body))

    async def _ask(self, method: str, url: str, **content: object) -> dict[str, object]:
        host = urlsplit(url).hostname or ""
        own = host in {"localhost", "127.0.0.1", "::1"}
        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT, trust_env=not own) as http:
                answer = await http.request(method, url, headers=self._headers, json=content.get("json"))
        except (httpx2.HTTPError, OSError) as error:
            msg = f"the gateway at {self._url} does not answer: {type(error).__name__}"
            raise EngineError(msg, hint="is `perdure web` running there?") from error
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            msg = f"{self._url} answered {answer.status_code}, and not as a gateway does"
            raise EngineError(msg, hint="check gateway in [approvals]: it is where `perdure web` runs")
        if not answer.is_success:
            raise _error(answer.status_code, body)
        return body


def open_desk(
    acting_as: str | None, *, address: str | None = None, namespace: str | None = None
) -> tuple[Desk, bool]:
    """Return the way that the settings name, and whether it takes the person at their word.

    Raises:
        UsageError: Somebody wants to be somebody else where a gateway knows better.
        SettingsError: A gateway is named, and there is no token for it.
    """
    settings = load_settings()
    if settings.approvals.gateway is None:
        return LocalDesk(acting_as or getpass.getuser(), address=address, namespace=namespace), True
    if acting_as is not None:
        msg = "--as is for local mode: the gateway knows who you are by your GitHub token"
        raise UsageError(msg, hint="leave --as out")
    return GatewayDesk(settings.approvals.gateway, user_token(settings)), False


def user_token(settings: Settings) -> str:
    """Return the person's own GitHub token: from ``PERDURE_USER_TOKEN``, else from ``gh``.

    Raises:
        SettingsError: There is none.
    """
    try:
        return resolve_secret("env:PERDURE_USER_TOKEN").reveal()
    except SecretError:
        pass
    host = urlsplit(settings.github.url).hostname or ""
    command = ["gh", "auth", "token", "--hostname", "github.com" if host == "api.github.com" else host]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        token = found.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        token = ""
    if not token:
        msg = "the gateway needs to know who you are, and there is no GitHub token of yours"
        raise SettingsError(msg, hint="sign in with `gh auth login`, or set PERDURE_USER_TOKEN")
    return token


def _read(kind: type[_Answer], body: object) -> _Answer:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        msg = "the gateway answered with something else than approvals"
        raise EngineError(msg, hint="is it of the same release as this command?") from error


def _error(status: int, body: Mapping[str, object]) -> PerdureError:
    message, hint = str(body.get("detail") or f"the gateway answered {status}"), body.get("hint")
    more = {"hint": str(hint) if hint else None}
    if isinstance(reason := body.get("reason"), str):
        return DecisionRefusedError(message, reason=reason, **more)
    match status:
        case 401:
            return GitHubAuthenticationError(message, status=status, **more)
        case 403:
            return GitHubPermissionError(message, status=status, **more)
        case 404:
            return ApprovalNotKnownError(message, **more)
        case _ if status < 500:
            return UsageError(message, **more)
    return EngineError(message, **more)
