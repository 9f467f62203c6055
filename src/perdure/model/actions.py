"""An action: what it is asked to do, the Actions run that does it, and how it ended."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints

from perdure.model.base import Model
from perdure.model.names import WORKFLOW_FILE_PATTERN, RepositoryName, workflow_file_name

WorkflowFileName = Annotated[
    str,
    BeforeValidator(lambda text: workflow_file_name(text) if isinstance(text, str) else text),
    StringConstraints(pattern=WORKFLOW_FILE_PATTERN),
]
"""Name of a file in ``.github/workflows``; its whole path is taken too."""

CANCEL_TIMEOUT = timedelta(minutes=10)
"""How long GitHub has to end a cancelled run, where nobody says otherwise."""

RunOutputs = dict[str, JsonValue]


class OnAmbiguity(StrEnum):
    """What to do when GitHub's answer to a dispatch is lost and no run shows up."""

    REDISPATCH = "redispatch"
    HOLD = "hold"
    FAIL = "fail"


class RetryOn(StrEnum):
    """An outcome that may be tried again."""

    FAILURE = "failure"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    NEVER_STARTED = "never-started"
    TIMED_OUT = "timed-out"


class RetryBy(StrEnum):
    """How another attempt is made."""

    RERUN_FAILED = "rerun-failed"
    DISPATCH = "dispatch"


class WaitBy(StrEnum):
    """How an action learns of its run."""

    WATCH = "watch"
    POLL = "poll"


class ActionRetry(Model):
    """When a run that did not pass is tried again.

    Attributes:
        attempts: How many runs at most, the first included; 0 is without limit.
        delay: How long to wait before each.
        on: Outcomes that are tried again. Permanent errors never are.
        by: Re-run the failed jobs of the same run, or dispatch anew with a new dispatch id.
    """

    attempts: int = Field(default=1, ge=0)
    delay: timedelta = timedelta(seconds=10)
    on: frozenset[RetryOn] = frozenset({RetryOn.FAILURE, RetryOn.NEVER_STARTED, RetryOn.TIMED_OUT})
    by: RetryBy = RetryBy.RERUN_FAILED


class ActionInput(Model):
    """One Actions workflow to run once, and to follow to its end.

    Attributes:
        repository: ``owner/name``.
        workflow_file: Its name in ``.github/workflows`` of the default branch.
        ref: Branch or tag; the default branch where it is left out.
        inputs: The Actions workflow's inputs. ``dispatch_id`` is Perdure's own.
        key: Makes the action the same one wherever it is started from; the dispatch id comes from it alone.
        step: Tells apart several actions of one workflow or key.
        expect_sha: The commit that the run must be on, else it is cancelled.
        accept: Conclusions that pass besides ``success``: ``neutral`` and ``skipped`` may be named.
        queue_timeout: Longest time before a runner picks it up; without limit where it is left out.
        run_timeout: Longest time from then to the end; without limit where it is left out.
        cancel_timeout: How long a cancellation may take at GitHub. The action ends then all the same, and
            says that the run may go on.
        adopt_window: How long a failed action stays open for a person's re-run at GitHub.
        wait: ``watch``: one watcher for the whole repository. ``poll``: one activity for this run.
        poll_interval: Between two looks where ``wait`` is ``poll``.
    """

    repository: RepositoryName
    workflow_file: WorkflowFileName
    ref: str | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    key: str | None = Field(default=None, min_length=1, max_length=200)
    step: str = ""
    expect_sha: str | None = Field(default=None, pattern=r"^[0-9a-f]{40}$")
    accept: frozenset[Literal["neutral", "skipped"]] = frozenset()
    retry: ActionRetry = ActionRetry()
    on_ambiguity: OnAmbiguity = OnAmbiguity.REDISPATCH
    queue_timeout: timedelta | None = None
    run_timeout: timedelta | None = None
    cancel_timeout: timedelta = CANCEL_TIMEOUT
    adopt_window: timedelta = timedelta(0)
    wait: WaitBy = WaitBy.WATCH
    poll_interval: timedelta = timedelta(seconds=15)


class ActionsRunRef(Model):
    """Names one Actions run."""

    repository: RepositoryName
    actions_run_id: int

    def __str__(self) -> str:
        return f"{self.repository} run {self.actions_run_id}"


class ActionsRun(Model):
    """What GitHub says of an Actions run. Status and conclusion are open sets: unknown words are kept.

    Attributes:
        actions_run_id: 64 bits, as GitHub and Temporal's search attributes have it.
    """

    repository: RepositoryName
    actions_run_id: int = Field(ge=0, lt=2**63)
    actions_run_attempt: int = 1
    actions_run_number: int = 0
    actions_workflow_id: int = 0
    path: str = ""
    display_title: str = ""
    status: str
    conclusion: str | None = None
    html_url: str
    head_sha: str = ""
    head_branch: str | None = None
    event: str = ""
    created_at: datetime | None = None
    run_started_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def ref(self) -> ActionsRunRef:
        """Name this run."""
        return ActionsRunRef(repository=self.repository, actions_run_id=self.actions_run_id)

    @property
    def is_completed(self) -> bool:
        """Whether this attempt has ended."""
        return self.status == "completed"


class ActionsStep(Model):
    """One step of a job."""

    number: int
    name: str
    status: str
    conclusion: str | None = None


class ActionsJob(Model):
    """One job of one attempt of a run."""

    actions_job_id: int
    name: str
    status: str
    conclusion: str | None = None
    html_url: str | None = None
    runner_name: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    steps: tuple[ActionsStep, ...] = ()


class StoredObject(Model):
    """Something too large for the engine, kept in the store under its content's hash."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int


class ActionResult(Model):
    """How an action ended: always with a conclusion that passes, for every other end is an error.

    Attributes:
        outputs: The run's result, from its artifact ``perdure-outputs``; empty where it has none or where
            it is kept in the store.
        stored_outputs: Where outputs over 16 kB are kept.
        attempts: Runs and re-runs that it took.
        warnings: What a person should know although it passed.
    """

    repository: RepositoryName
    workflow_file: str
    status: str
    conclusion: str
    html_url: str
    dispatch_id: str
    actions_run_id: int
    actions_run_attempt: int
    head_sha: str = ""
    attempts: int = 1
    outputs: RunOutputs = Field(default_factory=dict)
    stored_outputs: StoredObject | None = None
    warnings: tuple[str, ...] = ()
