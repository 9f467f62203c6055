"""The functions and classes of a file, from a process of its own: see :mod:`perdure.ai.syntax` for why."""

import atexit
import base64
import contextlib
import hashlib
import json
import logging
import subprocess
import threading
from collections import OrderedDict
from typing import Any

from perdure.ai.reading import process_command, process_environment
from perdure.ai.syntax import LARGEST_SOURCE, Symbol, language_of

_SECONDS_FOR_A_FILE = 30
_KEPT = 500

_log = logging.getLogger(__name__)


def definitions_in(content: bytes, path: str) -> tuple[Symbol, ...]:
    """Return them, outer ones before what is inside of them; none where the syntax is not known. Blocks."""
    if not language_of(path) or len(content) > LARGEST_SOURCE:
        return ()
    return _shared.definitions(content, path)


class _Definitions:
    """Asks one process, shared by all threads, and starts another one where a file has crashed it."""

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._known: OrderedDict[bytes, tuple[Symbol, ...]] = OrderedDict()

    def definitions(self, content: bytes, path: str) -> tuple[Symbol, ...]:
        key = hashlib.sha256(f"{language_of(path)}\0".encode() + content).digest()
        with self._alone:
            if key not in self._known:
                self._known[key] = self._ask(content, path)
                if len(self._known) > _KEPT:
                    self._known.popitem(last=False)
            return self._known[key]

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            # What was written to it and not read is of no use to anybody.
            with contextlib.suppress(OSError):
                process.communicate()

    def _ask(self, content: bytes, path: str) -> tuple[Symbol, ...]:
        asked = {"path": path, "content": base64.b64encode(content).decode(), "by_syntax": True}
        try:
            answer = self._exchange(json.dumps(asked).encode() + b"\n")
        except (OSError, ValueError) as error:
            _log.warning("%s could not be parsed: %s", path, error)
            self.close()
            return ()
        return tuple(Symbol(**symbol) for symbol in answer.get("symbols", ()))

    def _exchange(self, line: bytes) -> dict[str, Any]:
        process = self._process = self._process or _start()
        if process.stdin is None or process.stdout is None:
            raise OSError("the process has no pipes")
        limit = threading.Timer(_SECONDS_FOR_A_FILE, process.kill)
        limit.start()
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
        finally:
            limit.cancel()
        if not answer:
            raise OSError(f"the process ended with status {process.wait()}")
        found: dict[str, Any] = json.loads(answer)
        return found


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        process_command("."),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=process_environment(),
    )


_shared = _Definitions()
atexit.register(_shared.close)
