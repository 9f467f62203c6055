"""Asks for approvals, shows and decides them from ordinary code: the gateway, the command line, anybody's."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import CancelledError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.failures import original_error
from perdure.engine.outages import QUERY_TIMEOUT
from perdure.engine.pollers import require_pollers
from perdure.errors import (
    ApprovalNotKnownError,
    DecisionRefusedError,
    EncryptionKeyError,
    EngineError,
    KeyConflictError,
    PerdureError,
)
from perdure.model import queues
from perdure.model.approval_progress import ApprovalInput, ApprovalProgress
from perdure.model.approvals import (
    ApprovalRequest,
    ApprovalResult,
    Decision,
    Person,
    Reason,
    Verdict,
)
from perdure.model.ballots import Refusal
from perdure.model.base import Model
from perdure.model.forms import FormValue
from perdure.workflows.approval import DECIDE, ApprovalWorkflow

PREFIX = "approval/"
DECISION_LIFETIME = timedelta(minutes=5)
"""How long a decision may be handed in after it was made."""

_DECIDE_TIMEOUT = timedelta(seconds=20)
_AT_THE_SAME_TIME = 25
_AGAIN_AFTER = 0.05
_LIST_TIMEOUT = timedelta(seconds=5)
_LIST_HINT = "list them with: perdure approval list"


class ApprovalHandle:
    """One approval, open or over."""

    def __init__(self, temporal: WorkflowHandle[ApprovalWorkflow, ApprovalResult]) -> None:
        self._temporal = temporal
        self.id = temporal.id

    async def progress(self, *, timeout: timedelta = QUERY_TIMEOUT) -> ApprovalProgress:
        """Ask where the approval stands.

        Args:
            timeout: How long a worker gets to answer.

        Raises:
            ApprovalNotKnownError: There is no such approval.
            EngineError: No worker answered in time, or Temporal refused.
        """
        try:
            return await self._temporal.query(ApprovalWorkflow.progress, rpc_timeout=timeout)
        except RPCError as error:
            raise self._error(error) from error
        except WorkflowQueryFailedError as error:
            msg = f"{self.id} does not answer as an approval: {error}"
            raise ApprovalNotKnownError(msg, hint=_LIST_HINT) from error

    async def decide(self, decision: Decision) -> ApprovalProgress:
        """Hand in a decision, and return where the approval stands with it.

        Safe to repeat with the same decision: its nonce is the update's id, and Temporal knows it again.

        Raises:
            DecisionRefusedError: It does not count; the message says why.
            ApprovalNotKnownError: There is no such approval.
            EngineError: No worker took it in time, or Temporal refused. It may still be taken.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + _DECIDE_TIMEOUT.total_seconds()
        while True:
            try:
                return await self._hand_in(decision)
            except RPCError as error:
                if not _was_discarded(error) or loop.time() > give_up_at:
                    raise self._error(error) from error
                await asyncio.sleep(_AGAIN_AFTER)

    async def _hand_in(self, decision: Decision) -> ApprovalProgress:
        try:
            progress: ApprovalProgress = await self._temporal.execute_update(
                DECIDE,
                decision,
                id=decision.nonce,
                result_type=ApprovalProgress,
                rpc_timeout=_DECIDE_TIMEOUT,
            )
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from error
            raise _no_worker(self.id) from error
        except WorkflowUpdateFailedError as failure:
            raise original_error(failure) or EngineError(str(failure.cause or failure)) from failure
        return progress

    async def result(self) -> ApprovalResult:
        """Wait for the end. A cancelled approval is rejected with the reason ``cancelled``.

        Raises:
            ApprovalNotKnownError: There is no such approval.
            SettingsError: The worker knew nobody whose decisions could count.
            EngineError: Temporal refused, or the workflow was terminated.
        """
        try:
            return await self._temporal.result()
        except WorkflowFailureError as failure:
            if isinstance(failure.cause, CancelledError):
                return ApprovalResult(verdict=Verdict.REJECTED, reason=Reason.CANCELLED)
            known = original_error(failure)
            raise known or EngineError(f"{self.id} failed: {failure.cause or failure}") from failure
        except RPCError as error:
            raise self._error(error) from error

    async def cancel(self) -> None:
        """Withdraw the question, unless it is decided already."""
        try:
            await self._temporal.cancel()
        except RPCError as error:
            raise self._error(error) from error

    def _error(self, error: RPCError) -> PerdureError:
        match error.status:
            case RPCStatusCode.NOT_FOUND if "completed" in error.message or "closing" in error.message:
                return DecisionRefusedError(
                    f"{self.id} is over already",
                    reason=Refusal.OVER.value,
                    hint=f"see how: perdure approval show {self.id}",
                )
            case RPCStatusCode.NOT_FOUND:
                return ApprovalNotKnownError(f"there is no approval {self.id!r}", hint=_LIST_HINT)
            case (
                RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED | RPCStatusCode.FAILED_PRECONDITION
            ):
                return _no_worker(self.id)
        return EngineError(f"Temporal refused: {error.message}")


async def start_approval(
    client: Client, request: ApprovalRequest, *, id: str | None = None, task_queue: str = queues.WORKFLOWS
) -> ApprovalHandle:
    """Ask people for a decision.

    Args:
        client: Connected with :func:`perdure.engine.connection.connect` or with the plugin.
        request: What is asked, and of whom.
        id: Its name; ``approval/`` is put before it. A random one, where it is left out.
        task_queue: Where its workflow runs.

    Raises:
        KeyConflictError: There is, or was, an approval with this id: none is asked for twice.
        NoWorkerError: Nobody polls the queue. Nothing was started.
        EngineError: Temporal refused.
    """
    await require_pollers(client, task_queue)
    workflow_id = _workflow_id(id or secrets.token_hex(6))
    try:
        handle = await client.start_workflow(
            ApprovalWorkflow.run,
            ApprovalInput(request=request),
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary="approval",
        )
    except WorkflowAlreadyStartedError as error:
        msg = f"there is an approval {workflow_id} already"
        raise KeyConflictError(msg, hint=f"see it with: perdure approval show {workflow_id}") from error
    except RPCError as error:
        msg = f"Temporal refused: {error.message}"
        raise EngineError(msg) from error
    return ApprovalHandle(handle)


def get_approval(client: Client, id: str) -> ApprovalHandle:
    """Return an approval by its id, with or without ``approval/`` before it."""
    return ApprovalHandle(client.get_workflow_handle_for(ApprovalWorkflow.run, _workflow_id(id)))


class OpenApprovals(Model):
    """The approvals that wait for somebody, the newest first.

    Attributes:
        unanswered: Ids of those whose workers do not answer, so that nobody knows what they ask.
    """

    approvals: tuple[ApprovalProgress, ...] = ()
    unanswered: tuple[str, ...] = ()


async def list_approvals(client: Client, *, limit: int = 100) -> OpenApprovals:
    """Return the open approvals.

    Raises:
        EngineError: Temporal refused.
    """
    query = f"WorkflowType = '{ApprovalWorkflow.__name__}' AND ExecutionStatus = 'Running'"
    gate = asyncio.Semaphore(_AT_THE_SAME_TIME)

    async def ask(workflow_id: str) -> ApprovalProgress | str | None:
        handle = client.get_workflow_handle_for(ApprovalWorkflow.run, workflow_id)
        async with gate:
            try:
                return await ApprovalHandle(handle).progress(timeout=_LIST_TIMEOUT)
            except ApprovalNotKnownError:
                # It ended, and was deleted, while the list was read.
                return None
            except (EngineError, EncryptionKeyError):
                # One queue without a worker, or one key that is not here, does not hide all the others.
                return workflow_id

    try:
        ids = [execution.id async for execution in client.list_workflows(query, limit=limit)]
    except RPCError as error:
        msg = f"Temporal refused: {error.message}"
        raise EngineError(msg) from error
    answers = await asyncio.gather(*map(ask, ids))
    return OpenApprovals(
        approvals=tuple(
            answer for answer in answers if isinstance(answer, ApprovalProgress) and answer.waiting_on
        ),
        unanswered=tuple(answer for answer in answers if isinstance(answer, str)),
    )


def local_decision(
    progress: ApprovalProgress,
    login: str,
    verdict: Verdict,
    *,
    comment: str = "",
    form: Mapping[str, FormValue] | None = None,
) -> Decision:
    """Return the decision of the operating system's user, who is taken at their word.

    So their teams are those that the approval names: nobody here can know better.
    """
    named = {name.casefold() for name in progress.approvers}
    teams = tuple(
        name.removeprefix("team:")
        for name in progress.approvers
        if name.startswith("team:") and login.casefold() not in named
    )
    return Decision(
        approver=Person(login=login),
        teams=teams,
        verdict=verdict,
        digest=progress.digest,
        comment=comment,
        form=dict(form or {}),
        nonce=secrets.token_hex(16),
        expires_at=datetime.now(UTC) + DECISION_LIFETIME,
    )


def _was_discarded(error: RPCError) -> bool:
    """Say whether the server threw a decision away, because a signal came while the approval was ending.

    The approval's task then failed whole, so that nothing of it counts, and is done again.
    """
    return error.status is RPCStatusCode.FAILED_PRECONDITION and "task failure" in error.message


def _workflow_id(id: str) -> str:
    return id if id.startswith(PREFIX) else f"{PREFIX}{id}"


def _no_worker(workflow_id: str) -> EngineError:
    return EngineError(
        f"{workflow_id}: no worker answered in time",
        hint="is a worker running? Start one with: perdure worker",
    )
