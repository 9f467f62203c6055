"""Who decides in a rehearsal, and with what."""

from datetime import UTC, datetime

import pytest

from perdure.engine.rehearsal_approvals import form_of, who_decides
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.approvals import ApprovalRequest, CountedDecision, How, Person, Verdict
from perdure.model.forms import FormField, filled_form

AT = datetime(2026, 1, 1, tzinfo=UTC)


def progress(approvers, *decided):
    decisions = tuple(
        CountedDecision(
            approver=Person(login=login), verdict=Verdict.APPROVED, how=How.LOCAL, at=AT,
            digest="d", nonce=login * 8, expires_at=AT,
        )
        for login in decided
    )  # fmt: skip
    return ApprovalProgress(
        id="approval/a", run_id="r", request=ApprovalRequest(message="?"), digest="d",
        approvers=approvers, deadline=AT, decisions=decisions,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("approvers", "decided", "next_one"),
    [
        (("alice", "bob"), (), "alice"),
        (("alice", "bob"), ("Alice",), "bob"),
        (("team:acme/release", "alice"), (), "alice"),
        (("team:acme/release", "alice"), ("alice",), "stand-in-1"),
        (("team:acme/release",), ("stand-in-1",), "stand-in-2"),
        ((), (), "stand-in-1"),
    ],
)
def test_people_who_are_named_decide_first_and_nobody_twice(approvers, decided, next_one):
    """Members of teams are played by stand-ins: nobody here knows who they are."""
    assert who_decides(progress(approvers, *decided)) == next_one


@pytest.mark.parametrize(
    "field",
    [
        FormField(type="string", min_length=3),
        FormField(type="integer", minimum=5, maximum=9),
        FormField(type="number", minimum=0.5),
        FormField(type="boolean"),
        FormField(type="choice", options=("low", "high")),
        FormField(type="string", default="as always"),
    ],
)
def test_a_form_is_filled_in_with_what_it_takes(field):
    """Whatever it asks for; what the scenario gives comes first."""
    assert filled_form({"a": field}, form_of({"a": field}, {})) == form_of({"a": field}, {})
    assert form_of({"a": field}, {"a": "mine"}) == {"a": "mine"}
