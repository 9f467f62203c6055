"""What the end of a workflow or an activity means for the item of a fleet that it was for."""

from pydantic import JsonValue
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import (
    ApplicationError,
    FailureError,
    TerminatedError,
    TimeoutError,
    is_cancelled_exception,
)

from perdure.activities.failures import original_error
from perdure.model.fleet import ItemEnd, Outcome, cost_of

_LONGEST_REASON = 2_000


def good_end(value: JsonValue) -> ItemEnd:
    """Return the end of an item whose work returned a value."""
    return ItemEnd(outcome=Outcome.SUCCEEDED, value=value, cost=cost_of(value))


def bad_end(failure: BaseException) -> ItemEnd:
    """Return the end of an item whose work failed: what lies deepest is what people are told."""
    leaf = _leaf(failure)
    known = original_error(failure)
    if is_cancelled_exception(leaf):
        return ItemEnd(outcome=Outcome.CANCELLED, reason="it was cancelled")
    match leaf:
        case TerminatedError():
            reason, error = f"it was terminated: {leaf.message}", "TerminatedError"
        case TimeoutError():
            reason, error = f"it took too long: {leaf.message}", "TimeoutError"
        case ApplicationError():
            reason, error = leaf.message, leaf.type or ""
        case _:
            reason, error = str(leaf), type(leaf).__name__
    if known is not None:
        reason, error = str(known), type(known).__name__
    return ItemEnd(outcome=Outcome.FAILED, reason=reason[:_LONGEST_REASON], error=error)


def _leaf(failure: BaseException) -> BaseException:
    current = failure
    while isinstance(current, FailureError | WorkflowFailureError) and current.cause is not None:
        current = current.cause
    return current
