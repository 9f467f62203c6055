"""GitHub's primary rate limit: so many requests an hour for each installation or person.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(hours=1)


@dataclass
class Quota:
    """What one client has used in its current hour."""

    limit: int
    used: int
    reset_at: datetime

    @property
    def remaining(self) -> int:
        """Requests left until the reset."""
        return max(self.limit - self.used, 0)

    def headers(self) -> dict[str, str]:
        """Return the ``x-ratelimit-*`` headers."""
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(int(self.reset_at.timestamp())),
            "x-ratelimit-resource": "core",
        }

    def body(self) -> dict[str, int]:
        """Return it as ``/rate_limit`` shows it."""
        reset = int(self.reset_at.timestamp())
        return {"limit": self.limit, "used": self.used, "remaining": self.remaining, "reset": reset}


class RateLimits:
    """The quotas of all clients."""

    def __init__(self, limit: int, clock: Callable[[], datetime]) -> None:
        self.limit = limit
        self._clock = clock
        self._quotas: dict[str, Quota] = {}

    def quota(self, key: str) -> Quota:
        """Return a client's quota, a fresh one after its reset."""
        now = self._clock()
        found = self._quotas.get(key)
        if found is None or found.reset_at <= now:
            found = Quota(self.limit, 0, now + WINDOW)
            self._quotas[key] = found
        return found

    def exhaust(self, key_part: str = "", *, reset_in: timedelta = WINDOW) -> None:
        """Use up the quota of every client whose key contains ``key_part``, as other users of it might."""
        for key in list(self._quotas):
            if key_part in key:
                self._quotas[key] = Quota(self.limit, self.limit, self._clock() + reset_in)
