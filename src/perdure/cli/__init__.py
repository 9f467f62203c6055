"""The ``perdure`` command: one file per noun.

Data goes to stdout and everything else to stderr. Exit codes: 0 success (or detached), 1 the action failed,
2 usage, 3 still running, 4 the engine or GitHub refused or is out of reach.
"""

import os
import sys
from typing import NoReturn

from perdure.cli._app import app


def main() -> NoReturn:
    """Run the command line, and leave the process with its true status."""
    try:
        app(prog_name="perdure")
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    _leave(code)


def _leave(code: int) -> NoReturn:
    # Temporal's native library may crash while the interpreter shuts down, which would turn a success into
    # a failure for whoever reads the exit status: leave without that phase.
    # https://github.com/temporalio/sdk-python/issues/300
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 1  # whoever read the answer is gone
    os._exit(code)
