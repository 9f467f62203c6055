"""What people call inside workflows of their own. Import it from :mod:`perdure.workflow`."""

import asyncio
from difflib import get_close_matches
from typing import TypedDict, TypeVar, Unpack

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ChildWorkflowError, is_cancelled_exception

from perdure.workflows.action import ActionWorkflow
from perdure.workflows.approval import ApprovalWorkflow

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import ValidationError

    from perdure.activities.failures import application_error, original_error
    from perdure.errors import InvalidInputError, UsageError
    from perdure.model import queues
    from perdure.model.action_state import ActionWorkflowInput
    from perdure.model.actions import ActionInput, ActionResult, ActionRetry, OnAmbiguity, WaitBy
    from perdure.model.approval_progress import ApprovalInput
    from perdure.model.approvals import (
        ApprovalRequest,
        ApprovalResult,
        OnTimeout,
        Person,
        Reason,
        Verdict,
    )
    from perdure.model.base import Model
    from perdure.model.dispatch import check_caller_inputs
    from perdure.model.forms import FormField


M = TypeVar("M", bound=Model)


class ActionOptions(TypedDict, total=False):
    """What may be said about an action: see :class:`perdure.model.actions.ActionInput`."""

    ref: str | None
    inputs: dict[str, str]
    key: str | None
    step: str
    expect_sha: str | None
    accept: frozenset[str]
    retry: ActionRetry
    on_ambiguity: OnAmbiguity
    queue_timeout: timedelta | None
    run_timeout: timedelta | None
    cancel_timeout: timedelta
    wait: WaitBy
    poll_interval: timedelta


class ApprovalOptions(TypedDict, total=False):
    """What may be said about an approval: see :class:`perdure.model.approvals.ApprovalRequest`."""

    subject_digest: str
    approvers: tuple[str, ...]
    quorum: int
    requester: Person | None
    prevent_self_approval: bool
    timeout: timedelta
    on_timeout: OnTimeout
    escalate_to: tuple[str, ...]
    remind: timedelta | None
    form: dict[str, FormField]


async def run_action(
    repository: str,
    workflow_file: str,
    *,
    task_queue: str | None = None,
    id: str | None = None,
    **options: Unpack[ActionOptions],
) -> ActionResult:
    """Run a GitHub Actions workflow once and wait for its end, inside a workflow of your own.

    It is a child workflow with a page of its own in Temporal's UI. Cancelling the caller cancels the run.

    Args:
        repository: ``owner/name``.
        workflow_file: Its name in ``.github/workflows``.
        task_queue: Where it runs: the queue ``perdure``, which :class:`perdure.PerdurePlugin` polls too.
        id: Workflow id of the child; by default made from the caller's id.
        **options: See :class:`ActionOptions`.

    Raises:
        ApplicationError: It did not pass. ``type`` is the error's name in :mod:`perdure.errors`, for
            instance ``GitHubActionConclusionError``, and its details hold conclusion, URL, jobs and log.
    """
    input = _read(
        ActionInput, {"repository": repository, "workflow_file": workflow_file, **options}, InvalidInputError
    )
    check_caller_inputs(input.inputs)
    try:
        return await workflow.execute_child_workflow(
            ActionWorkflow.run,
            ActionWorkflowInput.of(input),
            id=id or _child_id(input),
            task_queue=task_queue or queues.WORKFLOWS,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=f"{input.repository} {input.workflow_file}",
        )
    except ChildWorkflowError as failure:
        known = original_error(failure)
        if known is None:
            raise
        message = failure.cause.message if isinstance(failure.cause, ApplicationError) else str(known)
        raise application_error(known, message=message) from failure


async def request_approval(
    message: str,
    *,
    task_queue: str | None = None,
    id: str | None = None,
    news_signal: str = "",
    **options: Unpack[ApprovalOptions],
) -> ApprovalResult:
    """Ask people for a decision and wait for it, inside a workflow of your own.

    It is a child workflow with a page of its own in Temporal's UI. Cancelling the caller cancels it.

    Args:
        message: What people are asked.
        task_queue: Where it runs: the queue ``perdure``, which :class:`perdure.PerdurePlugin` polls too.
        id: Workflow id of the child, with ``approval/`` put before it; by default made from the caller's id.
        news_signal: A signal of the caller that is sent a
            :class:`perdure.model.approval_progress.ApprovalNews` when people begin to be waited for, at each
            reminder and at the escalation.
        **options: See :class:`ApprovalOptions`.

    Returns:
        What came of it. Somebody who cancels the approval alone rejects it, with the reason ``cancelled``.

    Raises:
        ApplicationError: ``UsageError``: the request cannot be decided, as when a quorum is larger than its
            approvers. ``SettingsError``: the worker knows nobody whose decisions could count.
    """
    request = _read(ApprovalRequest, {"message": message, **options}, UsageError)
    try:
        return await workflow.execute_child_workflow(
            ApprovalWorkflow.run,
            ApprovalInput(request=request, news_signal=news_signal),
            id=_approval_id(id),
            task_queue=task_queue or queues.WORKFLOWS,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=_summary(message),
        )
    except ChildWorkflowError as failure:
        task = asyncio.current_task()
        if is_cancelled_exception(failure):
            if task is not None and task.cancelling():
                # As if it was awaited directly, so that asyncio.timeout knows its own cancellation again.
                raise asyncio.CancelledError from failure
            return ApprovalResult(verdict=Verdict.REJECTED, reason=Reason.CANCELLED, digest=request.digest)
        known = original_error(failure)
        if known is None:
            raise
        raise application_error(known) from failure


def _read(model: type[M], given: dict[str, object], error_type: type[UsageError]) -> M:
    """Read what a caller gave. What does not fit fails the workflow: its task would be retried for ever."""
    unknown = sorted(given.keys() - model.model_fields.keys())
    if unknown:
        near = get_close_matches(unknown[0], model.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(model.model_fields))}"
        raise application_error(error_type(f"there is no option {unknown[0]!r}; {hint}"))
    try:
        return model.model_validate(given)
    except ValidationError as invalid:
        raise application_error(error_type(first_complaint(invalid))) from invalid


def first_complaint(invalid: ValidationError, *, nowhere: str = "") -> str:
    """Say what is wrong with the first value that does not fit, and where it is."""
    first = invalid.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or nowhere
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _approval_id(id: str | None) -> str:
    name = id or f"{workflow.info().workflow_id}/{workflow.uuid4().hex[:8]}"
    return name if name.startswith("approval/") else f"approval/{name}"


def _summary(message: str) -> str:
    # The engine takes at most 400 bytes.
    return f"approval: {' '.join(message.split())}".encode()[:200].decode(errors="ignore")


def _child_id(input: ActionInput) -> str:
    if input.key is not None:
        return f"action/{input.key}" + (f"/{input.step}" if input.step else "")
    mark = workflow.uuid4().hex[:8]
    return f"action/{workflow.info().workflow_id}/{input.repository}/{input.workflow_file}/{mark}"
