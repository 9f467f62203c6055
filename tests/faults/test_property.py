"""Whatever happens around a dispatch, there is exactly one run.

A seed is one integer that stands for everything that goes wrong: see ``plans.py``. Live through one alone
with ``SEED=N .venv/bin/pytest tests/faults/test_property.py -k one_run``.
"""

import os

import pytest

from faults.plans import draw
from faults.seeds import Outcome, open_city

FOUND: tuple[int, ...] = ()
"""Seeds that have found something: always lived through."""

FIRST_OF_MANY = 1_000

_ALONE = os.environ.get("SEED")


def seeds(first: int, count: int) -> list[int]:
    """Return the seeds that a test lives through, or the one that was asked for."""
    return [int(_ALONE)] if _ALONE else sorted({*FOUND, *range(first, first + count)})


def told(outcomes: list[Outcome]) -> str:
    """Tell what went wrong, with everything that is needed to see it again."""
    return "\n\n".join(
        f"seed {outcome.plan.seed}: {outcome.error!r}\n  {outcome.plan}\n"
        + "".join(f"    {note}\n" for note in outcome.notes)
        + f"  alone: SEED={outcome.plan.seed} .venv/bin/pytest tests/faults/test_property.py -k one_run"
        for outcome in outcomes
        if outcome.error is not None
    )


@pytest.mark.timeout(300)
async def test_whatever_happens_around_a_dispatch_there_is_one_run(tmp_path):
    """Lost answers, errors, time-outs, killed workers and late lists: one run, and its own conclusion."""
    await live_through(seeds(0, 8), tmp_path)


@pytest.mark.faults
@pytest.mark.timeout(1_800)
async def test_many_seeds(tmp_path):
    """The same for as many seeds as are asked for: ``SEEDS=N make faults``."""
    await live_through(seeds(FIRST_OF_MANY, int(os.environ.get("SEEDS", "200"))), tmp_path)


def test_a_seed_always_means_the_same():
    """A seed that is printed can be lived through again."""
    assert [draw(seed) for seed in range(50)] == [draw(seed) for seed in range(50)]


async def live_through(wanted: list[int], folder) -> None:
    async with open_city(folder) as city:
        outcomes = await city.live_through([draw(seed) for seed in wanted])
    assert not told(outcomes), told(outcomes)
    planned = [outcome for outcome in outcomes if outcome.plan.killing]
    killed = [outcome for outcome in planned if outcome.killed]
    # A test in which nobody dies would pass as well; a moment that never comes in one seed is no fault.
    assert _ALONE or 2 * len(killed) >= len(planned), (
        f"only {len(killed)} of {len(planned)} workers were killed"
    )
