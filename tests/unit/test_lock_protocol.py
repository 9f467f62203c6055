"""Concurrency groups as those who want one see them: with messages that come late, twice, or never.

The decisions of the lock are the real ones. What is acted here is the rest: the engine, which delivers
signals in any order, and the workflows that want the group, which wait, leave, give up and die.
"""

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from perdure.model.locks import LockPolicy, LockRequest, LockState, NewsKind, alive, asked, over

ASKING, INSIDE, OVER, DEAD = "asking", "inside", "over", "dead"
PICK = st.integers(0, 1_000)


class Group(RuleBasedStateMachine):
    """One group, and everybody who wants it."""

    def __init__(self):
        super().__init__()
        self.lock = None  # no workflow, before the first request and after the last
        self.requests = {}
        self.where = {}
        self.asks = deque()
        self.releases = deque()
        self.news = deque()

    def take(self, step):
        self.lock, news = step
        self.news += news

    def among(self, where, pick):
        names = [name for name, one in self.where.items() if one == where]
        return names[pick % len(names)] if names else None

    def end(self, name, where=OVER):
        self.where[name] = where
        if where == OVER:
            self.releases.append(name)

    @rule(policy=st.sampled_from(LockPolicy), times=st.integers(1, 2))
    def somebody_asks(self, policy, times):
        """An activity that is tried again asks twice."""
        name = f"r{len(self.requests)}"
        self.requests[name] = LockRequest(request_id=name, workflow_id=name, run_id="1", policy=policy)
        self.where[name] = ASKING
        self.asks.extend([name] * times)

    @rule(pick=PICK)
    def somebody_gives_up(self, pick):
        if name := self.among(ASKING, pick):
            self.end(name)

    @rule(pick=PICK)
    def the_one_inside_leaves(self, pick):
        if name := self.among(INSIDE, pick):
            self.end(name)

    @rule(pick=PICK, where=st.sampled_from([ASKING, INSIDE]))
    def somebody_dies(self, pick, where):
        """Terminated: without a word."""
        if name := self.among(where, pick):
            self.end(name, DEAD)

    @precondition(lambda self: self.asks)
    @rule(pick=PICK)
    def a_request_arrives(self, pick):
        """Starting the lock and asking it are one."""
        self.asks.rotate(-pick)
        name = self.asks.popleft()
        self.take(asked(self.lock or LockState(), self.requests[name]))

    @precondition(lambda self: self.releases)
    @rule(pick=PICK)
    def a_release_arrives(self, pick):
        """Where there is no lock it is lost."""
        self.releases.rotate(-pick)
        name = self.releases.popleft()
        if self.lock is not None:
            self.take(over(self.lock, {name}))

    @precondition(lambda self: self.news)
    @rule()
    def news_arrive(self):
        """The lock tells one after the other, and learns who cannot be told."""
        one = self.news.popleft()
        name = one.request.request_id
        match self.where[name], one.kind:
            case "dead", _:
                self.take(over(self.lock, {name}))
            case "asking", NewsKind.GRANTED:
                self.where[name] = INSIDE
            case (("asking" | "inside"), (NewsKind.REFUSED | NewsKind.SUPERSEDED)):
                self.end(name)
            case "over", NewsKind.GRANTED:
                self.releases.append(name)

    @precondition(lambda self: self.lock is not None and not self.news)
    @rule()
    def the_lock_looks_around(self):
        holder, doubtful = self.lock.holder, self.lock.doubtful
        gone = {one.request_id for one in self.lock.everybody if self.where[one.request_id] == DEAD}
        self.take(over(self.lock, gone))
        if doubtful and self.lock.holder == holder:
            self.take(alive(self.lock))

    @precondition(lambda self: self.lock is not None and self.lock.is_idle and not self.news)
    @rule()
    def the_idle_lock_ends(self):
        self.lock = None

    @invariant()
    def only_one_is_inside(self):
        """Whatever has come late, twice or not at all."""
        assert sum(one == INSIDE for one in self.where.values()) <= 1

    def teardown(self):
        """Once everything has arrived, and whoever is inside leaves, everybody has had their turn."""
        for _ in range(2 * len(self.requests) + 2):
            while self.asks or self.releases or self.news:
                if self.asks:
                    self.a_request_arrives(0)
                if self.releases:
                    self.a_release_arrives(0)
                if self.news:
                    self.news_arrive()
                self.only_one_is_inside()
            if self.lock is not None:
                self.the_lock_looks_around()
            self.the_one_inside_leaves(0)
        assert ASKING not in self.where.values()
        assert INSIDE not in self.where.values()
        assert self.lock is None or self.lock.is_idle


TestGroup = Group.TestCase
TestGroup.settings = settings(max_examples=600, stateful_step_count=40, deadline=None)
