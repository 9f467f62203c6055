"""What models cost at their providers' own addresses.

Prices are of November 2026 and change without notice: an endpoint's ``input_price`` and ``output_price``
beat them. A model that is served elsewhere, even under a known name, has the price that its endpoint says, or
none.
"""

from typing import Final

from perdure.config import ModelEndpoint
from perdure.model.budgets import MILLION, Price

_DOLLARS: Final = {
    "anthropic:claude-haiku-4-5": (1, 5),
    "anthropic:claude-haiku-5-5": (0.1, 0.5),
    "anthropic:claude-opus-4-5": (5, 25),
    "anthropic:claude-opus-4-6": (5, 25),
    "anthropic:claude-opus-5": (5, 25),
    "anthropic:claude-opus-5-5": (4, 20),
    "anthropic:claude-sonnet-4-5": (3, 15),
    "anthropic:claude-sonnet-4-6": (3, 15),
    "anthropic:claude-sonnet-5": (2, 10),
    "anthropic:claude-sonnet-5-5": (2, 10),
    "openai:gpt-4.1": (2, 8),
    "openai:gpt-4.1-mini": (0.4, 1.6),
    "openai:gpt-4.1-nano": (0.1, 0.4),
    "openai:gpt-4o": (2.5, 10),
    "openai:gpt-4o-mini": (0.15, 0.6),
    "openai:gpt-5": (1.25, 10),
    "openai:gpt-5-mini": (0.25, 2),
    "openai:gpt-5-nano": (0.05, 0.4),
    "openai:gpt-5.1": (1.25, 10),
    "openai:gpt-5.2": (1.75, 14),
    "openai:gpt-5.4": (2.5, 15),
    "openai:gpt-5.4-mini": (0.75, 4.5),
    "openai:gpt-5.4-nano": (0.2, 1.25),
    "openai:gpt-5.5": (5, 30),
    "openai:gpt-5.6-luna": (0.2, 1.2),
    "openai:gpt-5.6-sol": (4, 20),
    "openai:gpt-5.6-terra": (2, 12),
    "openai:gpt-6-luna": (0.1, 0.5),
    "openai:gpt-6-sol": (2, 10),
    "openai:gpt-6.1-sol": (2, 10),
    "openai:gpt-6.1-terra": (1, 5),
    "openai:o3": (2, 8),
    "openai:o4-mini": (1.1, 4.4),
}
"""US dollars for a million tokens: read, written."""


def price_of(endpoint: ModelEndpoint) -> Price | None:
    """Return what a model costs there; ``None`` where nobody knows."""
    if endpoint.input_price is not None and endpoint.output_price is not None:
        return _price(endpoint.input_price, endpoint.output_price)
    if endpoint.base_url is not None:
        return None
    # A dated name, such as gpt-5-mini-2025-08-07, is the model that it is a date of.
    names = [
        name
        for name in _DOLLARS
        if endpoint.model == name or endpoint.model.startswith((f"{name}-2", f"{name}-latest"))
    ]
    return _price(*_DOLLARS[max(names, key=len)]) if names else None


def _price(read: float, written: float) -> Price:
    return Price(input=round(read * MILLION), output=round(written * MILLION))
