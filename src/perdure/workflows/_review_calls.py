"""The activities of a review as workflows see them, each with its time-outs and retries.

They are called by name, and a test compares names and types with the classes that do them: importing those
would import the extra ``review``, and workflows run on workers that do not have it.
"""

from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from perdure.model import queues
    from perdure.model.actions import StoredObject
    from perdure.model.base import Model
    from perdure.model.fixing import (
        AppliedFix,
        ApplyInput,
        PreparedFixes,
        PrepareFixesInput,
        VerifiedFix,
        VerifyFixInput,
    )
    from perdure.model.posting import Published, PublishInput, Said, SayInput
    from perdure.model.pull_requests import PullRequestFacts, PullRequestRef
    from perdure.model.review import UnitResult
    from perdure.model.reviewing import (
        AnalyseInput,
        AnalysisResult,
        FinishReviewInput,
        KeepResultsInput,
        ListedUnits,
        ListUnitsInput,
        ModelsReady,
        PlannedUnits,
        PlanUnitsInput,
        ProbeModelsInput,
        ReviewSummary,
        ReviewUnitInput,
    )

R = TypeVar("R", bound=Model)

_REVIEW = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(minutes=10),
    maximum_attempts=5,
)
_OUTAGE = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=10)
)
"""A model's or GitHub's outage is a wait. What is permanent ends it at once."""

_LONGEST_OUTAGE = timedelta(hours=24)

_START_TO_CLOSE = timedelta(minutes=30)
_LOST_WORKER_TIMEOUT = timedelta(seconds=10)


async def read_pull_request(ref: PullRequestRef) -> PullRequestFacts:
    """Read where a pull request stands."""
    return await _call("read_pull_request", ref, PullRequestFacts, queues.WORKFLOWS, summary=str(ref))


async def probe_models(input: ProbeModelsInput) -> ModelsReady:
    """Find out which models will answer, before anything is paid for."""
    return await _call("probe_models", input, ModelsReady, queues.REVIEW)


async def plan_units(input: PlanUnitsInput) -> PlannedUnits:
    """Cut a change into what is reviewed in one go."""
    return await _call("plan_units", input, PlannedUnits, queues.REVIEW)


async def list_units(input: ListUnitsInput) -> ListedUnits:
    """Read a part of a plan."""
    return await _call("list_units", input, ListedUnits, queues.REVIEW)


async def analyse(input: AnalyseInput) -> AnalysisResult:
    """Have the static reviewers look."""
    return await _call("analyse", input, AnalysisResult, queues.REVIEW)


async def review_unit(input: ReviewUnitInput) -> UnitResult:
    """Have a model review one unit. A provider's outage is waited for, however long it takes."""
    return await _call(
        "review_unit", input, UnitResult, queues.REVIEW, retry=_OUTAGE, summary=input.unit.path
    )


async def keep_results(input: KeepResultsInput) -> StoredObject:
    """Keep the results of many units in the content store."""
    return await _call("keep_results", input, StoredObject, queues.REVIEW)


async def finish_review(input: FinishReviewInput) -> ReviewSummary:
    """Join what all reviewers found."""
    return await _call("finish_review", input, ReviewSummary, queues.REVIEW)


async def publish_review(input: PublishInput) -> Published:
    """Post a review at GitHub, once."""
    summary = f"{input.repository}#{input.pull_number} @ {input.head_sha[:12]}"
    return await _call("publish_review", input, Published, queues.DISPATCH, retry=_OUTAGE, summary=summary)


async def say_rejected(input: SayInput) -> Said:
    """Say on a pull request why nothing is applied."""
    return await _call("say_rejected", input, Said, queues.DISPATCH, retry=_OUTAGE)


async def prepare_fixes(input: PrepareFixesInput) -> PreparedFixes:
    """Work out the files as they would be."""
    return await _call("prepare_fixes", input, PreparedFixes, queues.WORKFLOWS)


async def verify_fix(input: VerifyFixInput) -> VerifiedFix:
    """Have the static reviewers look at the files as they would be."""
    return await _call("verify_fix", input, VerifiedFix, queues.REVIEW)


async def apply_fixes(input: ApplyInput) -> AppliedFix:
    """Commit fixes to a pull request's branch, if it is where it was approved."""
    return await _call("apply_fixes", input, AppliedFix, queues.DISPATCH, retry=_OUTAGE)


async def _call(  # noqa: PLR0913
    name: str, input: Model, result: type[R], queue: str, *, retry: RetryPolicy = _REVIEW, summary: str = ""
) -> R:
    answer: R = await workflow.execute_activity(
        name,
        input,
        task_queue=queues.beside(workflow.info().task_queue, queue),
        result_type=result,
        start_to_close_timeout=_START_TO_CLOSE,
        schedule_to_close_timeout=_LONGEST_OUTAGE if retry is _OUTAGE else None,
        heartbeat_timeout=_LOST_WORKER_TIMEOUT,
        retry_policy=retry,
        summary=summary or None,
    )
    return answer
