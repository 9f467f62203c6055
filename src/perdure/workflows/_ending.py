"""Sees to it that a cancelled pipeline ends, and that it undoes what was asked for and no more.

Compensations, and steps with a condition like ``always()``, run after a cancellation too. While GitHub is
away they would wait for it, and so would whoever waits for the pipeline or for its concurrency group. So each
gets its own time limits and some grace from then on, and is cancelled after that.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable, Iterator

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows._jobs import Ended

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.model.left_runs import LEFT_SIGNAL, LeftRun
    from perdure.pipeline import Conclusion, JobResult
    from perdure.pipeline.ending import own_limit
    from perdure.pipeline.running import PipelineInput
    from perdure.pipeline.steps import ActionCall, StepBase

COMPENSATION_DECLINED = "compensation_declined"
"""The signal that has a pipeline undo nothing, or nothing more."""

_TRIES = 3
_BETWEEN_TWO_TRIES = timedelta(seconds=1)
_NAMED = 3
_STOPPED = "stopped: nothing is to be undone any more"


class Ending:
    """How one pipeline ends once it was cancelled."""

    def __init__(self, input: PipelineInput, left_running: Iterable[LeftRun]) -> None:
        """Begin with what an earlier run of the workflow knew."""
        self.compensates = input.compensate
        self._reports = input.reports_left_runs
        self._grace = input.ending_grace
        self._left = {left.workflow_id: left for left in left_running}
        self._has_begun = False
        self._limits: dict[str, tuple[asyncio.Timeout, timedelta]] = {}
        self._undoing = ""
        self._passing_on: asyncio.Task[None] | None = None

    @property
    def left_running(self) -> tuple[LeftRun, ...]:
        """Runs that may go on at GitHub although their actions were ended."""
        return tuple(self._left.values())

    def begin(self) -> None:
        """Limit what runs from now on. Asked twice, it is as if it was asked once."""
        if not self._has_begun:
            self._has_begun = True
            for limit, allowed in self._limits.values():
                _expire(limit, allowed)

    def lift(self, key: str) -> None:
        """Limit a job no more: it was cancelled, and has a limit of its own for that."""
        if key in self._limits:
            _expire(self._limits[key][0], None)

    async def job(self, key: str, definition: StepBase, work: Awaitable[Ended]) -> Ended:
        """Carry out a job."""
        own = own_limit(definition)
        if own is None:
            return await work
        try:
            async with asyncio.timeout(None) as limit:
                with self._limited(key, limit, own + self._grace):
                    return await work
        except TimeoutError:
            return _gave_up(own + self._grace)

    async def undo(self, key: str, call: ActionCall, work: Awaitable[Ended]) -> Ended:
        """Carry out a compensation."""
        allowed = (own_limit(call) or timedelta(0)) + self._grace
        try:
            async with asyncio.timeout(None) as limit:
                with self._limited(key, limit, allowed):
                    self._undoing = key
                    return await work
        except TimeoutError:
            return _gave_up(allowed) if self.compensates else _cancelled(_STOPPED)

    def decline(self, children: Iterable[str]) -> None:
        """Undo nothing, or nothing more, here and in the pipelines that run as children."""
        if not self.compensates:
            return
        self.compensates = False
        if self._undoing in self._limits:
            _expire(self._limits[self._undoing][0], timedelta(0))
        self._passing_on = asyncio.create_task(_tell(list(children)))

    async def passed_on(self) -> None:
        """Wait until the children know: they are cancelled next, and must not begin to undo."""
        if self._passing_on is not None:
            await self._passing_on

    def leave(self, left: LeftRun) -> None:
        """Keep in mind that a run may go on."""
        self._left[left.workflow_id] = left

    def explained(self, workflow_id: str, ended: Ended) -> Ended:
        """Return the end of a job or a compensation with what it has left running."""
        below = f"{workflow_id}/"
        left = [one for id, one in self._left.items() if id == workflow_id or id.startswith(below)]
        if not left or ended.result.conclusion is not Conclusion.CANCELLED:
            return ended
        # Its page stands beside it.
        is_own = left[0].workflow_id == workflow_id and left[0].html_url
        said = left[0].reason if is_own else "; ".join(str(one) for one in left[:_NAMED])
        more = f"; and {len(left) - _NAMED} more" if left[_NAMED:] else ""
        reason = f"may go on at GitHub: {said}{more}"
        result = ended.result.model_copy(update={"reason": f"{ended.result.reason}; {reason}".lstrip("; ")})
        return Ended(result, ended.html_url or left[0].html_url)

    async def report(self) -> None:
        """Tell the pipeline that runs this one what is left running."""
        parent = workflow.info().parent
        if parent is None or not self._reports:
            return
        for left in self._left.values():
            # It may be gone.
            with contextlib.suppress(FailureError):
                await workflow.get_external_workflow_handle(parent.workflow_id).signal(LEFT_SIGNAL, left)

    @contextlib.contextmanager
    def _limited(self, key: str, limit: asyncio.Timeout, allowed: timedelta) -> Iterator[None]:
        self._limits[key] = limit, allowed
        if self._has_begun:
            _expire(limit, allowed)
        try:
            yield
        finally:
            del self._limits[key]


async def _tell(children: list[str]) -> None:
    for child in children:
        for _ in range(_TRIES):
            try:
                await workflow.get_external_workflow_handle(child).signal(COMPENSATION_DECLINED)
                break
            except FailureError:
                # It has ended, or is about to start.
                await workflow.sleep(_BETWEEN_TWO_TRIES)


def _gave_up(allowed: timedelta) -> Ended:
    return _cancelled(f"given up: it did not end within {allowed} of the pipeline's cancellation")


def _cancelled(reason: str) -> Ended:
    return Ended(JobResult(conclusion=Conclusion.CANCELLED, reason=reason))


def _expire(limit: asyncio.Timeout, within: timedelta | None) -> None:
    # One that has expired stays so, while what it has cancelled comes to its end.
    if not limit.expired():
        now = asyncio.get_running_loop().time()
        limit.reschedule(None if within is None else now + within.total_seconds())
