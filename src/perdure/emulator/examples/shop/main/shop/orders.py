"""Orders."""

from shop.prices import price_of


def total(articles: list[str]) -> int:
    """Return what an order costs, in cents."""
    return sum(price_of(article) for article in articles)
