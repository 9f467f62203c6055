"""Reviewing code: on the queue ``perdure-review``, for strangers wrote it."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from importlib.metadata import version
from typing import TypeVar

from temporalio import activity

from perdure.activities.counting import count
from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.store import ContentStore
from perdure.ai.analysing import analyse
from perdure.ai.model_list import ModelList
from perdure.ai.planning import Planned, plan_units, without_model
from perdure.ai.related import RelatedCode, with_related
from perdure.ai.repositories import RepositoryCache
from perdure.ai.reviewers import reviewers_named
from perdure.ai.spending import Spending, budgets_of
from perdure.ai.unit_reviewer import UnitReviewer
from perdure.ai.units import unit_id
from perdure.config import ReviewSettings
from perdure.errors import PerdureError
from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.metrics import MODEL_COST, MODEL_TOKENS
from perdure.model.reporting import findings_digest, make_report
from perdure.model.review import Change, ReviewReport, ReviewUnit, UnitRef, UnitResult
from perdure.model.reviewing import (
    LARGEST_INLINE,
    MOST_UNITS_INLINE,
    AnalyseInput,
    Analysis,
    AnalysisResult,
    FinishReviewInput,
    KeepResultsInput,
    ListedUnits,
    ListUnitsInput,
    ModelsReady,
    PlannedUnits,
    PlanUnitsInput,
    ProbeModelsInput,
    ReviewPlan,
    ReviewSummary,
    ReviewUnitInput,
    UnitResults,
    summarise,
)
from perdure.model.sarif import to_sarif

Kept = TypeVar("Kept", bound=Model)


class ReviewActivities:
    """Has code reviewed. Holds no token that may write at GitHub."""

    def __init__(
        self,
        settings: ReviewSettings,
        models: ModelList,
        *,
        repositories: RepositoryCache,
        store: ContentStore,
        related: RelatedCode | None = None,
    ) -> None:
        """Use the section ``[review]`` of the worker's settings.

        Args:
            settings: Who reviews, and what that may cost.
            models: Who is asked.
            repositories: Where fetched files are.
            store: Where everything of any size is kept.
            related: Where code from elsewhere is looked for; nowhere without it.
        """
        self._settings = settings
        self._models = models
        self._repositories = repositories
        self._store = store
        self._related = related

    @activity.defn
    async def probe_models(self, input: ProbeModelsInput) -> ModelsReady:
        """Find out whether keys and names of models are accepted. Safe to repeat: it costs nothing.

        A key or a name that is not accepted is permanent. A model that is out of reach is not: it is waited
        for when it is needed.
        """
        async with heartbeats():
            with as_application_errors():
                return await self._models.probe(input.policy)

    @activity.defn
    async def plan_units(self, input: PlanUnitsInput) -> PlannedUnits:
        """Cut a change into parts that a model is shown. Safe to repeat: they are the same each time."""
        async with heartbeats():
            with as_application_errors():
                change = self._read(Change, input.change)
                planned = await self._planned(change, input)
                refs = tuple([await self._kept_unit(unit, change, input) for unit in planned.units])
        plan = ReviewPlan(units=refs, files=planned.files)
        return PlannedUnits(
            plan=self._keep(plan),
            units=refs if len(refs) <= MOST_UNITS_INLINE else (),
            count=len(refs),
            skipped=len(planned.files),
        )

    @activity.defn
    async def list_units(self, input: ListUnitsInput) -> ListedUnits:
        """Return some units of a plan. Only reads."""
        with as_application_errors():
            plan = self._read(ReviewPlan, input.plan)
        return ListedUnits(units=plan.units[input.offset : input.offset + input.limit])

    @activity.defn
    async def analyse(self, input: AnalyseInput) -> AnalysisResult:
        """Have static reviewers look at a change. Safe to repeat.

        A reviewer that is broken is said, and its files count as failed. A name of none is permanent.
        """
        async with heartbeats():
            with as_application_errors():
                change = self._read(Change, input.change)
                reviewers = reviewers_named(input.policy.analysers, self._settings.analysers)
                tree = await self._repositories.tree(change.tree)
                analysis = await analyse(tree, change.files, reviewers)
        return AnalysisResult(
            analysis=self._keep(analysis),
            found=len(analysis.findings),
            reviewers=analysis.reviewers,
            failed=tuple(sorted({outcome.reason for outcome in analysis.failed})),
        )

    @activity.defn
    async def review_unit(self, input: ReviewUnitInput) -> UnitResult:
        """Have a model review one part. Safe to repeat: what was paid for once is not paid for again.

        A model's outage and its rate limit are worth another try, after as long as it asked for. A key or
        name that is not accepted is permanent, and so is ``BudgetExceededError``.
        """
        async with heartbeats():
            with as_application_errors():
                unit = self._read(ReviewUnit, input.unit.content)
                reviewer = UnitReviewer(self._models.clients(input.policy), self._settings)
                spending = Spending(
                    review=input.review_id,
                    organisation=input.organisation,
                    budgets=budgets_of(self._settings, of_review=input.policy.budget, granted=input.granted),
                )
                result = await _to_the_end(reviewer.review(unit, spending))
                _count_usage(result)
                return self._small(result)

    @activity.defn
    async def keep_results(self, input: KeepResultsInput) -> StoredObject:
        """Keep what many units came to. Safe to repeat."""
        return self._keep(UnitResults(results=input.results))

    @activity.defn
    async def finish_review(self, input: FinishReviewInput) -> ReviewSummary:
        """Make one report of what everybody said. Safe to repeat: it only reads and keeps."""
        async with heartbeats():
            with as_application_errors():
                report = await asyncio.to_thread(self._report, input)
                sarif = to_sarif(report, version=version("perdure"))
        return summarise(
            report,
            stored=self._keep(report),
            sarif=self._store.put(json.dumps(sarif, ensure_ascii=False).encode()),
            digest=findings_digest(report.findings),
        )

    async def _planned(self, change: Change, input: PlanUnitsInput) -> Planned:
        if not self._models.are_wanted(input.policy):
            return without_model(change)
        tree = await self._repositories.tree(change.tree)
        diff = self._store.get(change.diff) if change.diff else b""
        return await asyncio.to_thread(plan_units, change, tree, diff, self._settings)

    async def _kept_unit(self, unit: ReviewUnit, change: Change, input: PlanUnitsInput) -> UnitRef:
        if input.is_indexed and self._related is not None:
            limit = input.policy.related_chunks
            unit = await with_related(unit, self._related, tree=change.tree, limit=limit)
        content = await asyncio.to_thread(self._keep, unit)
        return UnitRef(unit_id=unit_id(unit), path=unit.path, content=content)

    def _report(self, input: FinishReviewInput) -> ReviewReport:
        kept = [self._read(UnitResults, stored).results for stored in input.kept_results]
        results = [result for part in (input.results, *kept) for result in part]
        report = make_report(
            self._read(Change, input.change),
            self._read(ReviewPlan, input.plan),
            analysis=self._read(Analysis, input.analysis) if input.analysis else Analysis(),
            results=[self._whole(result) for result in results],
            previous=self._earlier_report(input.previous),
        )
        degraded = tuple(dict.fromkeys((*input.degraded, *report.degraded)))
        return report.model_copy(update={"degraded": degraded})

    def _earlier_report(self, stored: StoredObject | None) -> ReviewReport | None:
        if stored is None:
            return None
        try:
            return self._read(ReviewReport, stored)
        except PerdureError as error:
            # A review without it only does not say what was fixed since.
            activity.logger.warning("the report of the review before is gone: %s", error)
            return None

    def _small(self, result: UnitResult) -> UnitResult:
        if len(result.model_dump_json()) <= LARGEST_INLINE:
            return result
        return result.model_copy(update={"findings": (), "stored": self._keep(result)})

    def _whole(self, result: UnitResult) -> UnitResult:
        return self._read(UnitResult, result.stored) if result.stored else result

    def _read(self, kind: type[Kept], stored: StoredObject) -> Kept:
        return kind.model_validate_json(self._store.get(stored))

    def _keep(self, value: Model) -> StoredObject:
        return self._store.put(value.model_dump_json().encode())


def _count_usage(result: UnitResult) -> None:
    # What follows the model's name is the prompt's version.
    model = result.model.partition(" ")[0] or "none"
    count(MODEL_TOKENS, result.usage.input_tokens, model=model, direction="input")
    count(MODEL_TOKENS, result.usage.output_tokens, model=model, direction="output")
    count(MODEL_COST, result.usage.cost, model=model)


async def _to_the_end(reviewing: Coroutine[None, None, UnitResult]) -> UnitResult:
    """Wait for an answer even where nobody wants it any more: it is paid for, and the next review finds it.

    A worker that is told to stop does not wait: the engine has another one make the call again.
    """
    task = asyncio.create_task(reviewing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if activity.is_worker_shutdown():
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PerdureError):
            await task
        raise
