"""The logs of jobs, made fit to be shown: without time stamps, colours and what looks like a secret."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from perdure.errors import GitHubError
from perdure.github._calls import Calls
from perdure.github._transport import repository_path

MAX_LOG_BYTES: Final = 256_000_000
MAX_LINE: Final = 10_000

_TIMESTAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z ?")
_CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]"
)
# https://github.blog/engineering/behind-githubs-new-authentication-token-formats/
_SECRET = re.compile(
    r"gh[pousr]_[A-Za-z0-9_.-]{10,}|github_pat_[A-Za-z0-9_]{10,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)


class LogCalls(Calls):
    """Calls about logs."""

    async def read_log(self, repository: str, actions_job_id: int) -> AsyncIterator[str]:
        """Read a job's log line by line, cleaned. A log that has expired, or is not there yet, is empty.

        Raises:
            GitHubError: It cannot be read.
        """
        path = repository_path(repository, f"/actions/jobs/{actions_job_id}/logs")
        clean = LogCleaner()
        try:
            async with self._transport.download(repository, path) as chunks:
                async for line in _lines(chunks):
                    if (shown := clean(line)) is not None:
                        yield shown
        except GitHubError as error:
            if error.status not in {404, 410}:
                raise

    async def read_log_tail(self, repository: str, actions_job_id: int, lines: int = 30) -> str:
        """Return the last lines of a job's log, cleaned; nothing where it has expired."""
        kept: deque[str] = deque(maxlen=lines)
        async for line in self.read_log(repository, actions_job_id):
            kept.append(line)
        return "\n".join(kept)


class LogCleaner:
    """Makes one line after another fit to be shown. Keys go over several lines, so it remembers."""

    def __init__(self) -> None:
        self._in_key = False

    def __call__(self, line: str) -> str | None:
        """Return the line as it may be shown, or ``None`` inside a private key."""
        text = _CONTROL.sub("", _TIMESTAMP.sub("", line)).rstrip()
        if self._in_key:
            self._in_key = "-----END" not in text
            return None
        begin = text.find("-----BEGIN")
        if begin >= 0 and "PRIVATE KEY" in text:
            self._in_key = "-----END" not in text
            return text[:begin] + "***"
        return _SECRET.sub("***", text)


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    rest = b""
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > MAX_LOG_BYTES:
            yield f"(the log goes on: more than {MAX_LOG_BYTES:,} bytes)"
            return
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line[:MAX_LINE].decode("utf-8", errors="replace")
        # A line without an end is cut, not kept growing.
        rest = rest[:MAX_LINE]
    if rest:
        yield rest.decode("utf-8", errors="replace")
