"""How errors cross into Temporal, and back.

Temporal matches failure types by exact name, so an error's class name is its type, and its attributes are
the failure's one detail.
"""

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, FailureError

from perdure.errors import (
    GitHubRateLimitedError,
    ModelUnavailableError,
    NotificationError,
    PerdureError,
    from_details,
)


@contextmanager
def as_application_errors() -> Generator[None]:
    """Turn this package's errors into Temporal failures with the right retry behaviour."""
    try:
        yield
    except PerdureError as error:
        raise application_error(error) from error


_NOTHING_DISPATCHED = "nothing_dispatched"
_ASKING_TO_WAIT = (GitHubRateLimitedError, ModelUnavailableError, NotificationError)


def application_error(
    error: PerdureError, *, message: str | None = None, nothing_dispatched: bool = False
) -> ApplicationError:
    """Return the failure that carries this error.

    Args:
        error: The error.
        message: Instead of the error's own.
        nothing_dispatched: Whether it is certain that GitHub got nothing.
    """
    delay = error.retry_after if isinstance(error, _ASKING_TO_WAIT) else None
    return ApplicationError(
        message or str(error),
        error.details() | ({_NOTHING_DISPATCHED: True} if nothing_dispatched else {}),
        type=type(error).__name__,
        non_retryable=error.permanent,
        next_retry_delay=delay,
    )


def nothing_was_dispatched(failure: BaseException) -> bool:
    """Say whether an action's failure tells for certain that GitHub got nothing."""
    cause = failure.cause if isinstance(failure, WorkflowFailureError) else failure
    details = cause.details if isinstance(cause, ApplicationError) else ()
    return bool(details) and isinstance(details[0], dict) and details[0].get(_NOTHING_DISPATCHED) is True


def original_error(failure: BaseException) -> PerdureError | None:
    """Return the error of this package that lies deepest in a chain of failures, if there is one."""
    found = None
    current: BaseException | None = failure
    while current is not None:
        if isinstance(current, PerdureError):
            found = current
        elif isinstance(current, ApplicationError):
            details = current.details[0] if current.details and isinstance(current.details[0], dict) else {}
            # Temporal's own conversion of an exception has a type and a message but no details.
            if details or found is None:
                found = from_details(current.type, current.message, details) or found
        current = current.cause if isinstance(current, FailureError) else current.__cause__
    return found
