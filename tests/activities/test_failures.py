"""How errors cross into Temporal and back: what people's own workflows and other languages match on."""

import json
from datetime import timedelta

import pytest
from temporalio.exceptions import ActivityError, ApplicationError

from perdure import errors
from perdure.activities.failures import application_error, as_application_errors, original_error

PERMANENT = {
    "PerdureError": False,
    "UsageError": True,
    "SettingsError": True,
    "SecretError": True,
    "PrivateKeyError": True,
    "EncryptionKeyError": True,
    "InvalidInputError": True,
    "ReservedInputKeyError": True,
    "InvalidRefError": True,
    "InvalidRepositoryError": True,
    "KeyConflictError": True,
    "ActionNotKnownError": True,
    "ApprovalNotKnownError": True,
    "ScheduleNotKnownError": True,
    "FleetNotKnownError": True,
    "DecisionRefusedError": True,
    "PipelineFileError": True,
    "FleetFileError": True,
    "PipelineInputError": True,
    "PlanError": True,
    "ExpressionError": True,
    "GitHubError": False,
    "GitHubUnavailableError": False,
    "GitHubRateLimitedError": False,
    "GitHubRefusedError": True,
    "GitHubAuthenticationError": True,
    "GitHubPermissionError": True,
    "WriteGuardError": True,
    "RepositoryNotFoundError": True,
    "WorkflowFileNotFoundError": True,
    "WorkflowNotDispatchableError": True,
    "ActionsRunNotFoundError": True,
    "ActionError": True,
    "GitHubActionConclusionError": True,
    "ActionTimedOutError": True,
    "ActionCancelledError": True,
    "DispatchUnresolvedError": True,
    "UnexpectedCommitError": True,
    "OutputsError": True,
    "PipelineFailedError": True,
    "PipelineCancelledError": True,
    "FleetFailedError": True,
    "FleetCancelledError": True,
    "GroupTakenError": True,
    "NotificationError": False,
    "NotificationRefusedError": True,
    "ModelError": False,
    "ModelUnavailableError": False,
    "ModelRateLimitedError": False,
    "ModelRefusedError": True,
    "ModelContextError": True,
    "ModelAnswerError": True,
    "BudgetExceededError": True,
    "AnalyserError": True,
    "ReviewCancelledError": True,
    "EngineError": False,
    "EngineUnreachableError": False,
    "LocalEngineError": True,
    "NoWorkerError": False,
}
"""Every error, and whether trying again is pointless. Names are matched exactly by those who catch them."""

REQUIRED = {
    "GitHubRateLimitedError": {"retry_after_seconds": 7.5, "status": 429},
    "GitHubActionConclusionError": {
        "conclusion": "failure",
        "failed_jobs": [{"job": "build", "step": "make", "html_url": "https://example.test/1"}],
        "log_tail": "the end\n",
        "html_url": "https://example.test/1",
        "dispatch_id": "pd1",
    },
    "ModelRateLimitedError": {"model": "openai:gpt-5-mini", "retry_after_seconds": 7.5},
    "BudgetExceededError": {"limit": "day", "needed": 7, "left": 5},
    "ActionTimedOutError": {"html_url": "https://example.test/1", "dispatch_id": "pd1"},
    "RepositoryNotFoundError": {"status": 404},
}


def made(name):
    error_type = errors.error_types()[name]
    return error_type("what happened", hint="what to change", **REQUIRED.get(name, {}))


def test_the_names_of_errors_and_whether_they_are_permanent_stay_as_they_are():
    """A changed name would silently stop every ``except`` and retry policy that holds the old one."""
    assert {name: each.permanent for name, each in errors.error_types().items()} == PERMANENT


def test_the_docstring_shows_every_error():
    """The tree at the top of the module is the tree."""
    for name in PERMANENT:
        assert f"* {name}" in errors.__doc__


@pytest.mark.parametrize("name", PERMANENT)
def test_an_error_is_the_same_on_the_other_side(name):
    """Type, message, hint and attributes survive JSON."""
    error = made(name)
    again = errors.from_details(name, str(error), json.loads(json.dumps(error.details())))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


@pytest.mark.parametrize("name", PERMANENT)
def test_the_failure_has_the_errors_name_and_tells_whether_to_try_again(name):
    """Temporal matches failure types by exact name."""
    failure = application_error(made(name))
    assert (failure.type, failure.non_retryable) == (name, PERMANENT[name])
    delay = timedelta(seconds=7.5) if name.endswith("RateLimitedError") else None
    assert failure.next_retry_delay == delay


def test_details_of_a_newer_release_are_left_out():
    """A worker that is behind shows what it knows."""
    again = errors.from_details("ActionError", "m", {"html_url": "u", "newer": 1})
    assert vars(again) == {"hint": None, "html_url": "u", "dispatch_id": None}


@pytest.mark.parametrize("name", [None, "", "ValueError", "ApplicationError"])
def test_a_stranger_is_nobodys_error(name):
    """Only this package's names make this package's errors."""
    assert errors.from_details(name, "m", {}) is None


def test_the_error_that_lies_deepest_is_shown():
    """People see the leaf cause, never that an activity task failed."""
    inner = application_error(made("RepositoryNotFoundError"))
    outer = ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="get_actions_run",
        activity_id="1",
        retry_state=None,
    )
    outer.__cause__ = inner
    found = original_error(outer)
    assert isinstance(found, errors.RepositoryNotFoundError)
    assert (str(found), found.status) == ("what happened", 404)


def test_other_exceptions_are_left_alone():
    """A bug is not dressed up as an answer of GitHub's."""
    with pytest.raises(KeyError), as_application_errors():
        raise KeyError("a bug")
    assert original_error(KeyError("a bug")) is None
    assert original_error(ApplicationError("m", type="TheirError")) is None
