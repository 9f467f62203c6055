"""What people call inside workflows of their own for fleets. Import it from :mod:`perdure.workflow`."""

import asyncio
from collections.abc import Iterable
from typing import Any, TypedDict, Unpack

from temporalio import workflow
from temporalio.exceptions import ChildWorkflowError, is_cancelled_exception

from perdure.workflows import _fleet_calls
from perdure.workflows.chunked_processor import ChunkedProcessorWorkflow

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import JsonValue, ValidationError

    from perdure.activities.failures import application_error, original_error
    from perdure.activities.fleet import KeepItemsInput
    from perdure.errors import UsageError
    from perdure.model import queues
    from perdure.model.fleet import (
        LARGEST_INLINE,
        IndexedPage,
        Items,
        ListedItems,
        OrganizationItems,
        PagedItems,
        StoredIndex,
        StoredItems,
        Work,
        item_key,
        pages_of,
    )
    from perdure.model.fleet_progress import AlertTarget, FleetInput, FleetResult


class FleetWorkOptions(TypedDict, total=False):
    """What may be said about a fleet: see :class:`perdure.model.fleet_progress.FleetOptions`."""

    max_parallel: int
    chunk_size: int
    failure_threshold: float
    alert: AlertTarget | None
    cancel_timeout: timedelta
    events_per_history: int


async def fleet(
    items: Iterable[JsonValue] | OrganizationItems | PagedItems,
    work: Work,
    *,
    name: str = "fleet",
    id: str | None = None,
    task_queue: str | None = None,
    **options: Unpack[FleetWorkOptions],
) -> FleetResult:
    """Do the same work for every item of a list, inside a workflow of your own.

        result = await fleet(repositories, Work(workflow="Migrate"), max_parallel=20)

    It is a child workflow with a page of its own in Temporal's UI, and its items are workflows or activities
    on your own task queue, unless the work names another. Cancelling the caller cancels all of it.

    Args:
        items: A list of any length, an organisation's repositories, or what an activity of yours reads.
        work: What is done for each of them.
        name: What it is called.
        id: Workflow id of the child; by default made from the caller's id.
        task_queue: Where the fleet itself runs: the queue ``perdure``, which :class:`perdure.PerdurePlugin`
            polls too.
        **options: See :class:`FleetWorkOptions`.

    Returns:
        What it came to, whatever has failed: ``conclusion`` says how bad it is, ``failures`` names the first,
        and ``perdure fleet report`` all of them.

    Raises:
        ApplicationError: ``UsageError``: an option does not fit, or an item is there twice. ``GitHubError``
            and those below: the items cannot be read.
    """
    own_queue = task_queue or queues.WORKFLOWS
    if not work.task_queue:
        work = work.model_copy(update={"task_queue": workflow.info().task_queue})
    where = await _items(items, own_queue)
    given: dict[str, Any] = {"name": name, "items": where, "work": work, **options}
    try:
        input = FleetInput.model_validate(given)
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False)[0]
        where_in = ".".join(str(part) for part in first["loc"])
        raise application_error(UsageError(f"{where_in}: {first['msg']}")) from invalid
    try:
        return await workflow.execute_child_workflow(
            ChunkedProcessorWorkflow.run,
            input,
            id=id or f"fleet/{workflow.info().workflow_id}/{workflow.uuid4().hex[:8]}",
            task_queue=own_queue,
            cancellation_type=workflow.ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
            static_summary=name[:100],
        )
    except ChildWorkflowError as failure:
        task = asyncio.current_task()
        if is_cancelled_exception(failure) and task is not None and task.cancelling():
            # As if it was awaited directly, so that asyncio.timeout knows its own cancellation again.
            raise asyncio.CancelledError from failure
        known = original_error(failure)
        if known is None:
            raise
        raise application_error(known) from failure


async def _items(items: Iterable[JsonValue] | OrganizationItems | PagedItems, task_queue: str) -> Items:
    if isinstance(items, OrganizationItems | PagedItems):
        return items
    values = list(items)
    seen: set[str] = set()
    for value in values:
        key = item_key(value)
        if key in seen:
            raise application_error(UsageError(f"the item {key!r} is there twice: it is worked on once"))
        seen.add(key)
    pages = list(pages_of(values))
    if len(pages) <= 1 and len(values) <= LARGEST_INLINE:
        return ListedItems(items=tuple(values))
    kept = []
    for page in pages:
        stored = await _fleet_calls.keep_items(KeepItemsInput(items=page), task_queue)
        kept.append(IndexedPage(stored=stored, count=len(page)))
    index = await _fleet_calls.keep_index(StoredIndex(pages=tuple(kept)), task_queue)
    return StoredItems(index=index, total=len(values))
