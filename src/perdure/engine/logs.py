"""What workers say on stderr: a line for each event, with the workflow's id, its run and the Actions URL.

Temporal's SDK writes a traceback for every activity that fails. Most of these are no mistake of anybody's:
GitHub was away, a repository was renamed, a worker stopped. Forty lines for each hide the one that matters;
so an error that Perdure raises on purpose is one line, and only what nobody expected keeps its traceback.
Everything is redacted when it is formatted: nothing comes after that.
"""

import asyncio
import json
import logging
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

from temporalio import activity, workflow
from temporalio.service import RPCError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from perdure.activities.failures import original_error
from perdure.config import LogSettings, RedactingFormatter, redacted
from perdure.model.actions import ActionsRun, ActionsRunRef

_NAMES: Final[Mapping[str, str]] = {
    "workflow_id": "workflow_id",
    "workflow_run_id": "run_id",
    "run_id": "run_id",
    "workflow_type": "workflow_type",
    "activity_type": "activity_type",
    "task_queue": "task_queue",
    "attempt": "attempt",
}
_URL: Final = re.compile(r"https?://[^\s\"')]+/actions/runs/\d+")
_OWN: Final = ("perdure", "temporalio")

_actions_url: ContextVar[str] = ContextVar("_actions_url", default="")


def log_as(settings: LogSettings) -> None:
    """Have this process log to stderr in the form and from the level that the settings say."""
    formatter = JsonFormatter() if settings.format == "json" else ConsoleFormatter()
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    root.setLevel(logging.WARNING)
    for handler in root.handlers:
        handler.setFormatter(formatter)
    for name in _OWN:
        logging.getLogger(name).setLevel(settings.level.upper())
    # The formatters say it in fields; the SDK would put a whole dictionary into each message.
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False


class ConsoleFormatter(RedactingFormatter):
    """One line for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Add the error and where it happened."""
        known = _fields(record)
        error = f": {known['error_type']}: {known['error']}" if "error" in known else ""
        wanted = ("workflow_id", "activity_type", "run_id", "actions_url")
        line = " ".join((super().formatMessage(record) + error).splitlines())
        where = ", ".join(
            f"{name}={known[name]}" for name in wanted if name in known and str(known[name]) not in line
        )
        return line + (f" ({where})" if where else "")

    def format(self, record: logging.LogRecord) -> str:
        """Leave out the traceback of what was to be expected."""
        if expected_error(record) is None:
            return super().format(record)
        return super().format(_without_traceback(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info and record.exc_info[1] and expected_error(record) is None:
            entry["traceback"] = self.formatException(record.exc_info)
        # Redacted before it is JSON: escapes would hide a secret with a quote or a line's end in it.
        clean = {name: redacted(value) if isinstance(value, str) else value for name, value in entry.items()}
        return json.dumps(clean, ensure_ascii=False, default=str)


def expected_error(record: logging.LogRecord) -> BaseException | None:
    """Return the record's error where it needs no traceback."""
    error = _error(record)
    if error is None:
        return None
    if (own := original_error(error)) is not None:
        return own
    return error if isinstance(error, asyncio.CancelledError | RPCError) else None


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if isinstance(record.exc_info, tuple) else None


def _without_traceback(record: logging.LogRecord) -> logging.LogRecord:
    copied = logging.makeLogRecord(record.__dict__)
    copied.__dict__["expected"] = expected_error(record)
    copied.exc_info = copied.exc_text = copied.stack_info = None
    return copied


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what is known beside the message: where it happened, at which run, and the error."""
    said = record.__dict__
    fields: dict[str, Any] = {}
    for details in (said.get("temporal_workflow"), said.get("temporal_activity")):
        if isinstance(details, Mapping):
            fields |= {ours: details[theirs] for theirs, ours in _NAMES.items() if theirs in details}
    in_message = _URL.search(record.getMessage())
    if url := said.get("actions_url") or _actions_url.get() or (in_message and in_message[0]):
        fields["actions_url"] = url
    if (error := said.get("expected") or expected_error(record)) is not None:
        fields["error_type"], fields["error"] = type(error).__name__, str(error)
    return fields


class ActionsUrlInterceptor(Interceptor):
    """Lets everything that an activity logs name the Actions run that it is about."""

    def __init__(self, web_url: str) -> None:
        """Make addresses below GitHub's pages: ``https://github.com``."""
        self._web_url = web_url

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Stand before each activity."""
        return _Inbound(next, self._web_url)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, web_url: str) -> None:
        super().__init__(next)
        self._web_url = web_url

    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        # Each activity is a task of its own, so that this ends with it.
        _actions_url.set(actions_url(input.args, self._web_url))
        return await super().execute_activity(input)


def actions_url(arguments: Sequence[object], web_url: str) -> str:
    """Return the address of the Actions run that an activity's arguments name, or nothing."""
    for argument in arguments:
        for part in (argument, getattr(argument, "ref", None), getattr(argument, "known", None)):
            if isinstance(part, ActionsRun):
                return part.html_url
            if isinstance(part, ActionsRunRef):
                return f"{web_url}/{part.repository}/actions/runs/{part.actions_run_id}"
    return ""
