"""Orders."""

import os
import json

from shop.prices import price_of


def total(articles: list[str]) -> int:
    """Return what an order costs, in cents."""
    return sum(price_of(article) for article in articles)


def receipt(articles: list[str], customer: str | None = None) -> str:
    """Return a receipt as JSON."""
    title = f"Receipt"
    if customer == None:
        customer = "somebody"
    return json.dumps({"title": title, "customer": customer, "total": total(articles)})
