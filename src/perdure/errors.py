"""Every error that Perdure raises on purpose.

* PerdureError
  * UsageError                       the caller asked for something impossible; permanent
    * SettingsError                  a settings file or variable cannot be used
      * SecretError                  a secret reference leads nowhere
      * PrivateKeyError              what should be a private key is none
      * EncryptionKeyError           a key is missing, wrong or none; has ``key_id``
    * InvalidInputError              an Action's inputs do not fit its workflow file
      * ReservedInputKeyError        the caller set ``dispatch_id`` themselves
    * InvalidRefError                GitHub cannot dispatch on this ref
    * InvalidRepositoryError         what is to be reviewed or indexed does not exist, or cannot be read
    * KeyConflictError               the same ``--id`` was used for another action
    * ActionNotKnownError            no action with that id
    * ApprovalNotKnownError          no approval with that id
    * ScheduleNotKnownError          no schedule with that name
    * FleetNotKnownError             no fleet with that id
    * DecisionRefusedError           a decision does not count; has ``reason``
    * PipelineFileError              a pipeline file holds mistakes; has each with its place
      * FleetFileError               a fleet file does
    * PipelineInputError             the inputs given to a pipeline do not fit; has each mistake
    * PlanError                      a pipeline cannot be planned, or a plan not run; has each mistake
  * GitHubError                      GitHub refused or failed; has ``status``
    * GitHubUnavailableError         no answer, or a 5xx; worth another try
    * GitHubRateLimitedError         has ``retry_after``
    * GitHubRefusedError             a 4xx; permanent
      * GitHubAuthenticationError    the credentials are not accepted
      * GitHubPermissionError        the token lacks a permission, which is named
      * WriteGuardError              a rehearsal would have changed what is not its own
      * RepositoryNotFoundError      it does not exist, or the App is not installed there
      * WorkflowFileNotFoundError    not on the default branch
      * WorkflowNotDispatchableError no ``workflow_dispatch`` trigger, or disabled
      * ActionsRunNotFoundError      the run was deleted, or never existed
  * ActionError                      an action ended without success; permanent
    * GitHubActionConclusionError    its run ended with another conclusion; has the URL, jobs, log
    * ActionTimedOutError            its run was queued or ran for longer than allowed
    * ActionCancelledError           a person or a caller cancelled it
    * DispatchUnresolvedError        nobody can know whether GitHub started a run
    * UnexpectedCommitError          the run is not on the commit that was expected
    * OutputsError                   the run passed, and its outputs cannot be used
  * ExpressionError                  an expression of a pipeline has no value; permanent
  * PipelineFailedError              a pipeline ended without success; permanent
    * PipelineCancelledError         it was cancelled
  * FleetFailedError                 more of a fleet failed than it tolerates; permanent
    * FleetCancelledError            it was cancelled
  * GroupTakenError                  a concurrency group is taken, or was taken over; permanent
  * NotificationError                a notification was not taken; worth another try
    * NotificationRefusedError       it will not be, or may not go there; permanent
  * ModelError                       a language model or embedder failed; has ``model``
    * ModelUnavailableError          no answer, or it failed; worth another try, has ``retry_after``
      * ModelRateLimitedError        asked to be left alone for a while
    * ModelRefusedError              key, name or request are not accepted; permanent
      * ModelContextError            what it was given is too long for it
    * ModelAnswerError               its answers cannot be used, however often it is asked; permanent
  * BudgetExceededError              a review would cost more than allowed; permanent, has ``limit``
  * ReviewCancelledError             a review was cancelled before it ended; permanent
  * AnalyserError                    a static analyser failed; permanent
  * EngineError                      Temporal refused or is out of reach
    * EngineUnreachableError
    * LocalEngineError               the local server's file or port cannot be used
    * NoWorkerError                  nobody polls the task queue

An error's ``hint`` says what to change. Its ``details()`` cross process borders: activities and
workflows send them in Temporal's failures, and :func:`from_details` makes the same error again on the
other side.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar


class PerdureError(Exception):
    """Base of every error that Perdure raises on purpose.

    Attributes:
        hint: What to change, or ``None`` where the message says it all.
    """

    permanent: ClassVar[bool] = False
    """Whether trying again without a change is pointless."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def details(self) -> dict[str, object]:
        """Return what :func:`from_details` needs, as JSON types."""
        return {name: value for name, value in vars(self).items() if value is not None}


class UsageError(PerdureError):
    """The caller asked for something that cannot be done; trying again will not help."""

    permanent = True


class SettingsError(UsageError):
    """A settings file or an environment variable cannot be used."""


class SecretError(SettingsError):
    """A secret reference leads nowhere. The message names the reference, never a value."""


class PrivateKeyError(SettingsError):
    """What was given as the App's private key is not one."""


class EncryptionKeyError(SettingsError):
    """A key that something was encrypted with is missing, does not fit, or is none. Never half-read.

    Attributes:
        key_id: Which key.
    """

    def __init__(self, message: str, *, key_id: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.key_id = key_id


class InvalidInputError(UsageError):
    """An Action's inputs do not fit its workflow file."""


class ReservedInputKeyError(InvalidInputError):
    """The caller set ``dispatch_id``, which ties a dispatch to its run and is Perdure's alone."""

    def __init__(
        self, message: str = "dispatch_id input is a reserved input key", *, hint: str | None = None
    ) -> None:
        super().__init__(
            message, hint=hint or "leave dispatch_id out: Perdure sets it, and finds the run by it"
        )


class InvalidRefError(UsageError):
    """GitHub cannot dispatch on this ref: it is unknown, or it is a commit."""


class InvalidRepositoryError(UsageError):
    """What is to be reviewed or indexed does not exist, is refused, or cannot be read."""


class KeyConflictError(UsageError):
    """The same key was used before for an action with other input."""


class ActionNotKnownError(UsageError):
    """No action has that id."""


class ApprovalNotKnownError(UsageError):
    """No approval has that id."""


class FleetNotKnownError(UsageError):
    """No fleet has that id."""


class ScheduleNotKnownError(UsageError):
    """No schedule of a pipeline has that name."""


class DecisionRefusedError(UsageError):
    """A decision does not count. The message says why.

    Attributes:
        reason: See :class:`perdure.model.ballots.Refusal`.
    """

    def __init__(self, message: str, *, reason: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class PipelineFileError(UsageError):
    """A pipeline file holds mistakes. The message has a line for each: ``file:line:column: message``.

    Attributes:
        problems: Each mistake: ``{"file", "line", "column", "message"}``, in the order of the file.
    """

    def __init__(
        self, message: str, *, problems: list[dict[str, str | int]] | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems or []


class FleetFileError(PipelineFileError):
    """A fleet file holds mistakes."""


class PipelineInputError(UsageError):
    """The inputs given to a pipeline do not fit what its file asks for. The message has a line for each.

    Attributes:
        problems: Each mistake: ``{"input", "message"}``.
    """

    def __init__(
        self, message: str, *, problems: list[dict[str, str]] | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems or []


class PlanError(UsageError):
    """A pipeline cannot be planned, or a plan cannot be run. The message has a line for each mistake.

    Attributes:
        problems: Each mistake: ``{"job", "message"}``.
    """

    def __init__(
        self, message: str, *, problems: list[dict[str, str]] | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems or []


class GitHubError(PerdureError):
    """GitHub refused a request, or failed while answering it.

    Attributes:
        status: HTTP status of the answer, or ``None`` where there was none.
    """

    def __init__(self, message: str, *, hint: str | None = None, status: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class GitHubUnavailableError(GitHubError):
    """GitHub did not answer, or answered that it failed. Reads may be repeated at once."""


class GitHubRateLimitedError(GitHubError):
    """GitHub's primary or secondary rate limit was hit.

    Attributes:
        retry_after_seconds: How long GitHub asked to be left alone.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float,
        hint: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status)
        self.retry_after_seconds = retry_after_seconds

    @property
    def retry_after(self) -> timedelta:
        """How long GitHub asked to be left alone."""
        return timedelta(seconds=self.retry_after_seconds)


class GitHubRefusedError(GitHubError):
    """GitHub understood the request and will not do it."""

    permanent = True


class GitHubAuthenticationError(GitHubRefusedError):
    """GitHub does not accept the credentials."""


class GitHubPermissionError(GitHubRefusedError):
    """The token lacks a permission. The message names it."""


class WriteGuardError(GitHubRefusedError):
    """A rehearsal would have changed a repository that is not its own. Nothing was sent."""


class RepositoryNotFoundError(GitHubRefusedError):
    """The repository does not exist, or these credentials cannot see it."""


class WorkflowFileNotFoundError(GitHubRefusedError):
    """The workflow file is not on the repository's default branch."""


class WorkflowNotDispatchableError(GitHubRefusedError):
    """The workflow file has no ``workflow_dispatch`` trigger, or is disabled."""


class ActionsRunNotFoundError(GitHubRefusedError):
    """The Actions run does not exist (any more)."""


class ActionError(PerdureError):
    """An action ended without success.

    Attributes:
        html_url: The run's page at GitHub, or ``None`` where no run is known.
        dispatch_id: The id that ties the dispatch to its run.
    """

    permanent = True

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        html_url: str | None = None,
        dispatch_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.html_url = html_url
        self.dispatch_id = dispatch_id


class GitHubActionConclusionError(ActionError):
    """The run ended with a conclusion that does not pass.

    Attributes:
        conclusion: GitHub's word for how the run ended.
        outcome: What it means: see :class:`perdure.model.conclusions.Outcome`.
        failed_jobs: One entry for each failed job: ``{"job", "step", "html_url"}``.
        log_tail: The last lines of the first failed job's log.
    """

    def __init__(  # noqa: PLR0913 - one keyword for each attribute
        self,
        message: str,
        *,
        conclusion: str,
        outcome: str = "failed",
        failed_jobs: list[dict[str, str]] | None = None,
        log_tail: str | None = None,
        hint: str | None = None,
        html_url: str | None = None,
        dispatch_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint, html_url=html_url, dispatch_id=dispatch_id)
        self.conclusion = conclusion
        self.outcome = outcome
        self.failed_jobs = failed_jobs or []
        self.log_tail = log_tail


class ActionTimedOutError(ActionError):
    """The run was queued, or ran, for longer than allowed. Perdure cancelled it, or says it could not."""


class ActionCancelledError(ActionError):
    """The action was cancelled before its run ended."""


class DispatchUnresolvedError(ActionError):
    """Whether GitHub started a run cannot be known, and the policy forbids to dispatch again."""


class UnexpectedCommitError(ActionError):
    """The run is not on the commit that was expected. Perdure cancelled it."""


class OutputsError(ActionError):
    """The run passed, but the outputs that it left cannot be used. The message says why."""


class ExpressionError(PerdureError):
    """An expression of a pipeline has no value: it divides by zero, or reads what was never set."""

    permanent = True


class PipelineFailedError(PerdureError):
    """A pipeline ended without success.

    Attributes:
        failed_steps: The jobs that did not succeed: ``{"job", "reason", "html_url"}``.
    """

    permanent = True

    def __init__(
        self, message: str, *, failed_steps: list[dict[str, str]] | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.failed_steps = failed_steps or []


class PipelineCancelledError(PipelineFailedError):
    """A pipeline was cancelled before it ended."""


class NotificationError(PerdureError):
    """A notification was not taken. The message names the webhook's reference, never its address.

    Attributes:
        retry_after_seconds: How long the other side asked to be left alone, if it said.
    """

    def __init__(
        self, message: str, *, retry_after_seconds: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds

    @property
    def retry_after(self) -> timedelta | None:
        """How long the other side asked to be left alone."""
        seconds = self.retry_after_seconds
        return None if seconds is None else timedelta(seconds=seconds)


class NotificationRefusedError(NotificationError):
    """A notification is refused for good, or may not go where its address leads."""

    permanent = True


class FleetFailedError(PerdureError):
    """More items of a fleet have failed than it tolerates."""

    permanent = True


class FleetCancelledError(FleetFailedError):
    """A fleet was cancelled before it ended."""


class GroupTakenError(PerdureError):
    """Another one runs in the concurrency group and the policy is to refuse, or a newer one took it over.

    Attributes:
        was_taken_over: Which of both.
    """

    permanent = True

    def __init__(self, message: str, *, was_taken_over: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.was_taken_over = was_taken_over


class ModelError(PerdureError):
    """A language model or an embedder failed.

    Attributes:
        model: Which: ``openai:gpt-5-mini``.
    """

    def __init__(self, message: str, *, model: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.model = model


class ModelUnavailableError(ModelError):
    """A model did not answer, or answered that it failed: an outage, to be waited for.

    Attributes:
        retry_after_seconds: How long it asked to be left alone, if it said.
    """

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        retry_after_seconds: float | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, model=model, hint=hint)
        self.retry_after_seconds = retry_after_seconds

    @property
    def retry_after(self) -> timedelta | None:
        """How long it asked to be left alone."""
        seconds = self.retry_after_seconds
        return None if seconds is None else timedelta(seconds=seconds)


class ModelRateLimitedError(ModelUnavailableError):
    """A model's rate limit was hit."""


class ModelRefusedError(ModelError):
    """A model's key, name, quota or request is not accepted. Trying again will not help."""

    permanent = True


class ModelContextError(ModelRefusedError):
    """What a model was given is too long for it."""


class ModelAnswerError(ModelError):
    """A model's answers cannot be used, however often it is asked, or it refuses to answer."""

    permanent = True


class BudgetExceededError(PerdureError):
    """A review would cost more than a budget allows, and the settings say to ask.

    Attributes:
        limit: Which budget: ``review``, ``organisation`` or ``day``.
        needed: What the next step costs at worst, in millionths of a US dollar.
        left: What the budget still has.
    """

    permanent = True

    def __init__(
        self, message: str, *, limit: str = "", needed: int = 0, left: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.limit = limit
        self.needed = needed
        self.left = left


class ReviewCancelledError(PerdureError):
    """A review was cancelled before it ended."""

    permanent = True


class AnalyserError(PerdureError):
    """A static analyser is missing, failed, or took too long. The message says which and why."""

    permanent = True


class EngineError(PerdureError):
    """Temporal refused a request, or is out of reach."""


class EngineUnreachableError(EngineError):
    """No Temporal server answers at the address."""


class LocalEngineError(EngineError):
    """The local Temporal server's database or ports cannot be used."""

    permanent = True


class NoWorkerError(EngineError):
    """Nobody polls the task queue, so nothing would happen."""


def error_types() -> dict[str, type[PerdureError]]:
    """Return every error type by its name, which is also its type name in Temporal's failures."""
    found: dict[str, type[PerdureError]] = {}
    open_types: list[type[PerdureError]] = [PerdureError]
    while open_types:
        error_type = open_types.pop()
        found[error_type.__name__] = error_type
        open_types.extend(error_type.__subclasses__())
    return found


def from_details(type_name: str | None, message: str, details: Mapping[str, object]) -> PerdureError | None:
    """Make an error again from what :meth:`PerdureError.details` gave, or ``None`` if it is none of ours.

    Details of a newer version, which this one does not know, are left out.
    """
    error_type = error_types().get(type_name or "")
    if error_type is None:
        return None
    error = error_type.__new__(error_type)
    Exception.__init__(error, message)
    known = _attributes_of(error_type)
    error.__dict__.update(dict.fromkeys(known))
    error.__dict__.update({name: value for name, value in details.items() if name in known})
    return error


def _attributes_of(error_type: type[PerdureError]) -> set[str]:
    names: set[str] = set()
    for base in error_type.__mro__:
        init = vars(base).get("__init__")
        if init is not None and base.__module__ == __name__:
            code = init.__code__
            names.update(code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount])
    return names
