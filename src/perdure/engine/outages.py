"""What the engine's refusals mean, and how an outage is waited for.

A person who watches a release does not want to be told that a server was restarted: whoever waits goes on
waiting, for as long as a restart takes.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

from temporalio.service import RPCError, RPCStatusCode

from perdure.errors import ActionNotKnownError, EngineError, EngineUnreachableError, UsageError

PATIENCE = timedelta(minutes=2)
"""How long an engine may be away while somebody waits for a result."""

START_PATIENCE = timedelta(seconds=5)
"""How long it may be away while something is started, besides the time that each request may take."""

QUERY_TIMEOUT = timedelta(seconds=10)
"""How long a worker gets to say where a workflow stands."""

_RETRY_INTERVAL = 0.5

# Whoever waits for a result is told of failures only. So far apart, there was an answer between two of them.
_OVER_AFTER = timedelta(minutes=1)

# A connection that breaks in the middle of a long poll is UNKNOWN ("transport error") to the SDK.
_AWAY = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.UNKNOWN}

# What the SDK says of a request that took too long.
_TOO_LATE = {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED}


class Outage:
    """Counts for how long the engine has been away.

    Args:
        workflow_id: What is waited for.
        patience: After this long it is an error.
        asks_worker: Whether queries are among the requests. One that takes too long then means that no worker
            answers, else that the engine is slow.
        clock: Counts seconds.
    """

    def __init__(
        self,
        workflow_id: str,
        *,
        patience: timedelta = PATIENCE,
        asks_worker: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workflow_id = workflow_id
        self._patience = patience.total_seconds()
        self._away = _AWAY if asks_worker else _AWAY | _TOO_LATE
        self._clock = clock
        self._since: float | None = None
        self._last = 0.0

    def is_over(self) -> None:
        """Take note that the engine has answered."""
        self._since = None

    async def sit_out(self, error: RPCError) -> None:
        """Wait a moment before another try.

        Raises:
            EngineUnreachableError: It has been away for too long.
            EngineError: The error is no outage.
            UsageError: There is no such workflow, or it has ended.
        """
        if error.status not in self._away:
            raise engine_error(error, self._workflow_id) from error
        now = self._clock()
        if self._since is None or now - self._last > _OVER_AFTER.total_seconds():
            self._since = now
        self._last = now
        if now - self._since > self._patience:
            raise EngineUnreachableError(
                f"the Temporal server has been out of reach for {self._patience:.0f} s",
                hint=f"what runs goes on once it is back: perdure run watch {self._workflow_id}",
            ) from error
        await asyncio.sleep(_RETRY_INTERVAL)


def engine_error(error: RPCError, workflow_id: str) -> EngineError | UsageError:
    """Return the error that says what a refusal means."""
    match error.status:
        case RPCStatusCode.NOT_FOUND if "completed" in error.message:
            return UsageError(f"{workflow_id} has ended", hint=f"see how: perdure run show {workflow_id}")
        case RPCStatusCode.NOT_FOUND:
            return ActionNotKnownError(
                f"there is no action {workflow_id!r}", hint="list them with: perdure run list"
            )
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED:
            return EngineError(
                f"{workflow_id}: no worker answered within {QUERY_TIMEOUT.total_seconds():.0f} s",
                hint="is a worker running? Start one with: perdure worker",
            )
        case RPCStatusCode.UNAVAILABLE:
            return EngineUnreachableError(
                f"the Temporal server is out of reach: {error.message}",
                hint="what runs goes on once it is back; what was started with --id may be started again",
            )
    return EngineError(f"Temporal refused: {error.message}")
