"""Finds actions, pipelines and reviews, whichever of them an id or a list is about."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from enum import StrEnum

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.actions import ActionHandle, list_actions, status_word
from perdure.engine.outages import Outage, engine_error
from perdure.engine.pipelines import PipelineHandle, get_pipeline
from perdure.engine.reviews import ReviewHandle, get_review
from perdure.errors import ActionNotKnownError, EngineError, UsageError
from perdure.model.base import Model
from perdure.pipeline.running import PipelineInput
from perdure.workflows.action import ActionWorkflow
from perdure.workflows.code_review import CodeReviewWorkflow
from perdure.workflows.pipeline import PipelineWorkflow

_PREFIXES = ("action/", "pipeline/", "review/")


class RunKind(StrEnum):
    """What was started."""

    ACTION = "action"
    PIPELINE = "pipeline"
    REVIEW = "review"


class RunSummary(Model):
    """One line of a list.

    Attributes:
        repository: Of an action.
        workflow_file: Of an action.
        name: Of a pipeline; what a review is about.
        status: Temporal's word, in lower case.
    """

    id: str
    kind: RunKind
    name: str = ""
    repository: str = ""
    workflow_file: str = ""
    status: str
    started_at: datetime
    closed_at: datetime | None = None
    actions_run_id: int | None = None
    waiting_on: str = ""


async def find_run(client: Client, id: str) -> ActionHandle | PipelineHandle | ReviewHandle:
    """Return an action, a pipeline or a review.

    Args:
        client: The connection.
        id: Its id, an action's key, a pipeline's name and key with a slash between them, or what a review is
            about.

    Raises:
        ActionNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    whole = id.startswith(_PREFIXES)
    candidates = (id,) if whole else (f"action/{id}", f"pipeline/{id}", f"review/{id}")
    for workflow_id in candidates:
        match await _workflow_type(client, workflow_id):
            case None:
                continue
            case "ActionWorkflow":
                return ActionHandle(client.get_workflow_handle_for(ActionWorkflow.run, workflow_id))
            case "PipelineWorkflow":
                return get_pipeline(client, workflow_id)
            case "CodeReviewWorkflow":
                return get_review(client, workflow_id)
    what = id.partition("/")[0] if whole else "action"
    msg = f"there is no {what} {candidates[0]!r}"
    raise ActionNotKnownError(msg, hint="list them with: perdure run list")


async def list_runs(
    client: Client,
    *,
    kind: RunKind | None = None,
    repository: str | None = None,
    status: str | None = None,
    limit: int = 50,
) -> list[RunSummary]:
    """List actions, pipelines and reviews: the running ones, then the ones that ended last.

    Args:
        client: The connection.
        kind: Only these.
        repository: Only actions, and only of this one: see :func:`perdure.engine.actions.list_actions`.
        status: One of Temporal's words, in lower case.
        limit: How many at most.

    Raises:
        UsageError: There is no such status, or the namespace cannot filter by repository.
        EngineError: Temporal refused.
    """
    found: list[RunSummary] = []
    # The actions first: it is they that say which words are a status.
    if kind in {None, RunKind.ACTION}:
        actions = list_actions(client, repository=repository, status=status, limit=limit)
        found += [RunSummary(kind=RunKind.ACTION, **action.model_dump()) async for action in actions]
    if kind in {None, RunKind.PIPELINE} and repository is None:
        found += [one async for one in _list(client, PipelineWorkflow.__name__, _pipeline, status, limit)]
    if kind in {None, RunKind.REVIEW}:
        reviews = _list(client, CodeReviewWorkflow.__name__, _review, status, limit)
        found += [one async for one in reviews if repository is None or _is_of(one, repository)]
    newest_first = sorted(found, key=lambda run: run.closed_at or run.started_at, reverse=True)
    return sorted(newest_first, key=lambda run: run.closed_at is not None)[:limit]


async def pipeline_input(client: Client, id: str) -> PipelineInput:
    """Return what a pipeline was started with, from its history: that needs no worker.

    Raises:
        ActionNotKnownError: There is no such workflow.
        EngineError: Temporal refused, or the history is not readable.
    """
    handle = client.get_workflow_handle(id)
    try:
        async for event in handle.fetch_history_events(page_size=1):
            payloads = event.workflow_execution_started_event_attributes.input.payloads
            [input] = await client.data_converter.decode(payloads, [PipelineInput])
            if isinstance(input, PipelineInput):
                return input
            break
    except RPCError as error:
        raise engine_error(error, id) from error
    msg = f"{id} is no pipeline"
    raise UsageError(msg, hint="list them with: perdure run list --kind pipeline")


async def _workflow_type(client: Client, workflow_id: str) -> str | None:
    outage = Outage(workflow_id)
    while True:
        try:
            return (await client.get_workflow_handle(workflow_id).describe()).workflow_type
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            await outage.sit_out(error)


async def _list(
    client: Client,
    workflow_type: str,
    summary: Callable[[WorkflowExecution], RunSummary],
    status: str | None,
    limit: int,
) -> AsyncIterator[RunSummary]:
    conditions = [f"WorkflowType = '{workflow_type}'"]
    if status:
        conditions.append(f"ExecutionStatus = '{status_word(status)}'")
    try:
        async for execution in client.list_workflows(" AND ".join(conditions), limit=limit):
            yield summary(execution)
    except RPCError as error:
        raise EngineError(f"Temporal refused: {error.message}") from error


def _pipeline(execution: WorkflowExecution) -> RunSummary:
    # A pipeline within another has the other's id before its own step.
    name = execution.id.removeprefix("pipeline/").partition("/")[0]
    return _summary(execution, RunKind.PIPELINE, name=name)


def _review(execution: WorkflowExecution) -> RunSummary:
    name = execution.id.removeprefix("review/")
    repository = "" if name.startswith("folder/") else name.partition("#")[0].partition("@")[0]
    return _summary(execution, RunKind.REVIEW, name=name, repository=repository)


def _summary(execution: WorkflowExecution, kind: RunKind, *, name: str, repository: str = "") -> RunSummary:
    return RunSummary(
        id=execution.id,
        kind=kind,
        name=name,
        repository=repository,
        status=execution.status.name.lower() if execution.status else "",
        started_at=execution.start_time.astimezone(UTC),
        closed_at=execution.close_time.astimezone(UTC) if execution.close_time else None,
    )


def _is_of(review: RunSummary, repository: str) -> bool:
    """Say whether a review is of a repository, or of any of an owner's: ``owner/``."""
    return review.repository == repository or (
        repository.endswith("/") and review.repository.startswith(repository)
    )
