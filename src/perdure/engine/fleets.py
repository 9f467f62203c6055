"""Starts, watches and steers fleets from ordinary code."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import CancelledError, TerminatedError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.failures import original_error
from perdure.engine.handles import sit_out
from perdure.engine.outages import QUERY_TIMEOUT, Outage, engine_error
from perdure.engine.pollers import ACTIVITY_TASKS, WORKFLOW_TASKS, require_pollers
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.engine.watching import watch_progress
from perdure.errors import (
    EngineError,
    FleetCancelledError,
    FleetFailedError,
    FleetNotKnownError,
    KeyConflictError,
    UsageError,
)
from perdure.model import queues, search_attributes
from perdure.model.base import Model
from perdure.model.fleet import (
    REVIEW_WORKFLOW,
    PagedItems,
)
from perdure.model.fleet_progress import (
    FleetInput,
    FleetProgress,
    FleetResult,
    FleetState,
    OrganizationInput,
)
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow
from perdure.workflows.organization_pipeline import OrganizationPipelineWorkflow

PREFIX = "fleet/"

_DIGEST = "perdure_fleet_digest"
_KIND = SearchAttributeKey.for_keyword(search_attributes.KIND)
INPUTS: dict[str, type[FleetInput] | type[OrganizationInput]] = {
    ChunkedProcessorWorkflow.__name__: FleetInput,
    OrganizationPipelineWorkflow.__name__: OrganizationInput,
}


class FleetSummary(Model):
    """One line of a list. ``status`` is Temporal's word, in lower case."""

    id: str
    status: str
    started_at: datetime
    closed_at: datetime | None = None


class FleetHandle:
    """One fleet, running or over."""

    def __init__(
        self, client: Client, id: str, *, first_run_id: str | None = None, started: bool = False
    ) -> None:
        self.id = id
        self.started = started
        """Whether this call started it; else it was there."""
        self._temporal: WorkflowHandle[ChunkedProcessorWorkflow, FleetResult] = client.get_workflow_handle(
            id, first_execution_run_id=first_run_id, result_type=FleetResult
        )

    async def result(self) -> FleetResult:
        """Wait for the fleet's end. One of which too much has failed has a result too.

        Raises:
            FleetCancelledError: It was cancelled.
            FleetFailedError: It was terminated, or its items cannot be read.
            EngineError: Temporal refused, or was away for too long.
        """
        outage = Outage(self.id)
        while True:
            try:
                return await self._temporal.result()
            except WorkflowFailureError as failure:
                raise _error(failure) from failure
            except RPCError as error:
                await sit_out(self._temporal, outage, error)

    async def progress(self) -> FleetProgress:
        """Ask where the fleet stands.

        Raises:
            EngineError: No worker answered within 10 s.
            FleetNotKnownError: There is no such workflow.
        """
        try:
            return await self._ask()
        except RPCError as error:
            raise fleet_error(error, self.id) from error
        except WorkflowQueryFailedError as error:
            msg = f"{self.id} does not answer as a fleet: {error}"
            raise EngineError(msg) from error

    async def state(self) -> FleetState:
        """Ask what another fleet may go on from.

        Raises:
            EngineError: No worker answered within 10 s.
        """
        try:
            return await self._temporal.query(ChunkedProcessorWorkflow.state, rpc_timeout=QUERY_TIMEOUT)
        except RPCError as error:
            raise fleet_error(error, self.id) from error

    async def watch(self) -> AsyncIterator[FleetProgress]:
        """Yield where the fleet stands, at once and after every change, until it has ended."""
        outage = Outage(self.id)
        while True:
            progress: FleetProgress | None = None
            async for progress in watch_progress(self._temporal, self._ask, outage):
                yield progress
            # Its histories follow each other: what has ended is only the one that was watched.
            if progress is None or progress.conclusion is not None or not await self.is_running():
                return

    async def is_running(self) -> bool:
        """Say whether it runs."""
        try:
            return (await self._temporal.describe()).status is WorkflowExecutionStatus.RUNNING
        except RPCError as error:
            raise fleet_error(error, self.id) from error

    async def pause(self) -> None:
        """Begin nothing more; what runs goes on."""
        await self._signal("pause")

    async def resume(self) -> None:
        """Go on."""
        await self._signal("resume")

    async def cancel(self) -> None:
        """Begin nothing more, and ask what runs to end."""
        try:
            await self._temporal.cancel()
        except RPCError as error:
            raise fleet_error(error, self.id) from error

    async def _signal(self, name: str) -> None:
        try:
            await self._temporal.signal(name)
        except RPCError as error:
            raise fleet_error(error, self.id) from error

    async def _ask(self) -> FleetProgress:
        return await self._temporal.query(ChunkedProcessorWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)


async def start_fleet(
    client: Client,
    input: FleetInput | OrganizationInput,
    *,
    key: str | None = None,
    task_queue: str = queues.WORKFLOWS,
) -> FleetHandle:
    """Start a fleet, or attach to the one that the same key started before.

    Args:
        client: Connected with Perdure's data converter.
        input: Of :func:`perdure.pipeline.fleet_compiling.compile_fleet`, or your own.
        key: Makes the fleet the same one wherever it is started from.
        task_queue: Where its own workflow runs.

    Raises:
        KeyConflictError: The key was used for another fleet.
        NoWorkerError: Nobody polls one of its queues. Nothing was started.
        EngineError: Temporal refused.
    """
    await _require_workers(client, input, task_queue)
    name = input.name if isinstance(input, FleetInput) else input.name or input.organization
    workflow_id = f"{PREFIX}{name}/{key or secrets.token_hex(4)}"
    workflow_type = next(name for name, type_ in INPUTS.items() if type_ is type(input))
    try:
        handle = await client.start_workflow(
            workflow_type,
            input,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            memo={_DIGEST: input.digest},
            search_attributes=await _search_attributes(client),
            static_summary=name,
        )
    except WorkflowAlreadyStartedError:
        return await _attach(client, workflow_id, input.digest)
    except RPCError as error:
        raise fleet_error(error, workflow_id) from error
    return FleetHandle(client, workflow_id, first_run_id=handle.first_execution_run_id, started=True)


async def find_fleet(client: Client, id: str) -> FleetHandle:
    """Return a fleet by its id, or by its name and key with a slash between them.

    Raises:
        FleetNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    workflow_id = id if id.startswith(PREFIX) else PREFIX + id
    outage = Outage(workflow_id)
    while True:
        try:
            described = await client.get_workflow_handle(workflow_id).describe()
            break
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise fleet_error(error, workflow_id) from error
            await outage.sit_out(error)
    if described.workflow_type not in INPUTS:
        msg = f"{workflow_id} is no fleet"
        raise FleetNotKnownError(msg, hint="list them with: perdure fleet list")
    return FleetHandle(client, workflow_id)


async def list_fleets(client: Client, *, limit: int = 20) -> list[FleetSummary]:
    """List fleets: the running ones, then the ones that ended last.

    Raises:
        EngineError: Temporal refused.
    """
    types = " OR ".join(f"WorkflowType = '{name}'" for name in INPUTS)
    query = f"({types}) AND ExecutionStatus != 'ContinuedAsNew'"
    try:
        found = [_summary(one) async for one in client.list_workflows(query, limit=limit)]
    except RPCError as error:
        raise EngineError(f"Temporal refused: {error.message}") from error
    newest_first = sorted(found, key=lambda one: one.closed_at or one.started_at, reverse=True)
    return sorted(newest_first, key=lambda one: one.closed_at is not None)


def fleet_error(error: RPCError, id: str) -> EngineError | UsageError:
    """Return the error that says what a refusal means for a fleet."""
    if error.status is RPCStatusCode.NOT_FOUND and "completed" in error.message:
        return UsageError(f"{id} has ended", hint=f"see how: perdure fleet show {id}")
    if error.status is RPCStatusCode.NOT_FOUND:
        return FleetNotKnownError(f"there is no fleet {id!r}", hint="list them with: perdure fleet list")
    return engine_error(error, id)


_HINT = "start the worker that does this fleet's work, or correct task-queue"


async def _require_workers(client: Client, input: FleetInput | OrganizationInput, task_queue: str) -> None:
    fleet = input if isinstance(input, FleetInput) else input.as_fleet()
    await require_pollers(client, task_queue, kinds=WORKFLOW_TASKS)
    kinds = ACTIVITY_TASKS if fleet.work.activity else WORKFLOW_TASKS
    if fleet.work.workflow == REVIEW_WORKFLOW:
        # Whose activities run beside it, wherever the workflow itself does.
        review_queue = queues.beside(fleet.work.task_queue or task_queue, queues.REVIEW)
        await require_pollers(client, review_queue, kinds=ACTIVITY_TASKS, hint=_tier_hint(input))
    if fleet.work.task_queue not in {"", task_queue}:
        await require_pollers(client, fleet.work.task_queue, kinds=kinds, hint=_tier_hint(input) or _HINT)
    if isinstance(fleet.items, PagedItems) and fleet.items.task_queue:
        await require_pollers(client, fleet.items.task_queue, kinds=ACTIVITY_TASKS, hint=_HINT)


def _tier_hint(input: FleetInput | OrganizationInput) -> str | None:
    if not isinstance(input, OrganizationInput):
        return None
    tier = input.tier.value
    if input.tier_queue != OrganizationInput.model_fields["tier_queue"].default:
        return f"start a worker of the tier {tier}, or correct tier-queue"
    suffix = f"PERDURE_WORKER_QUEUE_SUFFIX=-{tier}"
    return f"start one of the tier {tier}: {suffix} perdure worker --queues {','.join(queues.REVIEWING)}"


async def _attach(client: Client, workflow_id: str, digest: str) -> FleetHandle:
    handle = client.get_workflow_handle(workflow_id)
    memo = await (await handle.describe()).memo()
    if memo.get(_DIGEST) not in {None, digest}:
        msg = f"the id {workflow_id!r} was used before, for another fleet"
        raise KeyConflictError(
            msg, hint=f"see it with: perdure fleet show {workflow_id}, or choose another --id"
        )
    return FleetHandle(client, workflow_id)


async def _search_attributes(client: Client) -> TypedSearchAttributes:
    if not await ensure_search_attributes(client):
        return TypedSearchAttributes.empty
    return TypedSearchAttributes([SearchAttributePair(_KIND, "fleet")])


def _error(failure: WorkflowFailureError) -> Exception:
    if isinstance(failure.cause, CancelledError):
        return FleetCancelledError("the fleet was cancelled")
    if isinstance(failure.cause, TerminatedError):
        return FleetFailedError("the fleet's workflow was terminated: what it had begun goes on")
    known = original_error(failure)
    return FleetFailedError(str(failure.cause or failure), hint=known.hint if known else None)


def _summary(execution: WorkflowExecution) -> FleetSummary:
    return FleetSummary(
        id=execution.id,
        status=execution.status.name.lower() if execution.status else "",
        started_at=execution.start_time.astimezone(UTC),
        closed_at=execution.close_time.astimezone(UTC) if execution.close_time else None,
    )
