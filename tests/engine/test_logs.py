"""What a worker writes while it works: a line for what was to be expected, and nothing secret."""

import asyncio
import io
import json
import logging
from datetime import timedelta

import pytest
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.actions import PollActionsRunInput
from perdure.activities.failures import as_application_errors
from perdure.config import resolve_secret
from perdure.engine.logs import ConsoleFormatter, JsonFormatter, actions_url
from perdure.errors import GitHubUnavailableError
from perdure.model.actions import ActionsRun, ActionsRunRef

RUN_URL = "https://github.com/acme/tools/actions/runs/42"
IN_ACTIVITY = {
    "temporal_activity": {
        "workflow_id": "action/one",
        "workflow_run_id": "0192",
        "workflow_type": "ActionWorkflow",
        "activity_type": "get_actions_run",
        "task_queue": "perdure",
        "attempt": 2,
    }
}


@pytest.fixture
def log():
    """Give a logger of its own, and what it writes in either form."""
    logger = logging.getLogger("perdure.tests.logs")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    written = {"console": io.StringIO(), "json": io.StringIO()}
    for formatter, stream in zip((ConsoleFormatter(), JsonFormatter()), written.values(), strict=True):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        logger.addHandler(handler)
    yield logger, written
    logger.handlers.clear()


def fail(error):
    with as_application_errors():
        raise error


def failing(logger, error):
    try:
        fail(error)
    except BaseException:
        logger.warning("Completing activity as failed", exc_info=True, extra=IN_ACTIVITY)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GitHubUnavailableError("no answer\nwithin 60 s"), "GitHubUnavailableError: no answer within 60 s"),
        (RPCError("shutting down", RPCStatusCode.UNAVAILABLE, b""), "RPCError: shutting down"),
        (asyncio.CancelledError(), "CancelledError"),
    ],
)
def test_an_error_that_was_to_be_expected_is_one_line(log, error, said):
    """Whoever reads the log finds the mistakes, for they alone have tracebacks."""
    logger, written = log
    failing(logger, error)
    [line] = written["console"].getvalue().splitlines()
    assert f"Completing activity as failed: {said}" in line
    assert "workflow_id=action/one" in line
    entry = json.loads(written["json"].getvalue())
    assert entry["error_type"] == type(error).__name__
    assert "traceback" not in entry


def test_a_mistake_keeps_its_traceback(log):
    """What nobody expected is shown with the line that it came from."""
    logger, written = log
    failing(logger, ZeroDivisionError("division by zero"))
    assert "raise error\n" in written["console"].getvalue()
    entry = json.loads(written["json"].getvalue())
    assert "ZeroDivisionError: division by zero" in entry["traceback"]


def test_a_line_names_the_workflow_its_run_and_the_actions_url(log):
    """From a line in the log one comes to the history, and to the run at GitHub."""
    logger, written = log
    logger.info("followed", extra=IN_ACTIVITY | {"actions_url": RUN_URL})
    assert written["console"].getvalue().count("\n") == 1
    assert RUN_URL in written["console"].getvalue()
    entry = json.loads(written["json"].getvalue())
    assert entry["workflow_id"] == "action/one"
    assert entry["run_id"] == "0192"
    assert entry["attempt"] == 2
    assert entry["actions_url"] == RUN_URL
    assert entry["level"] == "info"


@pytest.mark.parametrize("form", ["console", "json"])
def test_no_secret_comes_through_in_any_form(log, monkeypatch, form):
    """Neither what this process has resolved, nor what looks like a secret; not in errors, not in fields."""
    logger, written = log
    known = 'a "quoted" known value'
    monkeypatch.setenv("LOGGED", known)
    resolve_secret("env:LOGGED")
    token = "ghp_" + "a1B2" * 9
    logger.warning("sent %s", token, extra={"actions_url": f"{RUN_URL}?token={token}"})
    failing(logger, GitHubUnavailableError(f"no answer to {known}"))
    failing(logger, ValueError(f"Authorization: Bearer {known}"))
    text = written[form].getvalue()
    assert "[secret]" in text
    for secret in (token, known, json.dumps(known)[1:-1], "quoted"):
        assert secret not in text


def test_an_activity_is_at_the_run_that_its_input_names():
    """Given as itself, as the run that is followed, or as a reference."""
    run = ActionsRun(repository="acme/tools", actions_run_id=42, status="queued", html_url=RUN_URL)
    ref = ActionsRunRef(repository="acme/tools", actions_run_id=42)
    polling = PollActionsRunInput(known=run, interval=timedelta(seconds=1))
    for argument in (run, ref, polling):
        assert actions_url([argument], "https://github.com") == RUN_URL
    assert actions_url(["text", 3], "https://github.com") == ""
