"""Reviewers at work on labelled cases."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from perdure.ai.analysing import analyse
from perdure.ai.files import why_not_reviewed
from perdure.ai.review_cases import ReviewCase
from perdure.ai.reviewers import Reviewer
from perdure.ai.spending import Spending
from perdure.ai.unit_reviewer import UnitReviewer
from perdure.ai.units import units_of
from perdure.model.reporting import merge
from perdure.model.review import FileState, FileStatus, ReviewUnit, UnitResult, Usage
from perdure.model.scoring import CaseScore, Score, score_case, total

_AT_ONCE = 4


class Scoring:
    """Has the same reviewers look at each case, and compares what they say with what is known."""

    def __init__(
        self,
        reviewers: Sequence[Reviewer],
        model: UnitReviewer | None,
        spending: Spending,
        *,
        largest_file: int,
    ) -> None:
        """Use these reviewers.

        Args:
            reviewers: Those that need no model.
            model: Asks models; none without it.
            spending: On whose account that goes.
            largest_file: Bytes; larger files are not shown to models.
        """
        self._reviewers = reviewers
        self._model = model
        self._spending = spending
        self._largest_file = largest_file
        self._usage = Usage()
        self._names: dict[str, None] = {}

    async def score(
        self, cases: Sequence[ReviewCase], *, on_case: Callable[[CaseScore], None] = lambda case: None
    ) -> Score:
        """Return the score over all cases.

        Args:
            cases: In the order of the score.
            on_case: Called when a case is done.

        Raises:
            ModelError: No model answers.
            BudgetExceededError: A budget has no room for it.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(case: ReviewCase) -> CaseScore:
            async with slots:
                scored = await self._score(case)
            on_case(scored)
            return scored

        tasks = [asyncio.create_task(one(case)) for case in cases]
        try:
            scores = await asyncio.gather(*tasks)
        finally:
            # The first error ends all of it: the others would go on paying.
            for task in tasks:
                task.cancel()
        return total(scores, reviewers=tuple(self._names), cost=self._usage.cost)

    async def _score(self, case: ReviewCase) -> CaseScore:
        with tempfile.TemporaryDirectory(prefix="perdure-case-") as name:
            tree = Path(name)
            case.write(tree)
            analysis = await analyse(tree, case.changed(), self._reviewers)
            units = self._units(case, tree)
        self._names |= dict.fromkeys(analysis.reviewers)
        results = [await self._asked(self._model, unit) for unit in units] if self._model else []
        findings = merge(
            [*analysis.findings, *(finding for result in results for finding in result.findings)]
        )
        failed = [outcome.reason for outcome in analysis.failed]
        failed += [result.reason for result in results if result.state is not FileState.REVIEWED]
        return score_case(case.name, case.expect, findings, failed=sorted(set(failed)))

    def _units(self, case: ReviewCase, tree: Path) -> list[ReviewUnit]:
        hunks = case.hunks()
        return [
            unit
            for file in case.changed()
            if file.status is not FileStatus.REMOVED
            and not why_not_reviewed(file, tree, largest=self._largest_file)
            for unit in units_of(file, tree, hunks.get(file.path, ()))
        ]

    async def _asked(self, model: UnitReviewer, unit: ReviewUnit) -> UnitResult:
        result = await model.review(unit, self._spending)
        self._usage += result.usage
        if result.model:
            self._names |= {f"model {result.model}": None}
        return result
