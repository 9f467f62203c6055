"""The line in which requests wait for their turn: one for each installation."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from perdure.errors import GitHubRateLimitedError
from perdure.github._answers import Answer, RateLimit, rate_limit_of, retry_after_of
from perdure.github.pacing import READS_AT_ONCE, Urgency, exhausted_for, newer, spacing

PATIENCE: Final = 5.0
"""Seconds. Who would have to wait longer for GitHub's limits is told so, and sends nothing."""

_LONGEST_IN_LINE: Final = 300.0
"""Seconds after which those who give way to everybody are told to come back."""

_FIRST_ANSWER_WITHIN: Final = 2.0
"""Seconds for which reads wait for the first answer: it tells how many more there may be."""

_LOOK_AGAIN: Final = 1.0
"""Seconds. An answer, which is waited for, has the line served at once."""

_Place = asyncio.Future[None]


class Pacer:
    """Lets requests go as GitHub's limits allow.

    Attributes:
        quotas: As they were told last, by whose they are.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Measure resets by this clock: GitHub's."""
        self.quotas: dict[str, RateLimit] = {}
        self._now = now
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def turn(
        self, identity: str, repository: str | None, urgency: Urgency
    ) -> AsyncIterator[Callable[[Answer], None]]:
        """Wait in line, run the block as one request, and have the yielded function learn its answer.

        Raises:
            GitHubRateLimitedError: GitHub's limits do not allow it for a while. Nothing was sent.
        """
        line = self._lines.get(identity)
        if line is None:
            line = self._lines[identity] = _Line(identity, self.quotas, self._now)
        await line.enter((repository or "").lower(), urgency)
        try:
            yield lambda answer: line.learn(answer, urgency)
        finally:
            line.leave(urgency)


class _Line:
    """Those who wait for one installation's quota, and those who are under way."""

    def __init__(self, identity: str, quotas: dict[str, RateLimit], now: Callable[[], datetime]) -> None:
        self._identity = identity
        self._quotas = quotas
        self._now = now
        self._clock = asyncio.get_running_loop().time
        self._waiting: dict[Urgency, OrderedDict[str, deque[_Place]]] = {}
        self._under_way: Counter[Urgency] = Counter()
        self._first_sent_at: float | None = None
        self._answered = False
        self._held_until: datetime | None = None
        self._watch_spent_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self, repository: str, urgency: Urgency) -> None:
        """Wait for a turn."""
        if (seconds := self._forbidden(urgency)) > PATIENCE:
            raise self._limited(seconds)
        if not self._anybody_before(urgency) and not seconds and not self._crowded(urgency):
            self._begin(urgency)
            return
        place: _Place = asyncio.get_running_loop().create_future()
        of_urgency = self._waiting.setdefault(urgency, OrderedDict())
        of_urgency.setdefault(repository, deque()).append(place)
        self._serve()
        try:
            async with asyncio.timeout(_LONGEST_IN_LINE):
                await place
        except BaseException as error:
            self._give_up(place, urgency, repository)
            if isinstance(error, TimeoutError):
                raise self._limited(_LONGEST_IN_LINE) from None
            raise

    def learn(self, answer: Answer, urgency: Urgency) -> None:
        """Take note of what an answer tells of the limits."""
        self._answered = True
        quota = rate_limit_of(answer.headers)
        if quota is not None and quota.resource == "core":
            self._quotas[self._identity] = newer(self._quotas.get(self._identity), quota, self._now())
        if (seconds := retry_after_of(answer)) is not None:
            self._held_until = self._now() + timedelta(seconds=seconds)
        if urgency is Urgency.WATCH and answer.status != 304:
            self._watch_spent_at = self._clock()

    def leave(self, urgency: Urgency) -> None:
        """Make room for the next."""
        self._under_way[urgency] -= 1
        self._serve()

    def _begin(self, urgency: Urgency) -> None:
        self._under_way[urgency] += 1
        if self._first_sent_at is None:
            self._first_sent_at = self._clock()

    def _serve(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for urgency in sorted(self._waiting, reverse=True):
            places = self._waiting[urgency]
            while places:
                seconds = self._forbidden(urgency)
                if seconds <= PATIENCE and (seconds := seconds or self._crowded(urgency)):
                    # Who is less urgent has no better reason to go.
                    self._timer = asyncio.get_running_loop().call_later(min(seconds, PATIENCE), self._serve)
                    return
                place = self._next(places)
                if place.done():
                    # Cancelled just now.
                    continue
                if seconds:
                    place.set_exception(self._limited(seconds))
                else:
                    self._begin(urgency)
                    place.set_result(None)

    @staticmethod
    def _next(places: OrderedDict[str, deque[_Place]]) -> _Place:
        """Take the next place, one of each repository in turn."""
        repository, of_repository = next(iter(places.items()))
        place = of_repository.popleft()
        if of_repository:
            places.move_to_end(repository)
        else:
            del places[repository]
        return place

    def _give_up(self, place: _Place, urgency: Urgency, repository: str) -> None:
        of_repository = self._waiting[urgency].get(repository)
        if of_repository is not None and place in of_repository:
            of_repository.remove(place)
            if not of_repository:
                del self._waiting[urgency][repository]
        elif place.done() and not place.cancelled() and place.exception() is None:
            # Its turn came in the moment in which it was cancelled.
            self.leave(urgency)

    def _anybody_before(self, urgency: Urgency) -> bool:
        return any(places for other, places in self._waiting.items() if other >= urgency)

    def _forbidden(self, urgency: Urgency) -> float:
        """Return for how many seconds GitHub's limits forbid such a request."""
        now = self._now()
        held = (self._held_until - now).total_seconds() if self._held_until else 0.0
        return max(held, exhausted_for(self._quotas.get(self._identity), urgency, now), 0.0)

    def _crowded(self, urgency: Urgency) -> float:
        """Return for how many seconds at most to wait for what others are about."""
        quota, now, clock = self._quotas.get(self._identity), self._now(), self._clock()
        under_way = self._under_way.total()
        if exhausted_for(quota, urgency, now, in_flight=under_way):
            return _LOOK_AGAIN
        if urgency >= Urgency.CHANGE:
            return 0.0
        if under_way >= READS_AT_ONCE:
            return _LOOK_AGAIN
        if under_way and not self._answered and self._first_sent_at is not None:
            return max(self._first_sent_at + _FIRST_ANSWER_WITHIN - clock, 0.0)
        if urgency is Urgency.WATCH and (pause := spacing(quota, now)):
            if self._under_way[Urgency.WATCH]:
                return _LOOK_AGAIN
            return max(self._watch_spent_at + pause - clock, 0.0)
        return 0.0

    def _limited(self, seconds: float) -> GitHubRateLimitedError:
        return GitHubRateLimitedError(
            f"GitHub's limits leave nothing for this request of {self._identity} for {seconds:.0f} s;"
            " nothing was sent",
            retry_after_seconds=max(seconds, 1.0),
        )
