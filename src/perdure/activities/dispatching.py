"""Activities that change GitHub. They run on a queue of their own, at a rate that the server enforces."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from temporalio import activity

from perdure.activities.counting import count
from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.errors import GitHubRefusedError, PerdureError
from perdure.github import GitHubClient
from perdure.model.actions import ActionsRun, ActionsRunRef
from perdure.model.base import Model
from perdure.model.dispatch import DispatchAnswer, DispatchRequest
from perdure.model.metrics import DISPATCHES

SEND_WITHIN = timedelta(seconds=5)
"""A dispatch that could not be sent this long after its attempt began is not sent any more.

A worker that was stopped (a laptop's lid, a paused virtual machine) would otherwise wake up and send what
the workflow has long taken for lost and sent again.
"""

CLOCK_STEP_AFTER = timedelta(seconds=15)


class RerunInput(Model):
    """Input of :meth:`DispatchActivities.rerun_failed_jobs`."""

    ref: ActionsRunRef
    actions_run_attempt: int


class RerunAnswer(Model):
    """Whether a re-run is under way.

    Attributes:
        actions_run: The run as it is afterwards.
        refused: Why GitHub would not re-run it, or empty.
    """

    actions_run: ActionsRun
    refused: str = ""


class CancelInput(Model):
    """Input of :meth:`DispatchActivities.cancel_actions_run`."""

    ref: ActionsRunRef
    force: bool = False


class SendDeadline:
    """Says whether an attempt is still fresh enough to send something that must not be sent twice.

    Two clocks are asked, because each misses one kind of pause: the monotonic one counts from the moment
    that the activity's code began; the wall clock against the server's start time also sees a pause before
    that, once the offset between the two is known (a worker's clock may be hours off).

    A clock that is set forward makes every later attempt look late. Attempts that waited in a stopped worker
    begin together when it wakes; so lateness that is still the same :data:`CLOCK_STEP_AFTER` later is the
    clock's, and becomes the new offset.
    """

    def __init__(
        self,
        within: timedelta,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._within = within.total_seconds()
        self._clock = clock
        self._now = now
        self._offset: float | None = None
        self._suspected: tuple[float, float] | None = None
        """An offset that looked late, and when it was seen first."""

    def begin(self, started_at: datetime) -> Callable[[], bool]:
        """Begin an attempt that the server started at ``started_at``; ask the returned function later."""
        begun = self._clock()
        late_already = self._lateness((self._now() - started_at).total_seconds(), begun)
        return lambda: late_already + (self._clock() - begun) <= self._within

    def _lateness(self, offset: float, begun: float) -> float:
        if self._offset is None or offset < self._offset:
            self._offset = offset
        late = offset - self._offset
        if late <= self._within:
            self._suspected = None
        elif self._suspected is None or abs(offset - self._suspected[0]) > self._within:
            self._suspected = (offset, begun)
        elif begun - self._suspected[1] >= CLOCK_STEP_AFTER.total_seconds():
            self._offset, self._suspected = offset, None
            return 0.0
        return late


class DispatchActivities:
    """Changes GitHub for one action."""

    def __init__(self, github: GitHubClient) -> None:
        """Use ``github`` for every call."""
        self._github = github
        self._deadline = SendDeadline(SEND_WITHIN)

    @activity.defn
    async def dispatch_actions_workflow(self, request: DispatchRequest) -> DispatchAnswer:
        """Send the dispatch once. **Not** safe to repeat: its caller gives it one attempt.

        What GitHub refuses is a permanent error. What nobody can know is the answer ``ambiguous``.
        """
        is_fresh = self._deadline.begin(activity.info().started_time)
        async with heartbeats():
            with as_application_errors():
                try:
                    answer = await self._github.dispatch(request, before_send=is_fresh)
                except PerdureError:
                    count(DISPATCHES, outcome="refused")
                    raise
        count(DISPATCHES, outcome=answer.kind)
        return answer

    @activity.defn
    async def rerun_failed_jobs(self, input: RerunInput) -> RerunAnswer:
        """Re-run what failed. Safe to repeat: a re-run that is there already is adopted."""
        async with heartbeats():
            with as_application_errors():
                return await self._rerun(input)

    async def _rerun(self, input: RerunInput) -> RerunAnswer:
        before = await self._github.get_actions_run(input.ref)
        if before.actions_run_attempt > input.actions_run_attempt or not before.is_completed:
            return RerunAnswer(actions_run=before)
        try:
            await self._github.rerun_failed_jobs(input.ref)
        except GitHubRefusedError as refusal:
            after = await self._github.get_actions_run(input.ref)
            taken = after.actions_run_attempt > input.actions_run_attempt
            return RerunAnswer(actions_run=after, refused="" if taken else str(refusal))
        return RerunAnswer(actions_run=await self._github.get_actions_run(input.ref))

    @activity.defn
    async def cancel_actions_run(self, input: CancelInput) -> str:
        """Ask GitHub to cancel a run; return why it refused, or nothing. Safe to repeat."""
        async with heartbeats():
            with as_application_errors():
                return await self._github.cancel_actions_run(input.ref, force=input.force) or ""
