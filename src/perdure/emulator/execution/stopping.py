"""Asking what runs to stop: by a person, or because its time is over."""

import asyncio
from enum import StrEnum


class StopReason(StrEnum):
    """Why something has to stop."""

    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"
    KILLED = "killed"


class Stop:
    """A request to stop one step; it reaches the steps inside it, and is not taken back.

    ``KILLED`` outranks the other reasons: it comes without a chance to clean up.
    """

    def __init__(self, outer: "Stop | None" = None) -> None:
        self.reason: StopReason | None = None
        self._requested = asyncio.Event()
        self._killed = asyncio.Event()
        self._inner: list[Stop] = []
        if outer is not None:
            outer._inner.append(self)
            if outer.reason is not None:
                self.request(outer.reason)

    def request(self, reason: StopReason) -> None:
        """Ask to stop, and whatever runs inside too."""
        if self.reason is None or reason is StopReason.KILLED:
            self.reason = reason
        self._requested.set()
        if reason is StopReason.KILLED:
            self._killed.set()
        for inner in self._inner:
            inner.request(reason)

    async def requested(self) -> None:
        """Wait until asked to stop."""
        await self._requested.wait()

    async def killed(self) -> None:
        """Wait until asked to stop at once."""
        await self._killed.wait()
