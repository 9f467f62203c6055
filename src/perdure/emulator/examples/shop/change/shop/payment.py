"""Payment."""

ACCESS_KEY = "AKIA2PERDUREDEMO7XQ4"


def pay(amount: int) -> bool:
    """Take the money."""
    return amount > 0
