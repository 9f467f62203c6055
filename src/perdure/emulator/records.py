"""What the emulator remembers about runs.

Records are what is written to the state file, as JSON; bodies.py turns them into GitHub's answers.
``version`` rises with every change, so that a rendered answer can be kept until its record changes.
"""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, Field


class Record(BaseModel):
    """One row of the state file."""

    kind: ClassVar[str]
    id: int


class Step(BaseModel):
    """A step of a job."""

    number: int
    name: str
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None


class Annotation(BaseModel):
    """What a step said with ``::notice::``, ``::warning::`` or ``::error::``."""

    level: str
    message: str
    properties: dict[str, str] = Field(default_factory=dict)


class Job(Record):
    """One job of one attempt."""

    kind: ClassVar[str] = "job"
    run_id: int
    attempt: int
    key: str
    name: str
    labels: list[str]
    status: str = "queued"
    conclusion: str | None = None
    created_at: datetime
    started_at: datetime
    completed_at: datetime | None = None
    runner_id: int | None = None
    runner_name: str | None = None
    steps: list[Step] = Field(default_factory=list)
    outputs: dict[str, str] = Field(default_factory=dict)
    annotations: list[Annotation] = Field(default_factory=list)
    summaries: dict[int, str] = Field(default_factory=dict)
    is_kept: bool = False
    """Whether it stands for a job of an earlier attempt that a re-run does not execute again."""

    def step(self, number: int) -> Step:
        """Return the step of this number, making it where a later attempt names one more."""
        for step in self.steps:
            if step.number == number:
                return step
        step = Step(number=number, name=f"Step {number}")
        self.steps.append(step)
        return step


class Attempt(BaseModel):
    """One attempt at a run."""

    number: int
    status: str
    conclusion: str | None = None
    started_at: datetime
    updated_at: datetime
    triggering_actor: str
    only_jobs: list[str] | None = None
    """Keys of the jobs that a re-run executes; None for all."""


class Run(Record):
    """One run of a workflow file. ``attempts`` is never empty; its last one is the current one."""

    kind: ClassVar[str] = "run"
    number: int
    repository: str
    workflow_id: int
    workflow_path: str
    workflow_name: str
    title: str
    ref: str
    head_branch: str
    head_sha: str
    actor: str
    inputs: dict[str, str]
    created_at: datetime
    listed_at: datetime
    """From when on lists show it."""
    attempts: list[Attempt]
    caller: str = ""
    """For whom it is, where its dispatch said so."""
    oddity: str | None = None
    """A state that only a fault brings about, such as ``zombie_queued``."""
    group: str | None = None
    """Its concurrency group, in lower case."""
    is_queued: bool = False
    """Whether it lets those that wait in its group keep their place."""
    version: int = 0

    @property
    def current(self) -> Attempt:
        """The latest attempt."""
        return self.attempts[-1]

    @property
    def status(self) -> str:
        """The status of the latest attempt."""
        return self.current.status

    @property
    def conclusion(self) -> str | None:
        """The conclusion of the latest attempt."""
        return self.current.conclusion

    @property
    def is_over(self) -> bool:
        """Whether the latest attempt is completed."""
        return self.current.status == "completed"


class Artifact(Record):
    """An uploaded artifact; its zip file lies in the state folder."""

    kind: ClassVar[str] = "artifact"
    run_id: int
    attempt: int
    name: str
    size: int
    digest: str
    created_at: datetime
    expires_at: datetime
    file: str


class WorkflowState(Record):
    """A workflow file that has been switched off or on, and the number of its next run."""

    kind: ClassVar[str] = "workflow"
    repository: str
    path: str
    state: str = "active"
    runs: int = 0


class CheckRun(Record):
    """A check run that an App made."""

    kind: ClassVar[str] = "check_run"
    repository: str
    app_id: int
    name: str
    head_sha: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: datetime
    completed_at: datetime | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: list[dict[str, object]] = Field(default_factory=list)


class CommitStatus(Record):
    """A status of a commit."""

    kind: ClassVar[str] = "status"
    repository: str
    sha: str
    state: str
    context: str
    description: str | None = None
    target_url: str | None = None
    creator: str
    created_at: datetime


class Variable(Record):
    """A configuration variable set through the API."""

    kind: ClassVar[str] = "variable"
    repository: str
    name: str
    value: str
    created_at: datetime
    updated_at: datetime


class Delivery(Record):
    """One webhook delivery, as ``/app/hook/deliveries`` shows it."""

    kind: ClassVar[str] = "delivery"
    guid: str
    event: str
    action: str | None
    repository_id: int | None
    installation_id: int | None
    delivered_at: datetime
    redelivery: bool = False
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    url: str
    headers: dict[str, str]
    payload: str
    response: str = ""


class Secret(Record):
    """A random key of this emulator, or the id of a token that was given back."""

    kind: ClassVar[str] = "secret"
    value: str
