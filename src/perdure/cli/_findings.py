"""What ``perdure doctor`` finds."""

from enum import StrEnum

from perdure.errors import PerdureError
from perdure.model.base import Model


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Model):
    """One thing that was checked.

    Attributes:
        about: ``settings``, ``engine``, ``github`` or ``workflow file``.
        hint: How to mend it.
    """

    about: str
    level: Level
    message: str
    hint: str | None = None


def ok(about: str, message: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(about=about, level=Level.OK, message=message)


def warning(about: str, message: str, *, hint: str | None = None) -> Finding:
    """Return a finding that a person should know of."""
    return Finding(about=about, level=Level.WARNING, message=message, hint=hint)


def problem(about: str, message: str, *, hint: str | None = None) -> Finding:
    """Return a finding that has to be mended."""
    return Finding(about=about, level=Level.PROBLEM, message=message, hint=hint)


def problem_of(about: str, error: PerdureError) -> Finding:
    """Return the problem that an error is."""
    return problem(about, str(error), hint=error.hint)
