"""Starts and watches pipelines from ordinary code."""

import secrets
from collections.abc import Mapping

from temporalio.client import (
    Client,
    WorkflowFailureError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import CancelledError, TerminatedError, WorkflowAlreadyStartedError
from temporalio.service import RPCError

from perdure.activities.failures import original_error
from perdure.engine.handles import RunHandle
from perdure.engine.outages import QUERY_TIMEOUT, engine_error
from perdure.engine.pollers import require_pollers
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.errors import (
    EngineError,
    KeyConflictError,
    PipelineCancelledError,
    PipelineFailedError,
    PlanError,
    UsageError,
)
from perdure.model import queues, search_attributes
from perdure.model.approvals import Person
from perdure.model.packing import MAX_BYTES
from perdure.pipeline import PipelineFile, compile_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.plan import Plan
from perdure.pipeline.running import PipelineInput, PipelineProgress, PipelineResult, PipelineState
from perdure.workflows.pipeline import PipelineWorkflow

PLAN_DIGEST = "perdure_plan_digest"
"""The memo that holds the digest of what a pipeline was started with."""

_SMALLER = "give shorter inputs, or divide it: each `pipeline:` step is a pipeline of its own"
_SMALLER_AGAIN = "its earlier results are part of that: start it anew with `perdure pipeline run`"
_KIND = SearchAttributeKey.for_keyword(search_attributes.KIND)


class PipelineHandle(RunHandle[PipelineWorkflow, PipelineProgress, PipelineResult]):
    """One pipeline, running or over. Cancelling it undoes what had succeeded."""

    kind = "a pipeline"

    async def decline_compensation(self) -> None:
        """Have the pipeline undo nothing, however it ends; where it is undoing something that is stopped.

        It holds for the pipelines that run as steps of it too, and cannot be taken back. Followed by
        :meth:`cancel` it is a cancellation that leaves everything as it is.

        Raises:
            UsageError: It has ended.
            EngineError: Temporal refused.
        """
        try:
            await self._temporal.signal(PipelineWorkflow.compensation_declined)
        except RPCError as error:
            raise engine_error(error, self.id) from error

    async def _ask(self) -> PipelineProgress:
        return await self._temporal.query(PipelineWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)

    async def _error(self, failure: WorkflowFailureError) -> Exception:
        if isinstance(failure.cause, CancelledError):
            return PipelineCancelledError(f"the pipeline was cancelled{await self._left_running()}")
        if isinstance(failure.cause, TerminatedError):
            return PipelineFailedError("the pipeline's workflow was terminated: nothing was undone")
        return original_error(failure) or EngineError(str(failure.cause or failure))

    async def _left_running(self) -> str:
        try:
            left = (await self.progress()).left_running
        except (EngineError, UsageError):
            return ""
        if not left:
            return ""
        runs = "a run" if len(left) == 1 else f"{len(left)} runs"
        return f", but {runs} may go on at GitHub: {', '.join(run.html_url or str(run) for run in left)}"


async def start_pipeline(  # noqa: PLR0913 - keywords, most of them left out
    client: Client,
    file: PipelineFile,
    inputs: Mapping[str, object] | None = None,
    *,
    files: Mapping[str, PipelineFile] | None = None,
    key: str | None = None,
    requester: Person | None = None,
    compensate: bool = True,
    task_queue: str = queues.WORKFLOWS,
    resume: PipelineState | None = None,
) -> PipelineHandle:
    """Start a pipeline, or attach to the one that the same key started before.

    Args:
        client: Connected with Perdure's data converter.
        file: The pipeline.
        inputs: Its inputs by name; texts are read as what the input's type asks for.
        files: Pipelines that its steps run, by the path that the step names.
        key: Makes the pipeline the same one wherever it is started from.
        resume: Results of an earlier run that are kept: see :func:`retry_pipeline`.
        requester: Who starts it: nobody approves what they started, unless the file lets them.
        compensate: Whether a failure or a cancellation undoes what succeeded.
        task_queue: Where its workflow runs.

    Raises:
        PipelineInputError: The inputs do not fit. Nothing was started.
        KeyConflictError: The key was used for another plan.
        NoWorkerError: Nobody polls the queue. Nothing was started.
        EngineError: Temporal refused.
    """
    compiled = compile_pipeline(file, inputs)
    input = PipelineInput(
        pipeline=compiled,
        files=dict(files or {}),
        requester=requester,
        digest=plan_digest(compiled),
        compensate=compensate,
        resume=resume,
    )
    return await start_input(client, input, key, task_queue)


async def start_plan(  # noqa: PLR0913 - keywords, most of them left out
    client: Client,
    plan: Plan,
    *,
    key: str | None = None,
    requester: Person | None = None,
    compensate: bool = True,
    task_queue: str = queues.WORKFLOWS,
) -> PipelineHandle:
    """Start a pipeline as it was planned: on the plan's commits, with approvals bound to the plan's digest.

    Args:
        client: Connected with Perdure's data converter.
        plan: As :func:`perdure.engine.plans.make_plan` made it.
        key: See :func:`start_pipeline`, as for the rest.
        requester: Who starts it.
        compensate: Whether a failure or a cancellation undoes what succeeded.
        task_queue: Where its workflow runs.

    Raises:
        PlanError: The plan was changed after it was made.
        KeyConflictError: The key was used for another plan.
        NoWorkerError: Nobody polls the queue. Nothing was started.
        EngineError: Temporal refused.
    """
    if not plan.is_intact():
        raise PlanError("the plan was changed after it was made: its digest does not fit")
    input = PipelineInput(
        pipeline=plan.pipeline,
        files=plan.files,
        requester=requester,
        digest=plan.digest,
        compensate=compensate,
        pins=plan.pins,
    )
    return await start_input(client, input, key, task_queue)


async def start_input(
    client: Client, input: PipelineInput, key: str | None, task_queue: str
) -> PipelineHandle:
    """Start what :func:`start_pipeline` and those beside it have put together.

    Raises:
        UsageError: It is larger than the engine takes. Nothing was started.
    """
    check_size(input)
    await require_pollers(client, task_queue)
    workflow_id = f"pipeline/{input.pipeline.name}/{key or secrets.token_hex(4)}"
    try:
        handle = await client.start_workflow(
            PipelineWorkflow.run,
            input,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            memo={PLAN_DIGEST: input.digest},
            search_attributes=await pipeline_search_attributes(client),
            static_summary=input.pipeline.name,
        )
    except WorkflowAlreadyStartedError:
        return await _attach(client, workflow_id, input.digest)
    except RPCError as error:
        raise engine_error(error, workflow_id) from error
    return PipelineHandle(handle, started=True)


def check_size(input: PipelineInput) -> None:
    """Refuse what the engine would refuse.

    Raises:
        UsageError: It is too large.
    """
    if (size := input.packed_size) > MAX_BYTES:
        msg = f"the pipeline takes {size:,} bytes, compressed, and the engine takes {MAX_BYTES:,}"
        raise UsageError(msg, hint=_SMALLER if input.resume is None else _SMALLER_AGAIN)


def get_pipeline(client: Client, id: str) -> PipelineHandle:
    """Return a pipeline by its id."""
    return PipelineHandle(client.get_workflow_handle_for(PipelineWorkflow.run, id))


async def _attach(client: Client, workflow_id: str, digest: str) -> PipelineHandle:
    handle = client.get_workflow_handle_for(PipelineWorkflow.run, workflow_id)
    memo = await (await handle.describe()).memo()
    if memo.get(PLAN_DIGEST) not in {None, digest}:
        msg = f"the id {workflow_id!r} was used before, for another plan"
        raise KeyConflictError(
            msg, hint=f"see it with: perdure run show {workflow_id}, or choose another --id"
        )
    return PipelineHandle(handle)


async def pipeline_search_attributes(client: Client) -> TypedSearchAttributes:
    """Return the search attributes that a pipeline starts with, as far as the namespace takes them."""
    if not await ensure_search_attributes(client):
        return TypedSearchAttributes.empty
    return TypedSearchAttributes([SearchAttributePair(_KIND, "pipeline")])
