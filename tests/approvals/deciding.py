"""Makes decisions, as people, gateways and forgers do."""

import itertools
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from perdure.model.approvals import ApprovalRequest, Decision, How, Person, Verdict
from perdure.model.ballots import Ballot, judge
from perdure.web import SigningKey

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ALICE, BOB, CAROL, MALLORY = (
    Person(login=login, user_id=number)
    for number, login in enumerate(("alice", "bob", "carol", "mallory"), start=101)
)

_nonces = itertools.count()


def new_key():
    return SigningKey(Ed25519PrivateKey.generate())


def a_request(**fields):
    return ApprovalRequest.model_validate({"message": "Deploy?", "approvers": ("alice", "bob"), **fields})


def a_decision(request, person=ALICE, verdict=Verdict.APPROVED, **fields):
    """Return a decision that nobody has signed yet."""
    return Decision.model_validate(
        {
            "approver": person,
            "verdict": verdict,
            "digest": request.digest,
            "nonce": f"nonce-{next(_nonces):08}",
            "expires_at": NOW + timedelta(minutes=5),
            "how": How.SIGNED,
            **fields,
        }
    )


def after(ballot, *decisions, how=How.SIGNED, now=NOW):
    """Return the ballot after decisions that all count."""
    for decision in decisions:
        assert judge(ballot, decision, how, now) is None
        ballot = ballot.with_decision(decision, how, now)
    return ballot


def opened(**fields):
    return Ballot.opened(a_request(**fields), NOW)


def signed(key, progress, person=ALICE, verdict=Verdict.APPROVED, **fields):
    """Return what a gateway hands in for a person, about what it has seen."""
    decision = Decision.model_validate(
        {
            "approver": person,
            "verdict": verdict,
            "digest": progress.digest,
            "nonce": f"nonce-{next(_nonces):08}",
            "expires_at": datetime.now(UTC) + timedelta(minutes=5),
            **fields,
        }
    )
    return key.signed(decision, approval_id=progress.id, run_id=progress.run_id)
