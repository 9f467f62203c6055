"""On whose account a review goes, and what may be spent there."""

from dataclasses import dataclass, field
from typing import Final

from perdure.ai.ledger import Budgets
from perdure.config import ReviewSettings
from perdure.model.budgets import MILLION, BudgetDecision, Limit

_OVER: Final = {
    Limit.REVIEW: "over this review's budget",
    Limit.ORGANISATION: "over the organisation's budget for today",
    Limit.DAY: "over the budget for today",
}


@dataclass(frozen=True)
class Spending:
    """On whose account a review goes.

    Attributes:
        review: What the budget of one review is kept for.
        organisation: Whose budget it is.
        budgets: What may be spent.
    """

    review: str
    organisation: str = ""
    budgets: Budgets = field(default_factory=Budgets)


def budgets_of(settings: ReviewSettings, *, of_review: int | None, granted: int) -> Budgets:
    """Return what may be spent, in millionths of a US dollar.

    Args:
        settings: The worker's.
        of_review: What the review itself says it may cost.
        granted: What a person allowed beyond all of it.
    """

    def least(*limits: int | None) -> int | None:
        known = [limit for limit in limits if limit is not None]
        return min(known) + granted if known else None

    return Budgets(
        review=least(_millionths(settings.budget_per_review), of_review),
        organisation=least(_millionths(settings.budget_per_organisation)),
        day=least(_millionths(settings.budget_per_day)),
    )


def over_budget(decision: BudgetDecision) -> str:
    """Return why there is no room for a call."""
    return _OVER[decision.limit or Limit.REVIEW]


def _millionths(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * MILLION)
