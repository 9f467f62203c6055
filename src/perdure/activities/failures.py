"""How errors cross into Temporal, and back.

Temporal matches failure types by exact name, so an error's class name is its type, and its attributes are
the failure's one detail.
"""

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.exceptions import ApplicationError, FailureError

from perdure.errors import GitHubRateLimitedError, PerdureError, from_details


@contextmanager
def as_application_errors() -> Generator[None]:
    """Turn this package's errors into Temporal failures with the right retry behaviour."""
    try:
        yield
    except PerdureError as error:
        raise application_error(error) from error


def application_error(error: PerdureError, *, message: str | None = None) -> ApplicationError:
    """Return the failure that carries this error."""
    delay = error.retry_after if isinstance(error, GitHubRateLimitedError) else None
    return ApplicationError(
        message or str(error),
        error.details(),
        type=type(error).__name__,
        non_retryable=error.permanent,
        next_retry_delay=delay,
    )


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
