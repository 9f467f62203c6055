"""Ctrl-C, SIGTERM and a closed terminal ask to stop; the second one does not ask."""

import asyncio
import signal
from types import TracebackType
from typing import Self

from perdure.cli import _errors
from perdure.engine.exits import leave

_ALWAYS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Sets an event at the first signal. At the second, when it is given a status, it ends the process.

    Args:
        at_once_status: The status at the second signal; ``None`` where an end in order is needed, because
            something would be left behind.
    """

    def __init__(self, *, at_once_status: int | None = None) -> None:
        self.event = asyncio.Event()
        self._at_once_status = at_once_status
        # `nohup` switches SIGHUP off, to stay when the terminal is closed.
        nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        self._heeded = _ALWAYS if nohup else (*_ALWAYS, signal.SIGHUP)

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for number in self._heeded:
            loop.add_signal_handler(number, self._asked)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in self._heeded:
            loop.remove_signal_handler(number)

    def _asked(self) -> None:
        if self.event.is_set():
            if self._at_once_status is not None:
                leave(self._at_once_status)
            return
        self.event.set()
        again = " (Ctrl-C again ends at once)" if self._at_once_status is not None else ""
        _errors.say(f"stopping{again}")
