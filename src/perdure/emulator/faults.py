"""What goes wrong on demand.

``fail_next`` breaks answers, before the request has had its effect or after it; ``next_run`` makes a run odd
in one of the ways seen at GitHub. Everything is used up in the order in which it was asked for.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from starlette.types import Receive, Scope, Send

TRANSPORT = "perdure.transport"
"""The ASGI extension under which the server passes on the connection."""

Kind = Literal[
    "status",
    "delay",
    "drop",
    "hang",
    "html",
    "empty",
    "truncated",
    "trickle",
    "huge",
    "secondary_limit",
]
Oddity = Literal[
    "zombie_queued",
    "zombie_in_progress",
    "never_starts",
    "never_started_cancelled",
    "startup_failure",
    "superseded",
    "fails",
    "hangs",
    "times_out",
]
"""The last three strike in the first step that each of the run's jobs comes to."""

CALLER_HEADER = "x-perdure-caller"
"""Says with a dispatch for whom the run is, so that a script can tell apart runs of the same file."""

_HTML = (
    b"<!DOCTYPE html><html><head><title>Unicorn! &middot; GitHub</title></head>"
    b"<body>This page is taking too long to load.</body></html>"
)
_SECONDARY_DOCS = (
    "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api"
    "#about-secondary-rate-limits"
)
_SECONDARY_MESSAGE = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach"
    " out to GitHub Support for help, please include the request ID E880:34AE38:99EF36D:13091B11:67568279."
)
_SECONDARY = json.dumps({"documentation_url": _SECONDARY_DOCS, "message": _SECONDARY_MESSAGE}).encode()
_HUGE = 32 * 1024 * 1024


class ConnectionDroppedError(ConnectionResetError):
    """The connection was closed without an answer; only in-process callers see this."""


@dataclass
class Fault:
    """One broken answer."""

    method: str
    path_part: str
    kind: Kind = "status"
    status: int = 502
    after_effect: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    delay: float = 0.0
    """Seconds before the answer, between the bytes of a ``trickle``, or until a ``hang`` is dropped.

    The kind ``delay`` does nothing else: the right answer comes late.
    """
    """Seconds before a ``status`` is answered, between the bytes of a ``trickle``, or until a ``hang`` is
    dropped.
    """
    times: int = 1

    def fits(self, method: str, path: str) -> bool:
        """Whether this request is to fail."""
        return self.times > 0 and self.method in (method, "*") and self.path_part in path


@dataclass
class RunFault:
    """One odd run."""

    oddity: Oddity
    workflow: str
    times: int = 1


class Faults:
    """Faults that wait for their request, and how often each kind has struck."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._runs: list[RunFault] = []
        self.script: Callable[[str], Oddity | None] | None = None
        """Asked first about each attempt of a run whose caller is known, by the caller's name."""
        self.struck: Counter[str] = Counter()
        self.list_lag: float | None = None
        """Seconds of list lag for new runs, in place of the timing's own."""
        self.list_lags: dict[str, float] = {}
        """The same for single repositories, by full name."""

    def fail_next(  # noqa: PLR0913 - keywords, most of them left out
        self,
        method: str,
        path_part: str,
        *,
        status: int = 502,
        after_effect: bool = False,
        kind: Kind = "status",
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        delay: float = 0.0,
    ) -> Fault:
        """Break the next answers to requests of this method (or ``*``) whose path contains ``path_part``."""
        if kind not in get_args(Kind):
            raise ValueError(f"no such kind of fault: {kind}; there are {', '.join(get_args(Kind))}")
        fault = Fault(method, path_part, kind, status, after_effect, dict(headers or {}), body, delay, times)
        self._waiting.append(fault)
        return fault

    def next_run(self, oddity: Oddity, *, workflow: str = "", times: int = 1) -> None:
        """Make the next runs of workflow files whose path contains ``workflow`` odd."""
        if oddity not in get_args(Oddity):
            raise ValueError(f"no such oddity: {oddity}; there are {', '.join(get_args(Oddity))}")
        self._runs.append(RunFault(oddity, workflow, times))

    def clear(self) -> None:
        """Forget every fault that has not struck."""
        self._waiting.clear()
        self._runs.clear()
        self.list_lag = None
        self.list_lags.clear()

    def list_lag_of(self, repository: str) -> float | None:
        """Return the list lag of a repository's new runs, or None for the timing's own."""
        return self.list_lags.get(repository, self.list_lag)

    def take(self, method: str, path: str) -> Fault | None:
        """Use up the first fault that fits a request."""
        for fault in self._waiting:
            if fault.fits(method, path):
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                self.struck[fault.kind] += 1
                return fault
        return None

    def take_run(self, workflow_path: str, caller: str = "") -> Oddity | None:
        """Use up the first oddity for a run of this file."""
        if caller and self.script is not None and (oddity := self.script(caller)) is not None:
            self.struck[oddity] += 1
            return oddity
        for fault in self._runs:
            if fault.workflow in workflow_path:
                fault.times -= 1
                if not fault.times:
                    self._runs.remove(fault)
                self.struck[fault.oddity] += 1
                return fault.oddity
        return None

    def add_from_json(self, wanted: Mapping[str, object]) -> None:
        """Take a fault as the test endpoint's JSON describes it.

        Raises:
            ValueError, TypeError: It describes none.
        """
        options = dict(wanted)
        if "list_lag" in options:
            lag = options.pop("list_lag")
            self.list_lag = None if lag is None else float(cast("float", lag))
        if "oddity" in options:
            self.next_run(**options)  # type: ignore[arg-type]
        elif options:
            self.fail_next(**options)  # type: ignore[arg-type]


async def answer_wrongly(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request as the fault says."""
    match fault.kind:
        case "drop":
            await _drop(scope, receive)
        case "hang":
            await _hang(fault, scope, receive)
        case "truncated":
            await _send(send, fault, b'{"message":', length=4096)
            await _drop(scope, receive)
        case "trickle":
            await _trickle(send, fault)
        case "huge":
            await _send(send, fault, b'"' + b"x" * _HUGE + b'"')
        case _:
            await asyncio.sleep(fault.delay)
            await _send(send, fault, _body(fault))


def _body(fault: Fault) -> bytes:
    if fault.body is not None:
        return fault.body.encode()
    match fault.kind:
        case "html":
            return _HTML
        case "empty":
            return b""
        case "secondary_limit":
            return _SECONDARY
        case _:
            return b'{"message":"Server Error"}'


def _status(fault: Fault) -> int:
    if fault.status != 502:
        return fault.status
    return {"status": 502, "html": 502, "secondary_limit": 403}.get(fault.kind, 200)


async def _send(send: Send, fault: Fault, body: bytes, *, length: int | None = None) -> None:
    await _start(send, fault, len(body) if length is None else length)
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})


async def _start(send: Send, fault: Fault, length: int) -> None:
    kind = "text/html; charset=utf-8" if fault.kind == "html" else "application/json; charset=utf-8"
    headers = {"content-type": kind, "content-length": str(length), **fault.headers}
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": _status(fault), "headers": pairs})


async def _trickle(send: Send, fault: Fault) -> None:
    body = _body(fault)
    await _start(send, fault, len(body))
    for at in range(len(body)):
        await asyncio.sleep(fault.delay or 0.5)
        await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": at + 1 < len(body)})


async def _hang(fault: Fault, scope: Scope, receive: Receive) -> None:
    try:
        async with asyncio.timeout(fault.delay or 600):
            await _disconnected(receive)
    except TimeoutError:
        await _drop(scope, receive)


async def _drop(scope: Scope, receive: Receive) -> None:
    """Close the connection in the middle: the server would otherwise answer 500 for an unfinished request."""
    transport = scope.get("extensions", {}).get(TRANSPORT)
    if transport is None:
        raise ConnectionDroppedError("the emulator dropped the connection")
    transport.abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
