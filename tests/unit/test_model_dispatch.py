from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import InvalidInputError, ReservedInputKeyError
from perdure.model.actions import ActionsRun, OnAmbiguity
from perdure.model.dispatch import (
    DispatchAnswer,
    DispatchMove,
    DispatchState,
    carries,
    check_caller_inputs,
    choose_actions_run,
    dispatch_id,
    next_dispatch_move,
)

HOLD, FAIL, AGAIN = OnAmbiguity.HOLD, OnAmbiguity.FAIL, OnAmbiguity.REDISPATCH
ANSWERS = ["started", "accepted", "not-sent", "later", "without-id", "ambiguous"]


def answer(kind):
    return DispatchAnswer(kind=kind, actions_run_id=7 if kind == "started" else None)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(DispatchState(), DispatchMove.POST, id="nothing-sent"),
        pytest.param(DispatchState(keyed=True), DispatchMove.LOOK, id="a-keyed-run-may-be-there"),
        pytest.param(DispatchState(keyed=True, looked=True), DispatchMove.POST, id="keyed-but-none-there"),
        pytest.param(DispatchState(answer=answer("started")), DispatchMove.DONE, id="run-named"),
        pytest.param(DispatchState(answer=answer("accepted")), DispatchMove.LOOK, id="accepted"),
        pytest.param(
            DispatchState(answer=answer("accepted"), looked=True),
            DispatchMove.GIVE_UP,
            id="accepted-but-never-listed-is-not-sent-again",
        ),
        pytest.param(
            DispatchState(answer=answer("accepted"), looked=True, on_ambiguity=HOLD),
            DispatchMove.ASK,
            id="accepted-never-listed-hold",
        ),
        pytest.param(DispatchState(answer=answer("not-sent")), DispatchMove.WAIT_AND_POST, id="not-sent"),
        pytest.param(DispatchState(answer=answer("later")), DispatchMove.WAIT_AND_POST, id="rate-limited"),
        pytest.param(DispatchState(answer=answer("without-id")), DispatchMove.POST, id="refused-the-id"),
        pytest.param(
            DispatchState(answer=answer("ambiguous")), DispatchMove.LOOK, id="look-before-repeating"
        ),
        pytest.param(
            DispatchState(answer=answer("ambiguous"), looked=True), DispatchMove.POST, id="redispatch"
        ),
        pytest.param(
            DispatchState(answer=answer("ambiguous"), looked=True, on_ambiguity=HOLD),
            DispatchMove.ASK,
            id="hold",
        ),
        pytest.param(
            DispatchState(answer=answer("ambiguous"), looked=True, on_ambiguity=FAIL),
            DispatchMove.GIVE_UP,
            id="fail",
        ),
        pytest.param(
            DispatchState(answer=answer("ambiguous"), looked=True, may_repeat=False),
            DispatchMove.ASK,
            id="a-run-without-id-is-never-repeated-alone",
        ),
        pytest.param(
            DispatchState(answer=answer("ambiguous"), looked=True, found=(3,)), DispatchMove.DONE, id="found"
        ),
    ],
)
def test_next_dispatch_move(state, expected):
    """What is known decides the one next move."""
    assert next_dispatch_move(state) is expected


@given(
    st.builds(
        DispatchState,
        answer=st.none() | st.sampled_from(ANSWERS).map(answer),
        looked=st.booleans(),
        found=st.lists(st.integers(1), max_size=2).map(tuple),
        keyed=st.booleans(),
        may_repeat=st.booleans(),
        on_ambiguity=st.sampled_from(OnAmbiguity),
    )
)
def test_nothing_is_sent_again_that_may_have_been_taken(state):
    """After an answer that leaves it open, a POST needs a whole grace time without a run, and the policy."""
    sends = next_dispatch_move(state) in {DispatchMove.POST, DispatchMove.WAIT_AND_POST}
    if sends and state.answer is not None:
        assert not state.found
        assert state.answer.kind not in {"started", "accepted"}
        if state.answer.kind == "ambiguous":
            assert state.looked
            assert state.may_repeat
            assert state.on_ambiguity is AGAIN


def test_the_dispatch_id_depends_on_every_part():
    """No two identities, steps or generations share an id, not even when their texts join to the same."""
    ids = {
        dispatch_id(("ns", "w", "r", "1"), step="", generation=0),
        dispatch_id(("ns", "w", "r", "1"), step="", generation=1),
        dispatch_id(("ns", "w", "r", "2"), step="", generation=0),
        dispatch_id(("ns", "wr", "", "1"), step="", generation=0),
        dispatch_id(("ns", "w", "r", "1"), step="s", generation=0),
        dispatch_id(("ns",), step="", generation=0),
    }
    assert len(ids) == 6


def test_the_dispatch_id_of_a_key_is_pinned():
    """Two engines, and two releases of Perdure, make the same id of the same key."""
    assert dispatch_id(("release-1.2.3",), step="deploy", generation=0) == "pdckcwethfjwrutmx6"


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("deploy [pdabc]", True),
        ("pdabc", True),
        ("Dispatch pdabc", True),
        ("deploy pdabcd", False),
        ("deploy xpdabc", False),
        ("deploy pdabc-1", False),
        ("", False),
        (None, False),
    ],
)
def test_an_id_is_matched_whole(text, carried):
    """A longer word that contains the id is another id."""
    assert carries(text, "pdabc") is carried


def test_an_empty_id_is_carried_by_nothing():
    """An empty id would match every run there is."""
    assert not carries("anything", "")


def test_the_reserved_input_is_refused():
    """A caller cannot set the id that ties a dispatch to its run."""
    with pytest.raises(ReservedInputKeyError, match="dispatch_id input is a reserved input key"):
        check_caller_inputs({"dispatch_id": "x"})


def test_too_many_inputs_are_refused():
    """One of GitHub's 25 is Perdure's."""
    check_caller_inputs({f"i{n}": "" for n in range(24)})
    with pytest.raises(InvalidInputError, match="25 inputs are too many"):
        check_caller_inputs({f"i{n}": "" for n in range(25)})


def test_too_long_inputs_are_refused():
    """GitHub counts all inputs together."""
    with pytest.raises(InvalidInputError, match="characters together"):
        check_caller_inputs({"big": "x" * 66_000})


def test_of_two_runs_the_lower_number_is_kept():
    """The order of GitHub's list does not matter."""

    def actions_run(number):
        return ActionsRun(
            repository="o/r",
            actions_run_id=100 - number,
            actions_run_number=number,
            status="queued",
            html_url="",
            created_at=datetime.now(UTC) - timedelta(number),
        )

    kept, duplicates = choose_actions_run([actions_run(9), actions_run(4), actions_run(6)])
    assert kept.actions_run_number == 4
    assert [run.actions_run_number for run in duplicates] == [6, 9]
