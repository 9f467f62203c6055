"""The steps of a review that every kind of it has: fetch, index, review in parts, join."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, FailureError, is_cancelled_exception

from perdure.workflows import _index_calls, _review_calls
from perdure.workflows.building_blocks import request_approval
from perdure.workflows.review_units import ReviewUnitsWorkflow, UnitReviews

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.model import queues
    from perdure.model.actions import StoredObject
    from perdure.model.approvals import Person
    from perdure.model.code_review import (
        UNITS_AT_ONCE,
        CodeReviewProgress,
        ReviewedUnits,
        ReviewStage,
        ReviewUnitsInput,
        review_markdown,
    )
    from perdure.model.indexing import FetchedChange, FetchInput, IndexInput, IndexResult
    from perdure.model.pull_requests import PullRequestFacts
    from perdure.model.review import ReviewPolicy, ReviewTarget
    from perdure.model.reviewing import (
        AnalyseInput,
        AnalysisResult,
        FinishReviewInput,
        ModelsReady,
        PlannedUnits,
        PlanUnitsInput,
        ProbeModelsInput,
        ReviewSummary,
    )

_CHILDREN_AT_ONCE = 4
_INDEXING_TIMEOUT = timedelta(hours=12)


class Reviewing:
    """Reviews one target, and knows where it stands."""

    def __init__(
        self, target: ReviewTarget, policy: ReviewPolicy, *, requester: Person | None = None
    ) -> None:
        self.progress = CodeReviewProgress(target=target, started_at=workflow.now())
        self._target = target
        self._policy = policy
        self._requester = requester
        self._granted = 0
        self._show()

    def update(self, **changes: object) -> None:
        """Change the progress, and Temporal's page with it."""
        self.progress = self.progress.model_copy(update=changes)
        self._show()

    async def review(
        self, *, pull_request: PullRequestFacts | None = None, previous: StoredObject | None = None
    ) -> ReviewSummary:
        """Look at everything once, and join what was found."""
        self.update(stage=ReviewStage.FETCHING, units=0, done=0, failed=0, summary=None)
        fetched = await _index_calls.fetch_change(FetchInput(target=self._target, pull_request=pull_request))
        self.update(head_sha=fetched.head_sha)
        # Keys and names are tried out before anything is paid for.
        models = await self._models()
        is_indexed = bool(models.models) and await self._indexed(fetched.head_sha)
        self.update(stage=ReviewStage.REVIEWING, models=models.models)
        plan = await _review_calls.plan_units(
            PlanUnitsInput(change=fetched.change, policy=self._policy, is_indexed=is_indexed)
        )
        analysis, units = await self._looked_at(fetched, plan, models)
        summary = await _review_calls.finish_review(
            FinishReviewInput(
                change=fetched.change,
                plan=plan.plan,
                analysis=analysis.analysis,
                kept_results=tuple(part.results for part in units if part.results is not None),
                policy=self._policy,
                previous=previous,
                degraded=analysis.failed,
            )
        )
        self.update(summary=summary)
        return summary

    async def _models(self) -> ModelsReady:
        if not self._policy.use_model:
            return ModelsReady()
        return await _review_calls.probe_models(ProbeModelsInput(policy=self._policy))

    async def _indexed(self, head_sha: str) -> bool:
        """Index the repository, so that a model can be shown related code. A review does without it too."""
        if not self._policy.related_chunks:
            return False
        self.update(stage=ReviewStage.INDEXING)
        # Exactly what is reviewed, wherever the branch is by now.
        target = self._target
        if target.repository:
            target = ReviewTarget(repository=target.repository, ref=head_sha)
        try:
            await workflow.execute_child_workflow(
                "IndexRepositoryWorkflow",
                IndexInput(target=target),
                id=f"{workflow.info().workflow_id}/index",
                result_type=IndexResult,
                execution_timeout=_INDEXING_TIMEOUT,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                static_summary=f"index of {self._target}",
            )
        except ChildWorkflowError as failure:
            if is_cancelled_exception(failure):
                raise
            workflow.logger.warning("reviewing without related code: %s", failure.cause)
            return False
        return True

    async def _looked_at(
        self, fetched: FetchedChange, plan: PlannedUnits, models: ModelsReady
    ) -> tuple[AnalysisResult, tuple[ReviewedUnits, ...]]:
        analysing = asyncio.create_task(
            _review_calls.analyse(AnalyseInput(change=fetched.change, policy=self._policy))
        )
        try:
            units = await self._units(plan) if models.models or models.unreachable else ()
            return await analysing, units
        except BaseException:
            analysing.cancel()
            raise

    async def _units(self, plan: PlannedUnits) -> tuple[ReviewedUnits, ...]:
        self.update(units=plan.count)
        parts = await self._parts(plan)
        needed = max((part.needed for part in parts), default=0)
        if needed and await self._may_spend(needed * plan.count, parts):
            # What was reviewed before is answered by the cache.
            self.update(done=0, failed=0)
            parts = await self._parts(plan)
        return parts

    async def _parts(self, plan: PlannedUnits) -> tuple[ReviewedUnits, ...]:
        asked = ReviewUnitsInput(
            plan=plan.plan,
            offset=0,
            count=min(max(plan.count, 1), UNITS_AT_ONCE),
            review_id=workflow.info().workflow_id,
            organisation=self._target.repository.partition("/")[0],
            policy=self._policy,
            granted=self._granted,
        )
        if plan.count <= len(plan.units) and plan.count <= UNITS_AT_ONCE:
            return (await self._here(asked, plan),)
        return await self._shared_out(asked, plan.count)

    async def _here(self, asked: ReviewUnitsInput, plan: PlannedUnits) -> ReviewedUnits:
        def show() -> None:
            self.update(done=reviews.done, failed=reviews.failed, usage=reviews.usage)

        reviews = UnitReviews(asked, on_change=show)
        return await reviews.run(plan.units)

    async def _shared_out(self, asked: ReviewUnitsInput, count: int) -> tuple[ReviewedUnits, ...]:
        """Have children review a part each: no history holds thousands of units."""
        slots = asyncio.Semaphore(_CHILDREN_AT_ONCE)
        policy = self._policy.model_copy(
            update={"max_parallel": max(1, self._policy.max_parallel // _CHILDREN_AT_ONCE)}
        )

        async def part(offset: int) -> ReviewedUnits:
            async with slots:
                reviewed = await workflow.execute_child_workflow(
                    ReviewUnitsWorkflow.run,
                    asked.model_copy(
                        update={
                            "offset": offset,
                            "count": min(UNITS_AT_ONCE, count - offset),
                            "policy": policy,
                        }
                    ),
                    id=f"{workflow.info().workflow_id}/{workflow.info().run_id[:8]}/units-{offset}",
                    cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                    parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
                    static_summary=f"units {offset + 1} to {min(offset + UNITS_AT_ONCE, count)}",
                )
            self.update(
                done=self.progress.done + reviewed.done,
                failed=self.progress.failed + reviewed.failed,
                usage=self.progress.usage + reviewed.usage,
            )
            return reviewed

        tasks = [asyncio.create_task(part(offset)) for offset in range(0, count, UNITS_AT_ONCE)]
        try:
            return tuple(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            raise

    async def _may_spend(self, amount: int, parts: tuple[ReviewedUnits, ...]) -> bool:
        """Ask people whether a review may cost more than its budget."""
        limit = next(part.limit for part in parts if part.needed)
        self.update(stage=ReviewStage.APPROVAL)
        asked_id = f"{workflow.info().workflow_id}/budget"
        self.update(approval_id=f"approval/{asked_id}")
        try:
            decided = await request_approval(
                f"The review of {self._target} is over the {limit} budget."
                f" May it cost up to ${amount / 1e6:.2f} more?",
                id=asked_id,
                task_queue=queues.beside(workflow.info().task_queue, queues.WORKFLOWS),
                approvers=self._policy.approvers,
                quorum=self._policy.quorum,
                requester=self._requester,
                timeout=self._policy.approval_timeout,
                remind=self._policy.remind,
            )
        except FailureError as failure:
            if is_cancelled_exception(failure):
                raise
            workflow.logger.warning("nobody could be asked about the budget: %s", failure)
            return False
        finally:
            self.update(stage=ReviewStage.REVIEWING, approval_id="")
        self._granted += amount if decided.approved else 0
        return decided.approved

    def _show(self) -> None:
        workflow.set_current_details(review_markdown(self.progress))
