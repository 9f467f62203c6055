"""Concurrency groups: who has one, who is next, and that nobody is lost."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.model.locks import LockPolicy, LockRequest, LockState, NewsKind, alive, asked, lock_id, over


def request(name, policy=LockPolicy.QUEUE):
    return LockRequest(request_id=name, workflow_id=f"w-{name}", run_id="1", policy=policy)


def told(news):
    return [(one.request.request_id, one.kind.value) for one in news]


def test_one_at_a_time_in_their_order():
    """The next has it once the one before has given it back."""
    state, news = asked(LockState(), request("a"))
    assert told(news) == [("a", "granted")]
    for name in "bc":
        state, news = asked(state, request(name))
        assert not news
    state, news = over(state, {"a"})
    assert told(news) == [("b", "granted")]
    state, news = over(state, {"b"})
    assert told(news) == [("c", "granted")]
    assert over(state, {"c"})[0].is_idle


def test_a_request_that_comes_late_is_not_asked_anew():
    """What was given back, or given up before it arrived, holds nothing up."""
    state, _ = over(LockState(), {"a"})
    assert asked(state, request("a")) == (state, ())


def test_refusing_is_decided_once_the_holder_is_known_to_be_alive():
    """A dead holder refuses nobody."""
    state, _ = asked(LockState(), request("a"))
    doubtful, news = asked(state, request("b", LockPolicy.REFUSE))
    assert not news
    assert told(alive(doubtful)[1]) == [("b", "refused")]
    assert told(over(doubtful, {"a"})[1]) == [("b", "granted")]


def test_the_newest_takes_over():
    """Those who are older are told; the group is free once its holder has left it."""
    state, _ = asked(LockState(), request("a"))
    state, _ = asked(state, request("b"))
    state, news = asked(state, request("c", LockPolicy.CANCEL_OLDER))
    assert told(news) == [("a", "superseded"), ("b", "superseded")]
    assert state.holder == request("a")
    assert told(over(state, {"a"})[1]) == [("c", "granted")]


def test_a_group_may_have_any_name():
    """Temporal's ids are at most 1,000 bytes long."""
    assert lock_id("release") == "lock/release"
    assert len(lock_id("ä" * 800)) < 100


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["ask", "again", "leave", "die", "look"]),
        st.integers(0, 7),
        st.sampled_from(LockPolicy),
    ),
    max_size=40,
)


class Checked:
    """A group that looks at itself after each move."""

    def __init__(self):
        self.state = LockState()
        self.requests = {}
        self.inside = set()
        self.ended = Counter()

    def move(self, kind, name, policy):
        if kind == "ask":
            self.requests.setdefault(name, request(name, policy))
            self.take(asked(self.state, self.requests[name]))
        elif kind == "look":
            self.take(alive(self.state))
        elif name in self.requests and kind == "again":
            self.take(asked(self.state, self.requests[name]))
        elif name in self.requests:
            self.leave(name)

    def leave(self, name):
        self.ended.setdefault(name, 1)
        self.take(over(self.state, {name}))

    def take(self, step):
        self.state, news = step
        for one in news:
            name = one.request.request_id
            if one.kind is NewsKind.GRANTED:
                self.inside.add(name)
            elif name not in self.inside:
                self.ended[name] += 1
        assert len([one for one in self.inside if one not in self.ended]) <= 1
        assert self.state.holder is None or self.state.holder.request_id in self.inside
        assert self.state.holder is not None or self.state.is_idle


@settings(max_examples=600, deadline=None)
@given(MOVES)
def test_never_two_holders_and_nobody_is_lost(moves):
    """Whatever comes in whatever order: one holder at most, and each request leaves exactly one way."""
    group = Checked()
    for kind, number, policy in moves:
        group.move(kind, str(number), policy)
    while group.state.holder is not None:
        group.leave(group.state.holder.request_id)
    assert group.state.is_idle
    assert group.ended == Counter(dict.fromkeys(group.requests, 1))
