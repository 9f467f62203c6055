"""Carries out the work of one item of a fleet, whatever kind of work it is, and says how it ended.

What goes wrong is the item's end, and never raised. What is raised is a cancellation.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import FailureError, WorkflowAlreadyStartedError

from perdure.workflows import _fleet_calls

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import JsonValue

    from perdure.activities.ends import bad_end, good_end
    from perdure.activities.fleet import AwaitWorkflowsInput
    from perdure.errors import PerdureError
    from perdure.model.fleet import LARGEST_VALUE, FleetItem, ItemEnd, Outcome, Work, is_larger
    from perdure.pipeline import PipelineFile, compile_pipeline
    from perdure.pipeline.digest import plan_digest
    from perdure.pipeline.fleet_template import render_item
    from perdure.pipeline.running import PipelineInput

_LONGEST_SUMMARY = 100


class ItemWork:
    """Carries out work, one item at a time."""

    def __init__(self, work: Work, *, outlives: bool, largest_value: int = LARGEST_VALUE) -> None:
        """Read the work once.

        Args:
            work: What is done.
            outlives: Whether workflows go on when this one ends or begins a new history.
            largest_value: Bytes of a result that are returned; larger ones are kept in the store.
        """
        self._largest_value = largest_value
        self._work = work
        self._close_policy = (
            workflow.ParentClosePolicy.ABANDON if outlives else workflow.ParentClosePolicy.REQUEST_CANCEL
        )
        pipeline = work.pipeline
        self._pipeline = PipelineFile.model_validate(pipeline.file) if pipeline else None
        self._files = {
            name: PipelineFile.model_validate(file)
            for name, file in (pipeline.files if pipeline else {}).items()
        }

    def workflow_id(self, item: FleetItem) -> str:
        """Return the id of the workflow that does an item: the same on every attempt; empty for none."""
        return "" if self._work.activity else f"{workflow.info().workflow_id}/{item.key}"

    async def run(self, item: FleetItem, begun: Callable[[], None]) -> ItemEnd:
        """Do the work of one item.

        Args:
            item: The item.
            begun: Called once the server has taken it.
        """
        try:
            if self._work.activity:
                begun()
                ended: JsonValue | ItemEnd = await self._activity(item)
            else:
                ended = await self._workflow(item, begun)
        except (PerdureError, ValueError) as error:
            return bad_end(error)
        except FailureError as failure:
            end = bad_end(failure)
            task = asyncio.current_task()
            if end.outcome is Outcome.CANCELLED and task is not None and task.cancelling():
                raise asyncio.CancelledError from failure
            return end
        if isinstance(ended, ItemEnd):
            return ended
        end = good_end(ended)
        return await _kept(end) if is_larger(ended, self._largest_value) else end

    async def _workflow(self, item: FleetItem, begun: Callable[[], None]) -> JsonValue | ItemEnd:
        workflow_id = self.workflow_id(item)
        try:
            handle = await workflow.start_child_workflow(
                "PipelineWorkflow" if self._pipeline else self._work.workflow,
                args=self._arguments(item),
                id=workflow_id,
                task_queue=self._work.task_queue or None,
                execution_timeout=self._work.timeout,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
                parent_close_policy=self._close_policy,
                static_summary=item.key[:_LONGEST_SUMMARY],
                priority=self._priority(),
            )
        except WorkflowAlreadyStartedError:
            # A reset, or the same item twice: what was done is not done again.
            begun()
            return await self._follow_one(workflow_id)
        begun()
        value: JsonValue = await handle
        return value

    async def _activity(self, item: FleetItem) -> JsonValue:
        value: JsonValue = await workflow.execute_activity(
            self._work.activity,
            args=self._arguments(item),
            task_queue=self._work.task_queue or None,
            schedule_to_close_timeout=self._work.timeout,
            start_to_close_timeout=self._work.attempt_timeout,
            retry_policy=RetryPolicy(
                initial_interval=timedelta(seconds=1),
                backoff_coefficient=2,
                maximum_interval=timedelta(minutes=10),
                maximum_attempts=self._work.attempts,
            ),
            cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
            summary=item.key[:_LONGEST_SUMMARY],
            priority=self._priority(),
        )
        return value

    def _arguments(self, item: FleetItem) -> Sequence[object]:
        input = render_item(self._work.input, item.value)
        if self._pipeline is None:
            return [] if input is None else [input]
        compiled = compile_pipeline(self._pipeline, input if isinstance(input, dict) else {})
        return [PipelineInput(pipeline=compiled, files=self._files, digest=plan_digest(compiled))]

    def _priority(self) -> Priority:
        return Priority(fairness_key=self._work.fairness_key or None)

    async def _follow_one(self, workflow_id: str) -> ItemEnd:
        try:
            while True:
                for found in await _fleet_calls.await_workflows(
                    AwaitWorkflowsInput(workflow_ids=(workflow_id,))
                ):
                    return found.end or ItemEnd(outcome=Outcome.FAILED, reason="its workflow is gone")
        except asyncio.CancelledError:
            await cancel_workflow(workflow_id)
            raise


async def _kept(end: ItemEnd) -> ItemEnd:
    """Put a large value away. What is done stays done: a cancellation comes too late for it."""
    keeping = asyncio.create_task(_fleet_calls.keep_value(end))
    try:
        return await asyncio.shield(keeping)
    except asyncio.CancelledError:
        return await keeping


async def cancel_workflow(workflow_id: str) -> None:
    """Ask a workflow that is no child of this history to end."""
    with contextlib.suppress(FailureError):
        await workflow.get_external_workflow_handle(workflow_id).cancel()
