"""What the exit status says, for scripts."""

from enum import IntEnum

from perdure.errors import ActionError, EngineError, GitHubError, ModelError, PerdureError, UsageError


class ExitCode(IntEnum):
    """Exit status of every ``perdure`` command."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    STILL_RUNNING = 3
    REFUSED = 4
    INTERNAL = 70
    """A mistake in Perdure: EX_SOFTWARE of sysexits.h, so that it is not taken for a failed action."""


_OF_ERRORS: tuple[tuple[type[PerdureError], ExitCode], ...] = (
    (UsageError, ExitCode.USAGE),
    (ActionError, ExitCode.FAILED),
    (GitHubError, ExitCode.REFUSED),
    (EngineError, ExitCode.REFUSED),
    (ModelError, ExitCode.REFUSED),
)


def exit_code_of(error: PerdureError) -> ExitCode:
    """Return the exit status that an error ends the process with."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), ExitCode.FAILED)
