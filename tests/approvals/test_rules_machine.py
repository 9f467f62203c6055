"""Any order of decisions, time and cancellation, against the promises that an approval makes."""

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from approvals.deciding import ALICE, BOB, CAROL, MALLORY, NOW, a_decision, a_request
from perdure.model.approvals import How, OnTimeout, Person, Reason, Verdict
from perdure.model.ballots import Ballot, judge

PEOPLE = (ALICE, BOB, CAROL, MALLORY, Person(login="bob", user_id=ALICE.user_id), Person(login="alice"))
HOWS = (How.SIGNED, How.LOCAL, How.UNSIGNED, None)


class Approval(RuleBasedStateMachine):
    """Hands in decisions of all kinds, and keeps its own account of what may have counted."""

    @initialize(
        quorum=st.integers(1, 3),
        on_timeout=st.sampled_from(OnTimeout),
        requester=st.sampled_from([None, ALICE, CAROL, MALLORY]),
        anybody=st.booleans(),
    )
    def begin(self, quorum, on_timeout, requester, anybody):
        self.request = a_request(
            approvers=() if anybody else ("alice", "bob", "team:acme/release"),
            quorum=quorum,
            on_timeout=on_timeout,
            escalate_to=("mallory",) if on_timeout is OnTimeout.ESCALATE else (),
            requester=requester,
            timeout=timedelta(minutes=30),
        )
        self.now = NOW
        self.ballot = Ballot.opened(self.request, self.now)
        self.ended = None
        self.handed_in = []

    def hand_in(self, decision, how):
        before = self.ballot
        refused = judge(before, decision, how, self.now)
        if refused is None:
            self.check_counts(before, decision, how)
            self.ballot = before.with_decision(decision, how, self.now)
        self.handed_in.append((decision, how))

    def check_counts(self, before, decision, how):
        assert before.reason is None
        assert self.now < before.deadline
        assert how is not None
        assert decision.digest == self.request.digest
        assert self.now < decision.expires_at
        named = {"alice", "bob", *({"mallory"} if before.escalated else ())}
        entitled = decision.approver.login in named or "acme/release" in decision.teams
        assert not self.request.approvers or (entitled and how is not How.UNSIGNED)

    @rule(
        person=st.sampled_from(PEOPLE),
        verdict=st.sampled_from([Verdict.APPROVED, Verdict.APPROVED, Verdict.REJECTED]),
        how=st.sampled_from(HOWS),
        in_team=st.booleans(),
        older_plan=st.integers(0, 4),
        minutes=st.integers(-1, 20),
    )
    def decide(self, person, verdict, how, in_team, older_plan, minutes):
        """Somebody decides, rightly or not."""
        fields = {"digest": "sha256:older"} if older_plan == 0 else {}
        decision = a_decision(
            self.request,
            person,
            verdict,
            teams=("acme/release",) if in_team and person == CAROL else (),
            expires_at=self.now + timedelta(minutes=minutes),
            **fields,
        )
        self.hand_in(decision, how)

    @rule(data=st.data())
    def replay(self, data):
        """Somebody hands in again what was handed in before."""
        if self.handed_in:
            self.hand_in(*data.draw(st.sampled_from(self.handed_in)))

    @rule(minutes=st.integers(1, 40), timer_fires=st.booleans())
    def wait(self, minutes, timer_fires):
        """Time passes; the timer may be late."""
        self.now += timedelta(minutes=minutes)
        if timer_fires:
            self.ballot = self.ballot.at(self.now)

    @rule()
    def cancel(self):
        """Whoever asked does not want to know any more."""
        self.ballot = self.ballot.cancelled()

    @invariant()
    def is_final(self):
        if self.ended is not None:
            assert self.ballot == self.ended
        elif not self.ballot.is_open:
            self.ended = self.ballot

    @invariant()
    def counts_each_once(self):
        decisions = self.ballot.decisions
        assert len({decision.nonce for decision in decisions}) == len(decisions)
        for number, decision in enumerate(decisions):
            assert not any(decision.approver.is_same_as(other.approver) for other in decisions[:number])

    @invariant()
    def says_what_was_decided(self):
        ballot, verdicts = self.ballot, [decision.verdict for decision in self.ballot.decisions]
        requester = self.request.requester
        assert not any(
            decision.verdict is Verdict.APPROVED and requester and requester.is_same_as(decision.approver)
            for decision in ballot.decisions
        )
        if ballot.reason is Reason.DECIDED:
            if ballot.verdict is Verdict.APPROVED:
                assert verdicts == [Verdict.APPROVED] * self.request.quorum
            else:
                assert verdicts.count(Verdict.REJECTED) == 1
                assert verdicts[-1] is Verdict.REJECTED
        else:
            assert Verdict.REJECTED not in verdicts
            assert len(verdicts) < self.request.quorum
        if ballot.reason is Reason.TIMEOUT:
            approves = self.request.on_timeout is OnTimeout.APPROVE
            assert ballot.verdict is (Verdict.APPROVED if approves else Verdict.REJECTED)
        if ballot.reason in {None, Reason.CANCELLED}:
            assert ballot.verdict is None


TestApproval = Approval.TestCase
TestApproval.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
