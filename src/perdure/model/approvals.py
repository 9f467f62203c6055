"""What is asked of people, what they decide, and what comes of it. The rules are in ``ballots``."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from perdure.model.base import Model
from perdure.model.forms import FormField, FormFieldName, FormValue, filled_form

TEAM_PREFIX: Final = "team:"
MAX_COMMENT: Final = 4_000

Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(\[bot\])?$")]
"""A person's login at GitHub; in local mode the operating system's user."""

Team = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[a-z0-9_.-]{1,100}$")]
"""``organisation/slug``."""

Approver = Annotated[
    str,
    StringConstraints(
        pattern=r"^(team:[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[a-z0-9_.-]{1,100}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,99})$"
    ),
]
"""A login, or ``team:organisation/slug``."""

Comment = Annotated[str, StringConstraints(max_length=MAX_COMMENT)]


class OnTimeout(StrEnum):
    """What becomes of an approval that nobody decided in time."""

    REJECT = "reject"
    APPROVE = "approve"
    ESCALATE = "escalate"


class Verdict(StrEnum):
    """How a person, or everybody together, decided."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why an approval is over."""

    DECIDED = "decided"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class How(StrEnum):
    """How it is known who decided."""

    SIGNED = "signed"
    """The gateway knew the person at GitHub, and signed."""
    LOCAL = "local"
    """The operating system's user was taken at their word."""
    UNSIGNED = "unsigned"
    """Nobody checked: it counts only where no approvers are named."""


class ApprovalMode(StrEnum):
    """Whom a worker believes."""

    LOCAL = "local"
    GATEWAY = "gateway"


class Person(Model):
    """Somebody with an account.

    Attributes:
        login: May be changed, and taken by somebody else afterwards.
        user_id: GitHub's number for the person, which never changes; ``None`` where only the login is known.
    """

    login: Login
    user_id: int | None = None

    def is_same_as(self, other: "Person") -> bool:
        """Compare by number where both are known, else by login."""
        if self.user_id is not None and other.user_id is not None:
            return self.user_id == other.user_id
        return self.login.casefold() == other.login.casefold()


class ApprovalRequest(Model):
    """A decision asked of people.

    Attributes:
        message: What they are asked.
        subject_digest: Of what is approved, such as a plan; of the message and form where it is left out.
        approvers: Who may decide: logins, and teams as ``team:organisation/slug``. Anybody, where empty.
        quorum: How many have to approve. One rejection rejects.
        requester: Who started what is to be approved.
        prevent_self_approval: Whether the requester may not approve.
        timeout: How long the people have.
        on_timeout: What happens then. After an escalation the people have as long again.
        escalate_to: Who may decide too, after an escalation.
        remind: How often they are reminded.
        form: What an approver has to fill in; it is the same for all who approve.
    """

    message: str = Field(default="", max_length=10_000)
    subject_digest: str = Field(default="", max_length=200)
    approvers: tuple[Approver, ...] = Field(default=(), max_length=100)
    quorum: int = Field(default=1, ge=1, le=100)
    requester: Person | None = None
    prevent_self_approval: bool = True
    timeout: timedelta = Field(default=timedelta(hours=24), gt=timedelta(0), le=timedelta(days=3650))
    on_timeout: OnTimeout = OnTimeout.REJECT
    escalate_to: tuple[Approver, ...] = Field(default=(), max_length=100)
    remind: timedelta | None = Field(default=None, ge=timedelta(seconds=1))
    form: dict[FormFieldName, FormField] = Field(default_factory=dict, max_length=50)

    @model_validator(mode="after")
    def _can_be_decided(self) -> Self:
        if (self.on_timeout is OnTimeout.ESCALATE) != bool(self.escalate_to):
            msg = "on_timeout: escalate and escalate_to belong together"
            raise ValueError(msg)
        if self.on_timeout is OnTimeout.APPROVE:
            try:
                filled_form(self.form, {})
            except ValueError as error:
                msg = f"on_timeout: approve needs a default for every field of the form; {error}"
                raise ValueError(msg) from None
        everybody = {name.casefold() for name in (*self.approvers, *self.escalate_to)}
        if self.prevent_self_approval and self.requester is not None:
            everybody.discard(self.requester.login.casefold())
        has_team = any(name.startswith(TEAM_PREFIX) for name in everybody)
        if self.approvers and not has_team and len(everybody) < self.quorum:
            msg = f"needs {self.quorum} approvals, and only {len(everybody)} may approve"
            raise ValueError(f"{msg}; the requester does not count" if self.requester else msg)
        return self

    @property
    def digest(self) -> str:
        """What a decision is about: it counts only where it names this."""
        if self.subject_digest:
            return self.subject_digest
        seen = self.model_dump(mode="json", include={"message", "form"})
        return f"sha256:{hashlib.sha256(canonical_json(seen)).hexdigest()}"


class Decision(Model):
    """What one person decides.

    Attributes:
        approver: Who.
        teams: The person's teams at that moment, among those that the approval names.
        verdict: Approved or rejected.
        digest: Of what the person has seen: see :attr:`ApprovalRequest.digest`.
        comment: Why.
        form: What was filled in; fields that are left out have their defaults.
        nonce: Unique, so that no decision counts twice.
        expires_at: Until when it may be handed in.
        how: Local or signed; what it claims is checked.
        signature: Of :func:`signed_content` with the gateway's Ed25519 key, as base64.
    """

    approver: Person
    teams: tuple[Team, ...] = Field(default=(), max_length=200)
    verdict: Verdict
    digest: str = Field(max_length=200)
    comment: Comment = ""
    form: dict[FormFieldName, FormValue] = Field(default_factory=dict, max_length=50)
    nonce: str = Field(min_length=8, max_length=100)
    expires_at: AwareDatetime
    how: How = How.LOCAL
    signature: str = Field(default="", max_length=200)


class CountedDecision(Decision):
    """A decision that counts.

    Attributes:
        at: When it was taken note of.
        entitled_as: The entry of the approvers that let the person decide; empty where none are named.
    """

    at: datetime
    entitled_as: str = ""


class ApprovalResult(Model):
    """What came of an approval.

    Attributes:
        verdict: Approved or rejected.
        reason: Whether people decided, or nobody in time.
        digest: Of what was decided about.
        decisions: Every decision that counts, in order.
        form: What was filled in, where it was approved.
        mode: Whom the worker believed.
    """

    verdict: Verdict
    reason: Reason
    digest: str = ""
    decisions: tuple[CountedDecision, ...] = ()
    form: dict[str, FormValue] = Field(default_factory=dict)
    mode: ApprovalMode = ApprovalMode.GATEWAY

    @property
    def approved(self) -> bool:
        """Whether to go on."""
        return self.verdict is Verdict.APPROVED


class ApprovalTrust(Model):
    """Whom a worker believes, from its own settings.

    Attributes:
        mode: Whether the operating system's user is taken at their word.
        public_keys: Of gateways: ``ed25519:`` and base64.
        search_attributes: Whether the namespace takes Perdure's search attributes.
    """

    mode: ApprovalMode
    public_keys: tuple[str, ...] = ()
    search_attributes: bool = False


def signed_content(decision: Decision, *, approval_id: str, run_id: str) -> bytes:
    """Return what the gateway signs.

    Args:
        decision: What was decided, and by whom.
        approval_id: The approval's workflow id.
        run_id: Its first run's id, so that a later approval of the same name takes no old decision.
    """
    content = {
        "type": "perdure-decision-v1",
        "approval_id": approval_id,
        "run_id": run_id,
        "login": decision.approver.login,
        "user_id": decision.approver.user_id,
        "teams": list(decision.teams),
        "verdict": decision.verdict.value,
        "digest": decision.digest,
        "comment": decision.comment,
        "form": decision.form,
        "nonce": decision.nonce,
        "expires_at": decision.expires_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return canonical_json(content)


def canonical_json(value: Mapping[str, object]) -> bytes:
    """Return JSON that is the same for the same value, byte for byte."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
