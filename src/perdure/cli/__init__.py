"""The ``perdure`` command: one file per noun.

Data goes to stdout and everything else to stderr. Exit codes: 0 success (or detached), 1 the action failed,
2 usage, 3 still running, 4 the engine or GitHub refused or is out of reach.
"""

from typing import NoReturn

from perdure.cli._app import app
from perdure.engine.exits import leave


def main() -> NoReturn:
    """Run the command line, and leave the process with its true status."""
    try:
        app()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    leave(code)
