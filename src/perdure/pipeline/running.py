"""What a running pipeline is given, tells, and returns."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field, JsonValue

from perdure.model.approvals import Person
from perdure.model.base import Model
from perdure.model.left_runs import LeftRun
from perdure.model.notifications import NotificationRecord, NotificationState, NotifyOn
from perdure.model.packing import PackedModel, TravellingModel
from perdure.pipeline.compiling import CompiledPipeline
from perdure.pipeline.outcomes import Conclusion, SequencerState
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import kind_of


class JobState(StrEnum):
    """Where a job of a pipeline stands."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class JobProgress(Model):
    """Where one job stands.

    Attributes:
        key: Names it in the pipeline.
        step: Its step.
        kind: ``action``, ``approval``, ``wait``, ``pipeline`` or ``run``.
        needs: The steps before it.
        workflow_id: The workflow that does it, where it is one.
        html_url: Its run's page at GitHub, once that is known.
        reason: Why it ended as it did.
        inputs_digest: Of what it was given.
        kept: Whether its result is that of an earlier run of the pipeline.
    """

    key: str
    step: str
    kind: str
    needs: tuple[str, ...] = ()
    state: JobState = JobState.WAITING
    workflow_id: str = ""
    html_url: str = ""
    reason: str = ""
    inputs_digest: str = ""
    kept: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None


class CompensationResult(Model):
    """How the undoing of one job ended."""

    job_key: str
    action: str
    conclusion: Conclusion
    html_url: str = ""
    reason: str = ""


class PipelineProgress(TravellingModel):
    """Where a pipeline stands.

    Attributes:
        digest: Of the compiled pipeline.
        requester: Who started it.
        conclusion: How it ended; ``None`` while it runs.
        compensations: What was undone, in that order.
        cancelled: Whether it was cancelled.
        compensate: Whether a failure or a cancellation undoes what succeeded.
        left_running: Runs that may go on at GitHub although their actions were ended.
        waits_for_group: The concurrency group that it waits to enter.
        notifications: What came of those that were sent, the last of them.
        telling: Who has not taken the last news yet.
    """

    name: str
    digest: str
    requester: str = ""
    started_at: datetime
    conclusion: Conclusion | None = None
    cancelled: bool = False
    compensate: bool = True
    left_running: tuple[LeftRun, ...] = ()
    waits_for_group: str = ""
    jobs: tuple[JobProgress, ...] = ()
    compensations: tuple[CompensationResult, ...] = ()
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    notifications: tuple[NotificationRecord, ...] = ()
    telling: tuple[str, ...] = ()


class PipelineState(PackedModel):
    """What a pipeline carries over when its history is cut, or when a failed one is started again.

    Attributes:
        lock_request_id: Of the concurrency group that it is in.
        compensations: What was undone so far.
        left_running: Runs that may go on at GitHub although their actions were ended.
        notifications: What was told of it so far.
        below: Where the pipelines stood that its jobs had run, by the job's key.
    """

    sequencer: SequencerState = SequencerState()
    jobs: tuple[JobProgress, ...] = ()
    started_at: datetime | None = None
    lock_request_id: str = ""
    compensations: tuple[CompensationResult, ...] = ()
    left_running: tuple[LeftRun, ...] = ()
    notifications: NotificationState = NotificationState()
    below: dict[str, "PipelineState"] = Field(default_factory=dict)


class SizeLimits(Model):
    """How much one run of a pipeline's workflow takes on, within what the engine bears.

    The engine ends a workflow at 51,200 events or 50 MB of history and refuses more than 2,000 children or
    activities at once. See ``docs/decisions/0005-large-pipelines.md`` for these numbers.

    Attributes:
        cut_events: From so many events on, a pipeline goes on with a new history as soon as nothing runs; or
            earlier, when the engine suggests it.
        hold_events: From so many events on, it starts nothing more until what runs has ended, and goes on
            with a new history then.
        hold_bytes: The same for the history's size.
        at_once: How many of its jobs run at the same time, whatever the file allows.
        per_task: How many start in one workflow task. The worker takes one of more than 2 s for a dead one,
            and the engine gives one up while which more than 100 events have come.
    """

    cut_events: int = 4_096
    hold_events: int = 30_000
    hold_bytes: int = 30_000_000
    at_once: int = 1_000
    per_task: int = 50


class PipelineInput(PackedModel):
    """A pipeline to run.

    Attributes:
        pipeline: Compiled: inputs checked, matrices expanded.
        files: Pipelines that steps run, by the path that the step names.
        requester: Who started it: nobody approves what they started, unless the file lets them.
        digest: Of the plan: what approvals are bound to.
        compensate: Whether a failure or a cancellation undoes what succeeded.
        pins: The commit that each job's action must run on, as its plan says; jobs whose commit the plan
            could not know are pinned just before their dispatch. ``None`` where nothing was planned.
        held_groups: Concurrency groups that the pipelines around it are in: it is in them too.
        reports_left_runs: Whether the workflow that started it takes the signal ``actions_run_left``.
        ending_grace: How much longer than its own time limits anything may take that still runs after a
            cancellation: a compensation, a step whose condition holds in a cancelled pipeline too.
        state: Where it stands, if the workflow hands it to itself.
        resume: Results of an earlier run: each is kept if its job is given now what it was given then.
        limits: How much one run of its workflow takes on.
        tells_parent: Whether the pipeline that runs it is told when people are waited for.
    """

    pipeline: CompiledPipeline
    files: dict[str, PipelineFile] = Field(default_factory=dict)
    requester: Person | None = None
    digest: str
    compensate: bool = True
    pins: dict[str, str] | None = None
    held_groups: tuple[str, ...] = ()
    reports_left_runs: bool = False
    ending_grace: timedelta = timedelta(hours=1)
    state: PipelineState | None = None
    resume: PipelineState | None = None
    limits: SizeLimits = SizeLimits()
    tells_parent: bool = False

    @property
    def hears_of_approvals(self) -> bool:
        """Whether anybody wants to know when people are waited for."""
        return self.tells_parent or any(NotifyOn.WAITING in one.on for one in self.pipeline.notify)


class PipelineResult(TravellingModel):
    """How a pipeline ended that succeeded.

    Attributes:
        outputs: What its file says it returns.
        jobs: How each job ended.
    """

    name: str
    conclusion: Conclusion
    digest: str
    outputs: dict[str, JsonValue] = Field(default_factory=dict)
    jobs: tuple[JobProgress, ...] = ()


def first_jobs(pipeline: CompiledPipeline) -> tuple[JobProgress, ...]:
    """Return every job of a pipeline, waiting."""
    return tuple(
        JobProgress(key=job.key, step=step.name, kind=kind_of(step.definition) or "", needs=step.needs)
        for step in pipeline.steps
        for job in step.jobs
    )
