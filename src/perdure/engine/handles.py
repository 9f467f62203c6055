"""What there is to do with anything that runs: wait for it, ask it, watch it, cancel it."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Generic, TypeVar

from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError

from perdure.engine.outages import QUERY_TIMEOUT, Outage, engine_error
from perdure.engine.watching import watch_progress
from perdure.errors import ActionNotKnownError

W = TypeVar("W")
P = TypeVar("P")
R = TypeVar("R")


async def sit_out(temporal: WorkflowHandle[Any, Any], outage: Outage, error: RPCError) -> None:
    """Wait a moment. A busy engine drops requests that last: one that answers another is not away.

    Raises:
        EngineUnreachableError: It has been away for too long.
        EngineError: The error is no outage.
        UsageError: There is no such workflow, or it has ended.
    """
    with contextlib.suppress(RPCError):
        await temporal.describe(rpc_timeout=QUERY_TIMEOUT)
        outage.is_over()
    await outage.sit_out(error)


class RunHandle(ABC, Generic[W, P, R]):
    """A workflow that ends with a result and tells meanwhile where it stands."""

    kind: ClassVar[str]
    """What it is, with its article."""

    def __init__(self, temporal: WorkflowHandle[W, R], *, started: bool = False) -> None:
        self._temporal = temporal
        self.id = temporal.id
        self.started = started
        """Whether this call started it; else it was there."""

    async def result(self) -> R:
        """Wait for the end.

        An engine that is away for less than :data:`perdure.engine.outages.PATIENCE` is waited for.

        Raises:
            ActionError: It is an action, and did not pass: see :mod:`perdure.errors`.
            PipelineFailedError: It is a pipeline, and a step failed; or it was cancelled.
            ActionNotKnownError: There is no such workflow.
            EngineError: Temporal refused, or was away for too long.
        """
        outage = Outage(self.id)
        while True:
            try:
                return await self._temporal.result()
            except WorkflowFailureError as failure:
                raise await self._error(failure) from failure
            except RPCError as error:
                await sit_out(self._temporal, outage, error)

    async def progress(self) -> P:
        """Ask where it stands.

        Raises:
            EngineError: No worker answered within 10 s.
            ActionNotKnownError: There is no such workflow, or it is something else.
        """
        try:
            return await self._ask()
        except RPCError as error:
            raise engine_error(error, self.id) from error
        except WorkflowQueryFailedError as error:
            msg = f"{self.id} does not answer as {self.kind}: {error}"
            raise ActionNotKnownError(msg) from error

    async def watch(self) -> AsyncIterator[P]:
        """Yield where it stands, at once and after every change, until it has ended.

        An engine that is away for less than :data:`perdure.engine.outages.PATIENCE` is waited for.

        Raises:
            EngineError: No worker answered within 10 s, or Temporal refused.
        """
        outage = Outage(self.id, asks_worker=True)
        async for progress in watch_progress(self._temporal, self._ask, outage):
            yield progress

    async def cancel(self) -> None:
        """Ask it to cancel what it runs, and to end.

        Raises:
            UsageError: It has ended.
            EngineError: Temporal refused.
        """
        try:
            await self._temporal.cancel()
        except RPCError as error:
            raise engine_error(error, self.id) from error

    @abstractmethod
    async def _ask(self) -> P:
        """Query the workflow."""

    @abstractmethod
    async def _error(self, failure: WorkflowFailureError) -> Exception:
        """Return the error that says how it ended."""
