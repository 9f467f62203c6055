"""What people say to a running action: cancel it, or decide about a dispatch that is held."""

import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.model.action_state import HeldDecision


class CancelledBeforeDispatch(Exception):
    """The action was cancelled before anything was sent to GitHub."""


class Control:
    """Cancellation as a fact that is looked at where stopping is safe.

    A cancellation that struck in the middle of a dispatch would leave a run behind that nobody follows. So
    the workflow's body is shielded from it, and asks here at its safe points.
    """

    def __init__(self) -> None:
        self.cancel_requested = False
        self._waits_for_decision = False
        self._decision: HeldDecision | None = None

    def stop_if_cancelled(self) -> None:
        """Stop here if the action was cancelled: nothing has been sent yet.

        Raises:
            CancelledBeforeDispatch: It was.
        """
        if self.cancel_requested:
            raise CancelledBeforeDispatch

    async def sleep(self, delay: timedelta) -> None:
        """Wait, but not past a cancellation."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self.cancel_requested, timeout=delay)

    @property
    def waits_for_decision(self) -> bool:
        """Whether a dispatch is held."""
        return self._waits_for_decision

    def decide(self, decision: HeldDecision) -> None:
        """Take a person's decision about the held dispatch."""
        self._decision = decision
        self._waits_for_decision = False

    async def held_decision(self) -> HeldDecision:
        """Wait for a person's decision. A cancellation decides to fail."""
        self._decision = None
        self._waits_for_decision = True
        await workflow.wait_condition(lambda: self._decision is not None or self.cancel_requested)
        self._waits_for_decision = False
        return self._decision or HeldDecision(decision="fail", by="the cancellation")
