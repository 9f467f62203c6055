"""Tells people that too much of a fleet fails. What goes wrong with that never stops the fleet."""

from collections.abc import Awaitable

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows import _fleet_calls

with workflow.unsafe.imports_passed_through():
    from perdure.activities.alerting import AlertInput
    from perdure.activities.ends import bad_end
    from perdure.activities.notifying import PostWebhookInput
    from perdure.model.fleet_progress import AlertTarget, FleetProgress
    from perdure.model.notifications import Message

_LONGEST_TEXT = 1_000


async def tell(target: AlertTarget, progress: FleetProgress) -> str:
    """Tell everybody who is to be told, and return what came of it."""
    counts, fleet_id = progress.counts, workflow.info().workflow_id
    of = counts.total if counts.total is not None else counts.ended
    title = f"Fleet {progress.name}: {counts.failed} of {of} items failed"
    came_of_it = []
    if target.webhook:
        names = ", ".join(one.key for one in progress.failures)
        message = Message(text=f"{title}: {names}"[:_LONGEST_TEXT], about=fleet_id)
        call = _fleet_calls.post_webhook(PostWebhookInput(webhook=target.webhook, message=message))
        came_of_it.append(await _told("webhook", call))
    if target.issue:
        alert = AlertInput(
            repository=target.issue, fleet_id=fleet_id, title=title, failures=progress.failures
        )
        came_of_it.append(await _told("issue", _fleet_calls.open_issue(alert)))
    return "; ".join(came_of_it)


async def _told(what: str, call: Awaitable[str | None]) -> str:
    try:
        return f"{what}: {await call or 'told'}"
    except FailureError as failure:
        return f"{what}: could not be told: {bad_end(failure).reason}"
