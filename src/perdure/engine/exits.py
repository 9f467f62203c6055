"""The one way out of every process that uses Temporal's SDK.

The SDK runs native threads that may still call into Python while the interpreter takes itself apart. Up
to one process in three then ends with SIGABRT or SIGSEGV after it did all its work, which a CI job takes
for a failure (https://github.com/temporalio/sdk-python/issues/300). So nothing is taken apart: what is
buffered is written, and the process ends with the status that is meant.
"""

import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

_OUTPUT_LOST = 74
"""EX_IOERR: success cannot be claimed when what was printed could not be written."""


_to_do: list[Callable[[], object]] = []


def before_leaving(do: Callable[[], object]) -> None:
    """Have something done before the process ends. It must not take long, whatever happens."""
    _to_do.append(do)


def leave(status: int) -> NoReturn:
    """End the process with a status, after writing what is buffered."""
    for do in _to_do:
        with contextlib.suppress(Exception):
            do()
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            # Whoever read it (`head`, a pager) has seen enough.
            continue
        except (OSError, ValueError):
            status = status or _OUTPUT_LOST
    os._exit(status)
