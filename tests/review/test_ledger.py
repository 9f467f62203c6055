"""What reviews cost: never more than allowed, whoever asks at the same time and whoever is killed."""

import asyncio
import sys
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.ai.ledger import Budgets, Call, Ledger
from perdure.ai.prices import price_of
from perdure.config import ModelEndpoint
from perdure.model.budgets import Account, Limit, Price, Room, decide, dollars, worst_case

MINUTE = timedelta(minutes=1)


def call(name="c", worst=10, review="r", organisation="acme"):
    return Call(call=name, review=review, organisation=organisation, model="m", worst=worst, longest=MINUTE)


@pytest.mark.parametrize(
    ("settled", "reserved", "room"),
    [(0, 0, Room.YES), (90, 0, Room.YES), (91, 0, Room.NO), (80, 15, Room.LATER), (200, 0, Room.NO)],
)
def test_room_is_what_is_left_at_worst(settled, reserved, room):
    """What others may still cost is waited for; what is spent is not."""
    account = Account(limit=Limit.DAY, allowed=100, settled=settled, reserved=reserved)
    assert decide(10, [account]).room is room


def test_the_budget_that_has_no_room_is_named():
    """A refusal of one budget counts more than a wait for another."""
    waits = Account(limit=Limit.REVIEW, allowed=100, settled=50, reserved=50)
    full = Account(limit=Limit.DAY, allowed=10, settled=7)
    decision = decide(5, [waits, full])
    assert (decision.room, decision.limit, decision.left) == (Room.NO, Limit.DAY, 3)


@given(
    prompt=st.integers(0, 100_000),
    longest=st.integers(1, 10_000),
    requests=st.integers(1, 4),
    answers=st.data(),
)
def test_no_call_costs_more_than_its_worst_case(prompt, longest, requests, answers):
    """Each request repeats what was said before, and no token is shorter than a byte."""
    price = Price(input=250_000, output=2_000_000)
    said, read, written = prompt, 0, 0
    for _ in range(requests):
        tokens = answers.draw(st.integers(0, longest))
        read, written, said = read + said, written + tokens, said + tokens + 2_000
    worst = worst_case(price, prompt_bytes=prompt, longest_answer=longest, requests=requests)
    assert price.cost(read, written) <= worst


async def test_settling_makes_room(tmp_path):
    """A call that cost less than it might leaves the rest to others."""
    ledger, budgets = Ledger(tmp_path / "ledger.db"), Budgets(review=15)
    first = await ledger.reserve(call("a"), budgets)
    waits = await ledger.reserve(call("b"), budgets)
    await ledger.settle(first.number, 3)
    second = await ledger.reserve(call("b"), budgets)

    assert [each.decision.room for each in (first, waits, second)] == [Room.YES, Room.LATER, Room.YES]
    assert await ledger.spent("r") == 13


async def test_each_budget_is_kept_for_its_own(tmp_path):
    """One review's, one organisation's, and everybody's."""
    ledger = Ledger(tmp_path / "ledger.db")

    async def room(budgets, **fields):
        reservation = await ledger.reserve(call(str(fields), **fields), budgets)
        if reservation.number is not None:
            await ledger.settle(reservation.number, 10)
        return reservation.decision.limit

    assert await room(Budgets(review=10), review="r1") is None
    assert await room(Budgets(review=10), review="r1", worst=1) is Limit.REVIEW
    assert await room(Budgets(review=10), review="r2") is None
    assert await room(Budgets(organisation=25), review="r3") is Limit.ORGANISATION
    assert await room(Budgets(organisation=25), organisation="other") is None
    assert await room(Budgets(day=30), organisation="third") is Limit.DAY


async def test_a_day_ends(tmp_path):
    """Yesterday's calls are not today's, and one review's stay its own."""
    now = [0.0]
    ledger = Ledger(tmp_path / "ledger.db", now=lambda: now[0])
    for day in range(3):
        now[0] = day * 86_400.0
        reservation = await ledger.reserve(call(str(day)), Budgets(day=10))
        assert reservation.decision.room is Room.YES
        await ledger.settle(reservation.number, 10)
    assert (await ledger.reserve(call("x"), Budgets(review=39))).decision.room is Room.NO


async def test_what_a_killed_worker_reserved_counts_as_spent(tmp_path):
    """Nobody knows whether the provider did the work: it counts after a while, or once it is done again."""
    now = [0.0]
    ledger = Ledger(tmp_path / "ledger.db", now=lambda: now[0])
    await ledger.reserve(call("lost"), Budgets())
    waits = await ledger.reserve(call("other"), Budgets(review=15))
    again = await ledger.reserve(call("lost", worst=5), Budgets(review=15))
    now[0] = 61.0
    late = await ledger.reserve(call("other"), Budgets(review=15))

    assert [each.decision.room for each in (waits, again, late)] == [Room.LATER, Room.YES, Room.NO]


async def test_processes_share_one_budget(tmp_path):
    """Four processes that reserve at once reserve no more than there is."""
    script = """
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from perdure.ai.ledger import Budgets, Call, Ledger

async def main():
    ledger, got = Ledger(Path(sys.argv[1])), 0
    for number in range(20):
        call = Call(call=f"{sys.argv[2]} {number}", review="r", organisation="", model="m",
                    worst=10, longest=timedelta(minutes=10))
        got += (await ledger.reserve(call, Budgets(day=305))).number is not None
    print(got)

asyncio.run(main())
"""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            str(tmp_path / "ledger.db"),
            str(number),
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(4)
    ]
    outputs = [await process.communicate() for process in started]
    assert sum(int(stdout) for stdout, _ in outputs) == 30


@pytest.mark.parametrize(
    ("endpoint", "price"),
    [
        ({"model": "openai:gpt-5-mini"}, (250_000, 2_000_000)),
        ({"model": "openai:gpt-5-mini-2025-08-07"}, (250_000, 2_000_000)),
        ({"model": "openai:gpt-5-minimal"}, None),
        ({"model": "openai:gpt-4o", "base_url": "http://127.0.0.1:8000/v1"}, None),
        ({"model": "openai:x", "input_price": 1, "output_price": 0}, (1_000_000, 0)),
        (
            {"model": "anthropic:claude-sonnet-4-5", "input_price": 9, "output_price": 9},
            (9_000_000, 9_000_000),
        ),
        ({"model": "anthropic:unheard-of"}, None),
    ],
)
def test_prices_are_of_the_providers_own_address_or_as_the_settings_say(endpoint, price):
    """A local server that calls its model gpt-4o does not cost what OpenAI's does."""
    found = price_of(ModelEndpoint(**endpoint))
    assert (found and (found.input, found.output)) == price


@pytest.mark.parametrize(("cost", "text"), [(0, "$0.0000"), (1_234, "$0.0012"), (12_345_678, "$12.35")])
def test_costs_are_shown_in_dollars(cost, text):
    """Small ones with enough digits to tell them apart."""
    assert dollars(cost) == text
