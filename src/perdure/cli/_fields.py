"""``-f key=value`` and ``-F key=@file``, as in ``gh workflow run``.

https://cli.github.com/manual/gh_workflow_run
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from perdure.errors import UsageError

RawFields = Annotated[
    list[str] | None,
    typer.Option("--raw-field", "-f", metavar="KEY=VALUE", help="An input, such as version=1.2.3."),
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--field", "-F", metavar="KEY=@FILE", help="An input read from a file; KEY=@- reads stdin."),
]


def read_fields(raw: Iterable[str] | None, typed: Iterable[str] | None = None) -> dict[str, str]:
    """Return the inputs that were given.

    Args:
        raw: Of ``-f``: the value is taken as it is.
        typed: Of ``-F``: a value that starts with ``@`` names a file, ``@-`` is stdin.

    Raises:
        UsageError: One has no ``=``, is given twice, or names a file that cannot be read.
    """
    inputs: dict[str, str] = {}
    stdin_taken = False
    for option, name, value in (*_split("-f", raw or ()), *_split("-F", typed or ())):
        if name in inputs:
            msg = f"the input {name!r} is given twice"
            raise UsageError(msg, hint="leave one of them out")
        if option == "-F" and value == "@-" and stdin_taken:
            msg = f"stdin can be read for one input only, and {name!r} is the second"
            raise UsageError(msg)
        stdin_taken = stdin_taken or (option == "-F" and value == "@-")
        inputs[name] = _read(name, value[1:]) if option == "-F" and value.startswith("@") else value
    return inputs


def _split(option: str, fields: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for field in fields:
        name, equals, value = field.partition("=")
        if not equals or not name:
            msg = f"{option} takes key=value, not {field!r}"
            raise UsageError(msg, hint=f"for an input without a value write {option} {name or 'key'}=")
        yield option, name, value


def _read(name: str, path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        msg = f"the file {path!r} for the input {name!r} is not UTF-8 text"
        raise UsageError(
            msg, hint="GitHub takes text only: encode it first, for example with base64"
        ) from error
    except OSError as error:
        msg = f"the file {path!r} for the input {name!r} cannot be read: {error.strerror}"
        raise UsageError(msg) from error
