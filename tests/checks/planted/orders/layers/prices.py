"""Four more calls down to the clock."""

from functools import partial

from .rates import Rates


def total(items: list[int]) -> float:
    return sum(map(partial(price, rates=Rates()), items))  # expect: clock


def price(item: int, rates: Rates) -> float:
    return rates.today(item)
