"""Does the same work for a list that fits into one input, and returns every result."""

import asyncio

from temporalio import workflow

from perdure.workflows._items import ItemWork
from perdure.workflows.gathering import gather_bounded

with workflow.unsafe.imports_passed_through():
    from perdure.model.fleet import FleetItem, Outcome, placed
    from perdure.model.fleet_progress import named_failure
    from perdure.model.parallel import (
        Analysed,
        ParallelAnalysisInput,
        ParallelAnalysisResult,
        ParallelProgress,
    )


@workflow.defn
class ParallelAnalysisWorkflow:
    """Does the work of every item of a list at once, but for a limit, and returns results in its order.

    Ends when every item has ended. One that fails stops no other: its error stands in its place, and among
    the errors. Message: the query ``progress``. A cancellation cancels what runs. For longer lists there is
    :class:`perdure.workflows.chunked_processor.ChunkedProcessorWorkflow`.
    """

    @workflow.init
    def __init__(self, input: ParallelAnalysisInput) -> None:
        """Begin."""
        self._work = ItemWork(input.work, outlives=False, largest_value=input.largest_value)
        # A reason counts too: of a few it is whole, of thousands it is a line.
        self._longest_reason = input.largest_value
        self._total = len(input.items)
        self._running: dict[int, str] = {}
        self._ended: list[Outcome] = []
        self._most_parallel = 0

    @workflow.run
    async def run(self, input: ParallelAnalysisInput) -> ParallelAnalysisResult:
        """Do the work of every item."""
        results = await gather_bounded(
            (self._analyse(item) for item in placed(input.items, 0)), limit=input.max_parallel
        )
        return ParallelAnalysisResult(
            results=tuple(results),
            errors=tuple(named_failure(one) for one in results if one.outcome is not Outcome.SUCCEEDED),
            most_parallel=self._most_parallel,
        )

    @workflow.query
    def progress(self) -> ParallelProgress:
        """Tell where it stands."""
        succeeded = self._ended.count(Outcome.SUCCEEDED)
        return ParallelProgress(
            total=self._total,
            running=tuple(self._running.values()),
            succeeded=succeeded,
            failed=len(self._ended) - succeeded,
            most_parallel=self._most_parallel,
        )

    async def _analyse(self, item: FleetItem) -> Analysed:
        started_at = workflow.now()
        self._running[item.index] = item.key
        self._most_parallel = max(self._most_parallel, len(self._running))
        try:
            end = await self._work.run(item, _nothing)
        except asyncio.CancelledError:
            del self._running[item.index]
            raise
        del self._running[item.index]
        self._ended.append(end.outcome)
        return Analysed(
            **{**dict(end), "reason": end.reason[: self._longest_reason]},
            index=item.index,
            key=item.key,
            workflow_id=self._work.workflow_id(item),
            started_at=started_at,
            ended_at=workflow.now(),
        )


def _nothing() -> None:
    """Nobody here has to know when an item has begun."""
