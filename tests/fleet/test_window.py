"""What a fleet does next, when it alerts, and what names an item."""

import pytest
from pydantic import ValidationError

from perdure.errors import ExpressionError
from perdure.model.fleet import Tier, Work, cost_of, item_key, pages_of, placed
from perdure.model.fleet_progress import Counts, FleetConclusion, FleetOptions, OrganizationInput
from perdure.model.fleet_window import Move, Window, conclusion_of, is_alerting, next_move
from perdure.pipeline.fleet_template import render_item

OPTIONS = FleetOptions(work=Work(workflow="X"), max_parallel=3, chunk_size=10)


@pytest.mark.parametrize(
    ("window", "move"),
    [
        (Window(more=True), Move.READ),
        (Window(more=True, reading=True), Move.WAIT),
        (Window(waiting=5, running=2), Move.START),
        (Window(waiting=5, running=3), Move.WAIT),
        (Window(waiting=2, running=3, more=True), Move.READ),
        (Window(waiting=3, running=3, more=True), Move.WAIT),
        (Window(waiting=5, stopped=True), Move.WAIT),
        (Window(waiting=5, running=2, unkept=10), Move.KEEP),
        (Window(waiting=5, running=2, unkept=1, is_heavy=True), Move.KEEP),
        (Window(waiting=5, running=2, unkept=10, keeping=True), Move.START),
        (Window(unkept=1), Move.KEEP),
        (Window(unkept=1, running=1), Move.WAIT),
        (Window(), Move.END),
        (Window(keeping=True), Move.WAIT),
        (Window(running=2, ending=True, waiting=5, more=True), Move.WAIT),
        (Window(ending=True, waiting=5, more=True), Move.END),
        (Window(must_alert=True, running=1), Move.ALERT),
        (Window(must_alert=True, alerting=True), Move.WAIT),
        (Window(history_is_long=True, waiting=5, running=2), Move.CONTINUE),
        (Window(history_is_long=True, waiting=5, running=2, starting=1), Move.WAIT),
        (Window(history_is_long=True, waiting=5, running=2, reading=True), Move.WAIT),
        (Window(history_is_long=True, waiting=5, running=2, survives=False), Move.WAIT),
        (Window(history_is_long=True, waiting=5, survives=False), Move.CONTINUE),
        (Window(history_is_long=True, running=2), Move.WAIT),
        (Window(history_is_long=True, waiting=5, ending=True), Move.END),
    ],
)
def test_there_is_one_next_move(window, move):
    """The window is filled and never exceeded, results are kept by the chunk, histories are cut when safe."""
    assert next_move(window, OPTIONS) is move


@pytest.mark.parametrize(
    ("counts", "is_over", "alerts"),
    [
        (Counts(total=100, failed=25), False, False),
        (Counts(total=100, failed=26), False, True),
        (Counts(failed=5), False, False),
        (Counts(failed=5, succeeded=5), True, True),
        (Counts(failed=1, succeeded=3), True, False),
        (Counts(total=0), True, False),
    ],
)
def test_an_alert_comes_as_soon_as_it_is_certain(counts, is_over, alerts):
    """A quarter is tolerated and no more; of a list of unknown length nothing is said before its end."""
    assert is_alerting(counts, 0.25, is_over=is_over) is alerts


def test_a_conclusion_tells_tolerated_failures_from_none():
    """Nothing that failed is called a success."""
    assert conclusion_of(Counts(succeeded=4), 0.25, cancelled=False) is FleetConclusion.SUCCESS
    assert conclusion_of(Counts(succeeded=3, failed=1), 0.25, cancelled=False) is FleetConclusion.PARTIAL
    assert conclusion_of(Counts(succeeded=2, failed=2), 0.25, cancelled=False) is FleetConclusion.FAILURE
    assert conclusion_of(Counts(succeeded=4), 0.25, cancelled=True) is FleetConclusion.CANCELLED


def test_an_item_is_named_by_what_people_know_it_by():
    """Its text, or its mapping's name; a digest that never changes where it has none."""
    assert item_key("acme/one") == "acme/one"
    assert item_key(7) == "7"
    assert item_key({"repository": "acme/one", "name": "x"}) == "acme/one"
    assert item_key({"b": 1, "a": [2]}) == item_key({"a": [2], "b": 1})
    assert len(item_key("x" * 5_000)) == 24
    assert item_key("a\nb") != item_key("a b")


def test_places_go_on_where_the_page_before_stopped():
    """The place of an item in the list does not depend on how the list is read."""
    assert [one.index for one in placed(("a", "b"), 5)] == [5, 6]


def test_a_long_list_travels_in_parts_that_hold_all_of_it():
    """No part is larger than what travels at once, and nothing is lost between two."""
    values = [f"{n}-" + "x" * 1_000 for n in range(400)]
    pages = list(pages_of(values))
    assert len(pages) > 2
    assert [value for page in pages for value in page] == values


@pytest.mark.parametrize(
    ("value", "cost"),
    [
        ({"cost": 7}, 7),
        ({"usage": {"cost": 9}, "cost": 7}, 9),
        ({"cost": "7"}, 0),
        ({"cost": True}, 0),
        ({"cost": -1}, 0),
        ("7", 0),
    ],
)
def test_a_result_says_what_it_cost(value, cost):
    """Whole millionths of a dollar count, and nothing that only looks like it."""
    assert cost_of(value) == cost


def test_a_template_puts_the_item_in():
    """An expression alone keeps its type, one within a text becomes text."""
    item = {"name": "one", "size": 3, "tags": ["a"]}
    assert render_item({"all": "${{ item }}", "n": "${{ item.size }}"}, item) == {"all": item, "n": 3}
    assert render_item(["is ${{ item.name }}, ${{item.size}}"], item) == ["is one, 3"]
    with pytest.raises(ExpressionError, match="this item has no 'nmae'"):
        render_item("${{ item.nmae }}", item)
    with pytest.raises(ExpressionError, match="a list cannot become text"):
        render_item("x ${{ item.tags }}", item)


def test_an_organisation_works_on_the_queue_of_its_tier_and_takes_turns():
    """The pattern names the queue, and the organisation is the fairness key."""
    input = OrganizationInput(organization="acme", tier=Tier.PRO, work=Work(workflow="X", input="i"))
    fleet = input.as_fleet()
    assert (fleet.work.task_queue, fleet.work.fairness_key) == ("perdure-review-pro", "acme")
    assert (fleet.name, fleet.items.organization, fleet.work.input) == ("acme", "acme", "i")
    other = input.model_copy(update={"tier_queue": "own-{tier}-queue"}).as_fleet()
    assert other.work.task_queue == "own-pro-queue"


@pytest.mark.parametrize("work", [{}, {"workflow": "X", "activity": "y"}])
def test_work_is_one_thing(work):
    """Nothing, or two things at once, could not be started."""
    with pytest.raises(ValidationError, match="one thing"):
        Work(**work)


def test_an_unknown_tier_is_refused():
    """There is no worker for a tier that nobody knows."""
    with pytest.raises(ValidationError, match="starter"):
        OrganizationInput.model_validate({"organization": "acme", "tier": "gold", "work": {"workflow": "X"}})
