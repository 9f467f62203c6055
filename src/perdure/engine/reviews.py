"""Starts and watches reviews from ordinary code."""

import hashlib

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import CancelledError, TerminatedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.failures import original_error
from perdure.engine.handles import RunHandle
from perdure.engine.outages import QUERY_TIMEOUT, engine_error
from perdure.engine.pollers import require_pollers
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.errors import EngineError, ReviewCancelledError
from perdure.model import queues, search_attributes
from perdure.model.actions import StoredObject
from perdure.model.code_review import CodeReviewInput, CodeReviewProgress, CodeReviewResult, HeadChanged
from perdure.model.review import ReviewTarget
from perdure.workflows.code_review import CodeReviewWorkflow

_KIND = SearchAttributeKey.for_keyword(search_attributes.KIND)
_REPOSITORY = SearchAttributeKey.for_keyword(search_attributes.REPOSITORY)


class ReviewHandle(RunHandle[CodeReviewWorkflow, CodeReviewProgress, CodeReviewResult]):
    """One review, running or over. One that was there already was told to look at its branch again.

    Its :meth:`result` raises :class:`ReviewCancelledError`, or the error that says why it cannot be done.
    Cancelling it throws nothing away that was paid for: what a model was asked already is kept.
    """

    kind = "a review"

    async def _ask(self) -> CodeReviewProgress:
        return await self._temporal.query(CodeReviewWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)

    async def _error(self, failure: WorkflowFailureError) -> Exception:
        if isinstance(failure.cause, CancelledError):
            return ReviewCancelledError("the review was cancelled")
        if isinstance(failure.cause, TerminatedError):
            return ReviewCancelledError("the review's workflow was terminated")
        return original_error(failure) or EngineError(str(failure.cause or failure))


async def start_review(
    client: Client, input: CodeReviewInput, *, task_queue: str = queues.WORKFLOWS
) -> ReviewHandle:
    """Start a review, or have the one that runs for the same target look at its branch again.

    Args:
        client: Connected with Perdure's data converter.
        input: What to review. Where ``previous`` is left out it is the last review of the same target.
        task_queue: Where its workflow runs.

    Raises:
        NoWorkerError: Nobody polls the queues. Nothing was started.
        EngineError: Temporal refused.
    """
    workflow_id = review_id(input.target)
    try:
        await require_pollers(client, task_queue)
        await require_pollers(client, queues.beside(task_queue, queues.REVIEW))
        if input.previous is None:
            input = input.model_copy(update={"previous": await last_report(client, input.target)})
        is_running = await _is_running(client, workflow_id)
        handle = await client.start_workflow(
            CodeReviewWorkflow.run,
            input,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            search_attributes=await _search_attributes(client, input.target),
            static_summary=f"review of {input.target}"[:200],
        )
        if is_running:
            await handle.signal(CodeReviewWorkflow.head_changed, HeadChanged())
    except RPCError as error:
        raise engine_error(error, workflow_id) from error
    return ReviewHandle(handle, started=not is_running)


def get_review(client: Client, id: str) -> ReviewHandle:
    """Return a review by its id."""
    return ReviewHandle(client.get_workflow_handle_for(CodeReviewWorkflow.run, id))


def review_id(target: ReviewTarget) -> str:
    """Return the workflow id of a target's review: there is one at a time."""
    if target.folder:
        folder = hashlib.sha256(target.folder.encode()).hexdigest()[:12]
        return f"review/folder/{target.folder.rstrip('/').rpartition('/')[2]}-{folder}"
    ref = f"@{target.ref}" if target.ref and target.pull_number is None else ""
    return f"review/{target}{ref}"


async def last_report(client: Client, target: ReviewTarget) -> StoredObject | None:
    """Return the report of the last review of the same target, if there was one."""
    handle = client.get_workflow_handle_for(CodeReviewWorkflow.run, review_id(target))
    try:
        if (await handle.describe()).status is not WorkflowExecutionStatus.COMPLETED:
            return None
        result = await handle.result(follow_runs=False)
    except (RPCError, WorkflowFailureError):
        return None
    return result.summary.report if result.summary is not None else None


async def _is_running(client: Client, workflow_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise engine_error(error, workflow_id) from error
    return described.status is WorkflowExecutionStatus.RUNNING


async def _search_attributes(client: Client, target: ReviewTarget) -> TypedSearchAttributes:
    if not await ensure_search_attributes(client):
        return TypedSearchAttributes.empty
    pairs = [SearchAttributePair(_KIND, "review")]
    if target.repository:
        pairs.append(SearchAttributePair(_REPOSITORY, target.repository))
    return TypedSearchAttributes(pairs)
