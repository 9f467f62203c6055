"""Draws ``docs/reference/errors.md`` from the errors themselves."""

import inspect
import re
from collections.abc import Iterator

from perdure.cli._exit_codes import exit_code_of
from perdure.errors import PerdureError

HEAD = """# Errors

Every error that Perdure raises on purpose, and what the command line exits with. Generated from
`src/perdure/errors.py` by `tests/docs/test_generated.py`: change the docstrings there instead.

Each is a class of `perdure.errors`. In Temporal its name is the failure's `type`, and its attributes are the
failure's first detail. *Permanent* errors are never tried again by Perdure. Every error has a `hint` that
says what to change, where the message does not say it all. Indentation shows which error is a kind of which.

How to catch them: [actions in your own workflows](../guides/own-workflows.md#when-an-action-fails).
"""


def page() -> str:
    """Return the whole page."""
    rows = [_row(error_type, depth) for error_type, depth in tree(PerdureError)]
    table = ("| error | when | permanent | exit status |", "|---|---|---|---|", *rows)
    extra = [
        f"| `{error_type.__name__}` | `{name}` | {_in_a_cell(text)} |"
        for error_type, _ in tree(PerdureError)
        for name, text in _attributes(error_type)
    ]
    more = ("## Attributes", "", "| error | attribute | |", "|---|---|---|", *extra)
    return "\n".join((HEAD, *table, "", *more, ""))


def tree(error_type, depth=0) -> Iterator[tuple[type[PerdureError], int]]:
    """Yield every error, each before its kinds, with its depth."""
    yield error_type, depth
    for kind in error_type.__subclasses__():
        # Other tests may make kinds of their own.
        if kind.__module__ == PerdureError.__module__:
            yield from tree(kind, depth + 1)


def _row(error_type, depth):
    first = inspect.cleandoc(error_type.__doc__ or "").partition("\n\n")[0]
    code = exit_code_of(error_type.__new__(error_type))
    permanent = "yes" if error_type.permanent else ""
    return f"| {'&emsp;' * depth}`{error_type.__name__}` | {_in_a_cell(first)} | {permanent} | {int(code)} |"


def _attributes(error_type):
    described = inspect.cleandoc(error_type.__doc__ or "").partition("Attributes:\n")[2]
    for found in re.finditer(r"^    (\w+): (.*(?:\n {5,}.*)*)", described, re.MULTILINE):
        yield found[1], found[2]


def _in_a_cell(text):
    words = " ".join(text.split()).replace("|", "\\|")
    # What a docstring says in Sphinx's words, in Markdown's.
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", words).replace("``", "`")
