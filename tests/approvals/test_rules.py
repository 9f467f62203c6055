"""Which decision counts, and when it is enough: the rules alone."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from approvals.deciding import ALICE, BOB, CAROL, MALLORY, NOW, a_decision, a_request, after, opened
from perdure.model.approvals import How, OnTimeout, Person, Reason, Verdict
from perdure.model.ballots import Refusal, judge
from perdure.model.forms import FormField, filled_form

APPROVED, REJECTED = Verdict.APPROVED, Verdict.REJECTED
PERCENT = {"percent": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}}


def refusal(ballot, decision, how=How.SIGNED, now=NOW):
    refused = judge(ballot, decision, how, now)
    return refused.reason if refused else None


@pytest.mark.parametrize(
    ("person", "fields", "expected"),
    [
        pytest.param(ALICE, {}, None, id="named"),
        pytest.param(Person(login="ALICE", user_id=101), {}, None, id="logins-have-no-case"),
        pytest.param(CAROL, {"teams": ("acme/release",)}, None, id="in-a-named-team"),
        pytest.param(CAROL, {"teams": ("acme/other",)}, Refusal.NOT_ENTITLED, id="in-another-team"),
        pytest.param(CAROL, {"teams": ("evil/release",)}, Refusal.NOT_ENTITLED, id="same-team-elsewhere"),
        pytest.param(MALLORY, {}, Refusal.NOT_ENTITLED, id="a-stranger"),
        pytest.param(ALICE, {"digest": "sha256:older"}, Refusal.OTHER_DIGEST, id="an-older-plan"),
        pytest.param(ALICE, {"digest": ""}, Refusal.OTHER_DIGEST, id="about-nothing"),
        pytest.param(ALICE, {"expires_at": NOW}, Refusal.EXPIRED, id="expired-this-instant"),
        pytest.param(ALICE, {"form": {"percent": 10}}, Refusal.BAD_FORM, id="a-field-that-is-not-there"),
    ],
)
def test_who_may_decide_about_what(person, fields, expected):
    """The person is entitled, and decides in time about what is asked now."""
    ballot = opened(approvers=("alice", "bob", "team:acme/release"))
    assert refusal(ballot, a_decision(ballot.request, person, **fields)) is expected


@pytest.mark.parametrize(
    ("how", "approvers", "expected"),
    [
        (How.SIGNED, ("alice",), None),
        (How.LOCAL, ("alice",), None),
        (How.UNSIGNED, ("alice",), Refusal.NOT_SIGNED),
        (None, ("alice",), Refusal.NOT_SIGNED),
        (How.UNSIGNED, (), None),
        (None, (), Refusal.NOT_SIGNED),
    ],
)
def test_whose_word_is_taken(how, approvers, expected):
    """Unsigned counts where anybody may decide; a bad signature counts nowhere."""
    ballot = opened(approvers=approvers)
    assert refusal(ballot, a_decision(ballot.request), how) is expected


@pytest.mark.parametrize(
    ("requester", "person", "verdict", "expected"),
    [
        pytest.param(ALICE, ALICE, APPROVED, Refusal.SELF_APPROVAL, id="the-requester"),
        pytest.param(
            ALICE, Person(login="bob", user_id=101), APPROVED, Refusal.SELF_APPROVAL, id="renamed-meanwhile"
        ),
        pytest.param(ALICE, Person(login="alice", user_id=999), APPROVED, None, id="took-the-old-login"),
        pytest.param(Person(login="Alice"), ALICE, APPROVED, Refusal.SELF_APPROVAL, id="by-login-alone"),
        pytest.param(ALICE, Person(login="alice"), APPROVED, Refusal.SELF_APPROVAL, id="local-by-login"),
        pytest.param(ALICE, ALICE, REJECTED, None, id="rejecting-ones-own"),
        pytest.param(ALICE, BOB, APPROVED, None, id="somebody-else"),
        pytest.param(None, ALICE, APPROVED, None, id="nobody-known"),
    ],
)
def test_nobody_approves_what_they_started(requester, person, verdict, expected):
    """Persons are told apart by GitHub's number; logins can change hands."""
    ballot = opened(requester=requester)
    assert refusal(ballot, a_decision(ballot.request, person, verdict)) is expected


def test_the_requester_approves_where_that_is_allowed():
    """Separation of duties is a setting."""
    ballot = opened(requester=ALICE, prevent_self_approval=False)
    assert refusal(ballot, a_decision(ballot.request, ALICE)) is None


def test_a_quorum_approves():
    """Two of three: open after the first, approved with the second."""
    ballot = opened(approvers=("alice", "bob", "carol"), quorum=2)
    first = after(ballot, a_decision(ballot.request, ALICE))
    assert (first.is_open, first.approvals_missing, first.may_decide) == (True, 1, ("bob", "carol"))
    second = after(first, a_decision(ballot.request, BOB))
    assert (second.verdict, second.reason, second.may_decide) == (APPROVED, Reason.DECIDED, ())


def test_one_rejection_rejects():
    """Whoever approved before."""
    ballot = opened(quorum=2)
    ended = after(ballot, a_decision(ballot.request, ALICE), a_decision(ballot.request, BOB, REJECTED))
    assert (ended.verdict, ended.reason) == (REJECTED, Reason.DECIDED)


def test_nobody_decides_twice():
    """Not by another login either, nor the other way round."""
    ballot = after(opened(quorum=2), first := a_decision(a_request(quorum=2), ALICE))
    again = Person(login="bob", user_id=ALICE.user_id)
    assert refusal(ballot, a_decision(ballot.request, again)) is Refusal.DECIDED_ALREADY
    assert refusal(ballot, a_decision(ballot.request, ALICE, REJECTED)) is Refusal.DECIDED_ALREADY
    assert refusal(ballot, first) is Refusal.NONCE_USED


def test_a_nonce_is_spent_although_its_decision_was_refused():
    """A decision that was once refused does not count later."""
    ballot = opened(approvers=("bob",))
    early = a_decision(ballot.request, ALICE)
    assert refusal(ballot, early) is Refusal.NOT_ENTITLED
    later = ballot.with_used_nonce(early.nonce).model_copy(update={"approvers": ("alice", "bob")})
    assert refusal(later, early) is Refusal.NONCE_USED


@pytest.mark.parametrize(
    "end",
    [
        lambda ballot: after(ballot, a_decision(ballot.request, ALICE)),
        lambda ballot: after(ballot, a_decision(ballot.request, ALICE, REJECTED)),
        lambda ballot: ballot.at(ballot.deadline),
        lambda ballot: ballot.cancelled(),
    ],
    ids=["approved", "rejected", "expired", "cancelled"],
)
def test_what_is_over_stays_as_it_is(end):
    """Nothing that comes later changes it."""
    ballot = end(opened())
    assert refusal(ballot, a_decision(ballot.request, BOB)) is Refusal.OVER
    assert ballot.at(NOW + timedelta(days=30)) is ballot
    assert ballot.cancelled() is ballot


def test_a_decision_at_the_deadline_is_too_late():
    """Whether the timer has fired or not."""
    ballot = opened()
    decision = a_decision(ballot.request, expires_at=NOW + timedelta(days=9))
    assert refusal(ballot, decision, now=ballot.deadline - timedelta(microseconds=1)) is None
    assert refusal(ballot, decision, now=ballot.deadline) is Refusal.OVER


@pytest.mark.parametrize(
    ("on_timeout", "verdict"), [(OnTimeout.REJECT, REJECTED), (OnTimeout.APPROVE, APPROVED)]
)
def test_time_decides_where_nobody_does(on_timeout, verdict):
    """And says that it was time; a form then has its defaults."""
    ballot = opened(on_timeout=on_timeout, form=PERCENT)
    assert ballot.at(ballot.deadline - timedelta(seconds=1)) is ballot
    ended = ballot.at(ballot.deadline)
    assert (ended.verdict, ended.reason) == (verdict, Reason.TIMEOUT)
    assert ended.form == ({"percent": 10} if verdict is APPROVED else {})


def test_an_escalation_asks_others_once():
    """They have as long again, however late the escalation came; then it is rejected."""
    ballot = opened(
        approvers=("alice",), timeout=timedelta(hours=1), on_timeout="escalate", escalate_to=("carol",)
    )
    assert refusal(ballot, a_decision(ballot.request, CAROL)) is Refusal.NOT_ENTITLED
    late = NOW + timedelta(hours=5)
    escalated = ballot.at(late)
    assert (escalated.is_open, escalated.deadline) == (True, late + timedelta(hours=1))
    assert escalated.approvers == ("alice", "carol")
    decision = a_decision(ballot.request, CAROL, expires_at=late + timedelta(minutes=5))
    assert refusal(escalated, decision, now=late) is None
    ended = escalated.at(escalated.deadline)
    assert (ended.verdict, ended.reason) == (REJECTED, Reason.TIMEOUT)


def test_everybody_approves_the_same_form():
    """The second approver cannot be taken to approve what the first entered unseen."""
    ballot = opened(quorum=2, form=PERCENT)
    first = after(ballot, a_decision(ballot.request, ALICE, form={"percent": "50"}))
    assert first.form == {"percent": 50}
    unseen = judge(first, a_decision(ballot.request, BOB), How.SIGNED, NOW)
    assert unseen.reason is Refusal.BAD_FORM
    assert "alice approved with percent=50" in unseen.message
    assert after(first, a_decision(ballot.request, BOB, form={"percent": 50})).form == {"percent": 50}
    assert refusal(first, a_decision(ballot.request, BOB, REJECTED)) is None


@pytest.mark.parametrize(
    ("field", "given", "expected"),
    [
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, 7.0, 7),
        ({"type": "number"}, "1.5", 1.5),
        ({"type": "boolean"}, "True", True),
        ({"type": "string"}, "x", "x"),
        ({"type": "choice", "options": ("a", "b")}, "b", "b"),
        ({"type": "string", "pattern": "^v[0-9]+$"}, "v7", "v7"),
    ],
)
def test_a_form_reads_what_people_type(field, given, expected):
    """Texts are read as what the field holds."""
    filled = filled_form({"it": FormField.model_validate(field)}, {"it": given})
    assert filled == {"it": expected}
    assert type(filled["it"]) is type(expected)


@pytest.mark.parametrize(
    ("field", "given", "says"),
    [
        ({"type": "integer"}, True, "whole number"),
        ({"type": "integer"}, "7.5", "whole number"),
        ({"type": "integer", "minimum": 1}, 0, "at least 1"),
        ({"type": "integer", "maximum": 9}, 10, "at most 9"),
        ({"type": "number"}, float("nan"), "a finite number"),
        ({"type": "boolean"}, 1, "true or false"),
        ({"type": "choice", "options": ("a", "b")}, "c", "must be a or b"),
        ({"type": "string", "pattern": "^v"}, "x", "match"),
        ({"type": "string", "max_length": 2}, "abc", "at most 2"),
        ({"type": "string", "min_length": 2}, "a", "at least 2"),
        ({"type": "string"}, None, "filled in"),
    ],
)
def test_a_form_refuses_what_does_not_fit(field, given, says):
    """The message names the field and what it may hold."""
    with pytest.raises(ValueError, match=says) as caught:
        filled_form({"it": FormField.model_validate(field)}, {"it": given})
    assert str(caught.value).startswith("it: ")


def test_no_pattern_takes_long():
    """A pattern that makes other engines try for ever is matched in linear time."""
    field = FormField(pattern="^(a+)+$")
    with pytest.raises(ValueError, match="must match"):
        field.value("a" * 3_000 + "b")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"quorum": 3}, "needs 3 approvals, and only 2 may approve"),
        ({"approvers": ("alice",), "requester": ALICE}, "the requester does not count"),
        ({"on_timeout": "escalate"}, "escalate_to"),
        ({"escalate_to": ("carol",)}, "escalate_to"),
        ({"approvers": ("alice bob",)}, "pattern"),
        ({"approvers": ("team:acme",)}, "pattern"),
        ({"timeout": timedelta(0)}, "greater than 0"),
        ({"on_timeout": "approve", "form": {"percent": {"type": "integer"}}}, "needs a default"),
        ({"form": {"it": {"type": "choice"}}}, "a choice needs options"),
        ({"form": {"it": {"default": 7, "pattern": "("}}}, "no regular expression"),
        ({"form": {"it": {"type": "integer", "default": "x"}}}, "whole number"),
    ],
)
def test_a_request_that_nobody_could_decide_is_refused(fields, says):
    """Before anybody waits for it."""
    with pytest.raises(ValidationError, match=says):
        a_request(**fields)


def test_the_digest_is_the_plans_or_of_what_people_see():
    """Two approvals that show something else have different digests."""
    assert a_request(subject_digest="sha256:plan").digest == "sha256:plan"
    assert a_request().digest == a_request(approvers=("carol",)).digest
    assert a_request().digest != a_request(message="Delete?").digest
    assert a_request().digest != a_request(form=PERCENT).digest
