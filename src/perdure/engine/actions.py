"""Starts and watches actions from ordinary code: the command line, the web, and anybody's Python."""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
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

from perdure.activities.failures import nothing_was_dispatched, original_error
from perdure.engine.handles import RunHandle
from perdure.engine.outages import QUERY_TIMEOUT, START_PATIENCE, Outage, engine_error
from perdure.engine.pollers import require_pollers
from perdure.engine.search_attributes import ensure_search_attributes
from perdure.errors import (
    ActionCancelledError,
    ActionError,
    EncryptionKeyError,
    EngineError,
    KeyConflictError,
    UsageError,
)
from perdure.model import queues, search_attributes
from perdure.model.action_state import ActionWorkflowInput, HeldDecision
from perdure.model.actions import ActionInput, ActionResult
from perdure.model.base import Model
from perdure.model.dispatch import check_caller_inputs
from perdure.model.left_runs import left_run
from perdure.model.progress import ActionProgress
from perdure.workflows.action import ActionWorkflow

_INPUT_DIGEST = "perdure_input_digest"
_KIND = SearchAttributeKey.for_keyword(search_attributes.KIND)
_REPOSITORY = SearchAttributeKey.for_keyword(search_attributes.REPOSITORY)
_WAITING_ON = SearchAttributeKey.for_keyword(search_attributes.WAITING_ON)
_ACTIONS_RUN_ID = SearchAttributeKey.for_int(search_attributes.ACTIONS_RUN_ID)


class ActionSummary(Model):
    """One line of a list of actions."""

    id: str
    repository: str
    workflow_file: str
    status: str
    started_at: datetime
    closed_at: datetime | None = None
    actions_run_id: int | None = None
    waiting_on: str = ""


class ActionHandle(RunHandle[ActionWorkflow, ActionProgress, ActionResult]):
    """One action, running or over. Cancelling it cancels its run at GitHub."""

    kind = "an action"

    async def resolve(self, decision: str, *, by: str = "") -> None:
        """Decide about a held dispatch.

        Args:
            decision: ``redispatch``, ``fail``, or ``adopt:RUN_ID``.
            by: Who decides, for the account.

        Raises:
            UsageError: The dispatch is not held, or the decision is none.
        """
        word, _, run_id = decision.partition(":")
        if run_id and not run_id.isdecimal():
            msg = f"{run_id!r} is not an Actions run id"
            raise UsageError(msg, hint="it is the number at the end of the run's URL: adopt:123456")
        held = HeldDecision(decision=word, actions_run_id=int(run_id) if run_id else None, by=by)
        try:
            await self._temporal.execute_update(ActionWorkflow.decide_held_dispatch, held)
        except WorkflowUpdateFailedError as failure:
            raise original_error(failure) or EngineError(str(failure)) from failure
        except RPCError as error:
            raise engine_error(error, self.id) from error

    async def _ask(self) -> ActionProgress:
        return await self._temporal.query(ActionWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)

    async def _error(self, failure: WorkflowFailureError) -> Exception:
        cause = failure.cause
        if isinstance(cause, CancelledError):
            return await self._cancelled()
        if isinstance(cause, TerminatedError):
            return ActionError(
                "the action's workflow was terminated: its run at GitHub was not cancelled",
                html_url=await self._url(),
            )
        known = original_error(failure)
        if known is None:
            return EngineError(f"{self.id} failed: {cause or failure}")
        return known

    async def _cancelled(self) -> ActionCancelledError:
        hint = f"perdure run show {self.id}"
        try:
            progress = await self.progress()
        except (EngineError, UsageError):
            return ActionCancelledError("the action was cancelled", hint=hint)
        left = left_run(self.id, progress)
        said = f", but its run may go on at GitHub: {left.reason}" if left else ""
        url = progress.actions_run.html_url if progress.actions_run else None
        return ActionCancelledError(f"the action was cancelled{said}", html_url=url, hint=hint)

    async def _url(self) -> str | None:
        try:
            actions_run = (await self.progress()).actions_run
        except (EngineError, UsageError):
            return None
        return actions_run.html_url if actions_run else None


async def run_action(
    client: Client, input: ActionInput, *, task_queue: str = queues.WORKFLOWS
) -> ActionResult:
    """Run a GitHub Actions workflow once and wait for its end: see :func:`start_action`."""
    return await (await start_action(client, input, task_queue=task_queue)).result()


async def start_action(
    client: Client, input: ActionInput, *, task_queue: str = queues.WORKFLOWS
) -> ActionHandle:
    """Start an action, or attach to the one that the same key started before.

    Args:
        client: Connected with :func:`perdure.engine.connection.connect` or with the plugin.
        input: What to run.
        task_queue: Where its workflow runs.

    Raises:
        InvalidInputError: The inputs cannot be right for any workflow file.
        KeyConflictError: The key was used for something else.
        NoWorkerError: Nobody polls the queue. Nothing was started.
        EngineError: Temporal refused, or is out of reach. With a key it is safe to try again.
    """
    check_caller_inputs(input.inputs)
    workflow_id = _workflow_id(input)
    outage = Outage(workflow_id, patience=START_PATIENCE)
    while True:
        try:
            await require_pollers(client, task_queue)
            return await _start_or_attach(client, input, workflow_id, task_queue)
        except RPCError as error:
            # It may have been started all the same: with the same id, to ask again is to attach to it.
            await outage.sit_out(error)


async def _start_or_attach(
    client: Client, input: ActionInput, workflow_id: str, task_queue: str
) -> ActionHandle:
    start = partial(_start, client, input, workflow_id, task_queue)
    try:
        return await start(WorkflowIDReusePolicy.REJECT_DUPLICATE)
    except WorkflowAlreadyStartedError:
        if not await _failed_before_dispatch(client, workflow_id):
            return await _attach(client, input, workflow_id)
    try:
        # What GitHub never got is not there: the key is free for what was meant.
        return await start(WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY)
    except WorkflowAlreadyStartedError:
        return await _attach(client, input, workflow_id)


async def _start(
    client: Client,
    input: ActionInput,
    workflow_id: str,
    task_queue: str,
    id_reuse_policy: WorkflowIDReusePolicy,
) -> ActionHandle:
    handle = await client.start_workflow(
        ActionWorkflow.run,
        ActionWorkflowInput.of(input),
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        id_reuse_policy=id_reuse_policy,
        memo={_INPUT_DIGEST: _digest(input), "workflow_file": input.workflow_file},
        search_attributes=await _search_attributes(client, input),
        static_summary=f"{input.repository} {input.workflow_file}",
    )
    return ActionHandle(handle, started=True)


def get_action(client: Client, id: str) -> ActionHandle:
    """Return an action by its id, or by the key that it was started with."""
    workflow_id = id if id.startswith("action/") else f"action/{id}"
    return ActionHandle(client.get_workflow_handle_for(ActionWorkflow.run, workflow_id))


async def list_actions(
    client: Client, *, repository: str | None = None, status: str | None = None, limit: int = 50
) -> AsyncIterator[ActionSummary]:
    """List actions, the newest first.

    Args:
        client: The connection.
        repository: ``owner/name``, or ``owner/`` for all of an owner's.
        status: One of Temporal's words, in lower case: running, completed, failed, canceled, terminated.
        limit: How many at most.

    Raises:
        UsageError: There is no such status, or the namespace cannot filter by repository.
    """
    conditions = [f"WorkflowType = '{ActionWorkflow.__name__}'"]
    if repository:
        conditions.append(_repository_condition(repository))
    if status:
        conditions.append(f"ExecutionStatus = '{status_word(status)}'")
    try:
        async for execution in client.list_workflows(" AND ".join(conditions), limit=limit):
            yield await _summary(execution)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT and repository:
            msg = (
                "this namespace does not have Perdure's search attributes, so it cannot filter by repository"
            )
            raise UsageError(msg, hint="have an administrator register them: perdure doctor") from error
        raise EngineError(f"Temporal refused: {error.message}") from error


async def _failed_before_dispatch(client: Client, workflow_id: str) -> bool:
    handle = client.get_workflow_handle_for(ActionWorkflow.run, workflow_id)
    if (await handle.describe()).status is not WorkflowExecutionStatus.FAILED:
        return False
    try:
        await handle.result()
    except WorkflowFailureError as failure:
        return nothing_was_dispatched(failure)
    return False


async def _attach(client: Client, input: ActionInput, workflow_id: str) -> ActionHandle:
    handle = client.get_workflow_handle_for(ActionWorkflow.run, workflow_id)
    memo = await (await handle.describe()).memo()
    if memo.get(_INPUT_DIGEST) not in {None, _digest(input)}:
        msg = f"the id {input.key!r} was used before, for another repository, file, ref or other inputs"
        raise KeyConflictError(msg, hint=f"see it with: perdure run show {input.key}, or choose another --id")
    # An id that was drawn for this call is nobody else's.
    return ActionHandle(handle, started=input.key is None)


def _workflow_id(input: ActionInput) -> str:
    if input.key is not None:
        return f"action/{input.key}" + (f"/{input.step}" if input.step else "")
    return f"action/{input.repository}/{input.workflow_file}/{secrets.token_hex(4)}"


def _digest(input: ActionInput) -> str:
    what = input.model_dump(
        mode="json", include={"repository", "workflow_file", "ref", "inputs", "expect_sha"}
    )
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


async def _search_attributes(client: Client, input: ActionInput) -> TypedSearchAttributes:
    if not await ensure_search_attributes(client):
        return TypedSearchAttributes.empty
    return TypedSearchAttributes(
        [SearchAttributePair(_KIND, "action"), SearchAttributePair(_REPOSITORY, input.repository)]
    )


def _repository_condition(repository: str) -> str:
    if not all(char.isalnum() or char in "._-/" for char in repository):
        msg = f"{repository!r} is not a repository"
        raise UsageError(msg, hint="write owner/name, or owner/ for all of an owner's")
    if repository.endswith("/"):
        return f"{search_attributes.REPOSITORY} STARTS_WITH '{repository}'"
    return f"{search_attributes.REPOSITORY} = '{repository}'"


def status_word(status: str) -> str:
    """Return Temporal's spelling of a status for its list queries.

    Raises:
        UsageError: There is no such status.
    """
    words = {known.name.lower(): known for known in WorkflowExecutionStatus}
    words["cancelled"] = WorkflowExecutionStatus.CANCELED
    if status.lower() not in words:
        msg = f"{status!r} is no status"
        raise UsageError(msg, hint=f"choose among {', '.join(sorted(words))}")
    return "".join(part.capitalize() for part in words[status.lower()].name.split("_"))


async def _summary(execution: WorkflowExecution) -> ActionSummary:
    try:
        memo = await execution.memo()
    except EncryptionKeyError:
        # One that cannot be opened here does not hide all the others.
        memo = {}
    attributes = execution.typed_search_attributes
    return ActionSummary(
        id=execution.id,
        repository=attributes.get(_REPOSITORY) or "",
        workflow_file=str(memo.get("workflow_file", "")),
        status=execution.status.name.lower() if execution.status else "",
        started_at=execution.start_time,
        closed_at=execution.close_time,
        actions_run_id=attributes.get(_ACTIONS_RUN_ID),
        waiting_on=attributes.get(_WAITING_ON) or "",
    )
