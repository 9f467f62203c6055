"""Has a model review the parts of a change: a few at a time, each of them once."""

import asyncio
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from perdure.workflows import _review_calls

with workflow.unsafe.imports_passed_through():
    from perdure.activities.failures import original_error
    from perdure.errors import BudgetExceededError
    from perdure.model.code_review import ReviewedUnits, ReviewUnitsInput
    from perdure.model.review import FileState, UnitRef, UnitResult, Usage
    from perdure.model.reviewing import KeepResultsInput, ListUnitsInput, ReviewUnitInput


class UnitReviews:
    """Reviews units side by side, and knows how far it is.

    Cancelling stops what has not begun. A unit that a model is at already is answered and paid for whatever
    happens here; its worker keeps the answer, so that the next review of the same unit costs nothing.
    """

    def __init__(self, input: ReviewUnitsInput, *, on_change: Callable[[], None] = lambda: None) -> None:
        self._input = input
        self._on_change = on_change
        self.done = 0
        self.failed = 0
        self.usage = Usage()
        self.needed = 0
        self.limit = ""

    async def run(self, units: Sequence[UnitRef]) -> ReviewedUnits:
        """Review all of them, at most ``max_parallel`` at the same time, and keep what they came to."""
        results = await self._all_reviewed(units)
        return ReviewedUnits(
            results=await _review_calls.keep_results(KeepResultsInput(results=results)),
            done=self.done,
            failed=self.failed,
            usage=self.usage,
            needed=self.needed,
            limit=self.limit,
        )

    async def _all_reviewed(self, units: Sequence[UnitRef]) -> tuple[UnitResult, ...]:
        slots = asyncio.Semaphore(self._input.policy.max_parallel)

        async def one(unit: UnitRef) -> UnitResult:
            async with slots:
                return self._counted(await self._reviewed(unit))

        tasks = [asyncio.create_task(one(unit)) for unit in units]
        try:
            return tuple(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            raise

    async def _reviewed(self, unit: UnitRef) -> UnitResult:
        if self.needed:
            return _not_reviewed(unit, f"over the {self.limit} budget")
        asked = ReviewUnitInput(
            unit=unit,
            review_id=self._input.review_id,
            organisation=self._input.organisation,
            policy=self._input.policy,
            granted=self._input.granted,
        )
        try:
            return await _review_calls.review_unit(asked)
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            known = original_error(failure)
            if isinstance(known, BudgetExceededError):
                self.needed, self.limit = max(self.needed, known.needed, 1), known.limit
                return _not_reviewed(unit, f"over the {known.limit} budget")
            return _not_reviewed(unit, str(known or failure.cause or failure).partition("\n")[0][:500])

    def _counted(self, result: UnitResult) -> UnitResult:
        self.done += 1
        self.failed += result.state is FileState.FAILED
        self.usage = self.usage + result.usage
        self._on_change()
        return result


def _not_reviewed(unit: UnitRef, reason: str) -> UnitResult:
    return UnitResult(unit_id=unit.unit_id, path=unit.path, state=FileState.FAILED, reason=reason)


@workflow.defn
class ReviewUnitsWorkflow:
    """Reviews a part of the units of one review, so that no history holds them all.

    Ends when each of them was reviewed or could not be. It takes no messages. Survives the loss of worker and
    engine at any moment, and then pays for nothing twice.
    """

    @workflow.run
    async def run(self, input: ReviewUnitsInput) -> ReviewedUnits:
        """Review the part."""
        listed = await _review_calls.list_units(
            ListUnitsInput(plan=input.plan, offset=input.offset, limit=input.count)
        )
        return await UnitReviews(input).run(listed.units)
