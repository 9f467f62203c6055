"""What was asked of the emulator, for tests that count requests."""

from collections import Counter, deque
from dataclasses import asdict, dataclass

_KEPT = 20_000


@dataclass(frozen=True, kw_only=True)
class Served:
    """One request and its answer's status; 0 where the connection was dropped."""

    method: str
    path: str
    query: str
    status: int
    route: str
    client: str | None
    authorized: bool
    at: str
    user_agent: str


class RequestLog:
    """The latest requests, and counts of all of them."""

    def __init__(self) -> None:
        self.served: deque[Served] = deque(maxlen=_KEPT)
        self.counts: Counter[str] = Counter()

    def add(self, served: Served) -> None:
        """Note a request."""
        self.served.append(served)
        self.counts[f"{served.method} {served.route}"] += 1

    def count(self, method: str, path_part: str) -> int:
        """Count the requests of a method whose path contains ``path_part``."""
        return sum(1 for one in self.served if one.method == method and path_part in one.path)

    def clear(self) -> None:
        """Begin anew."""
        self.served.clear()
        self.counts.clear()

    def body(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "total": sum(self.counts.values()),
            "counts": dict(self.counts),
            "requests": [asdict(one) for one in self.served],
        }
