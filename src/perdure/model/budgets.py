"""What reviews may cost: prices, the worst case of a call, and whether a budget still has room for it.

A call's worst case is reserved before it is made, and settled at what it really cost. A budget that only
counted what was paid would be overrun by all calls that are under way at the same time.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from perdure.model.base import Model

MILLION = 1_000_000


class Price(Model):
    """What a model costs, in millionths of a US dollar for a million tokens.

    Attributes:
        input: Of what it reads.
        output: Of what it writes.
    """

    input: int = Field(ge=0)
    output: int = Field(ge=0)

    def cost(self, input_tokens: int, output_tokens: int) -> int:
        """Return what so many tokens cost, in millionths of a US dollar, rounded up."""
        return -(-(input_tokens * self.input + output_tokens * self.output) // MILLION)


class Limit(StrEnum):
    """Whose budget it is."""

    REVIEW = "review"
    ORGANISATION = "organisation"
    DAY = "day"


class Account(Model):
    """Where one budget stands, in millionths of a US dollar.

    Attributes:
        allowed: What may be spent.
        settled: What was spent.
        reserved: What calls that are under way may cost at worst.
    """

    limit: Limit
    allowed: int
    settled: int = 0
    reserved: int = 0


class Room(StrEnum):
    """Whether there is room for a call in all budgets."""

    YES = "yes"
    LATER = "later"
    """Not while others are under way; perhaps once they have turned out cheaper than they might."""
    NO = "no"


class BudgetDecision(Model):
    """What may be done about a call.

    Attributes:
        limit: The budget that has no room for it.
        left: What that one still has.
    """

    room: Room
    limit: Limit | None = None
    left: int = 0


def decide(worst: int, accounts: Sequence[Account]) -> BudgetDecision:
    """Say whether a call that costs so much at worst may be made."""
    later = None
    for account in accounts:
        left = account.allowed - account.settled
        if worst > left:
            return BudgetDecision(room=Room.NO, limit=account.limit, left=max(left, 0))
        if worst > left - account.reserved:
            later = BudgetDecision(room=Room.LATER, limit=account.limit, left=max(left - account.reserved, 0))
    return later or BudgetDecision(room=Room.YES)


def worst_case(price: Price, *, prompt_bytes: int, longest_answer: int, requests: int) -> int:
    """Return what asking a model costs at most, if each answer is useless and it is asked again.

    No token is shorter than a byte, and each request repeats the ones before it with their answers.

    Args:
        price: The model's.
        prompt_bytes: What it reads first.
        longest_answer: Tokens that it may write each time.
        requests: How often it is asked at most.
    """
    said_again = sum(number * (longest_answer + _COMPLAINT) for number in range(requests))
    return price.cost(requests * prompt_bytes + said_again, requests * longest_answer)


_COMPLAINT = 2_000
"""Tokens that tell a model what was wrong with its answer."""


def dollars(cost: int) -> str:
    """Return a cost in millionths of a US dollar as people write it."""
    return f"${cost / MILLION:,.4f}" if cost < MILLION else f"${cost / MILLION:,.2f}"
