"""What a fleet is started with, where it stands, and what it came to."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Protocol

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.fleet import FleetItem, ItemResult, Items, OrganizationItems, Outcome, Tier, Work

SHOWN: Final = 20
"""Running items and failures that a fleet names itself; all of them are in its results."""

_LONGEST_REASON = 300


class AlertTarget(Model):
    """Who is told when too much fails.

    Attributes:
        webhook: Reference to the address of a webhook: ``env:NAME``, ``file:PATH``, ``keyring:SERVICE/NAME``.
        issue: The repository in which an issue is opened, once for each fleet.
    """

    webhook: str = ""
    issue: str = ""


class Counts(Model):
    """How many items are where.

    Attributes:
        total: How many there are; ``None`` until a source that does not know has been read to its end.
        read: How many were read so far.
        earlier: Those of them that a fleet has done which this one goes on with.
        cost: In millionths of a US dollar.
        seconds: Of all items that have ended, summed up.
    """

    total: int | None = None
    read: int = 0
    earlier: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    cost: int = 0
    seconds: float = 0.0

    @property
    def ended(self) -> int:
        """How many have ended."""
        return self.succeeded + self.failed + self.cancelled

    def counting(self, result: ItemResult) -> "Counts":
        """Return the counts with one more result."""
        name = result.outcome.value
        return self.model_copy(
            update={
                name: getattr(self, name) + 1,
                "cost": self.cost + result.cost,
                "seconds": self.seconds + (result.ended_at - result.started_at).total_seconds(),
            }
        )


class RunningItem(Model):
    """An item whose work is under way."""

    item: FleetItem
    workflow_id: str = ""
    started_at: datetime


class NamedFailure(Model):
    """An item that did not succeed, for people."""

    key: str
    outcome: Outcome
    reason: str = ""
    workflow_id: str = ""


class FleetState(Model):
    """What a fleet hands to itself when it begins a new history: never the whole list.

    Attributes:
        cursor: Where it reads on; ``None`` where everything was read.
        waiting: Read, and not begun.
        running: Begun, and not ended: workflows that go on meanwhile.
        unkept: Ended, and not kept in the store yet.
        results: What has ended before.
        alert: What came of alerting; empty where nobody was.
        generation: How many histories there were before.
    """

    cursor: str | None = ""
    waiting: tuple[FleetItem, ...] = ()
    running: tuple[RunningItem, ...] = ()
    unkept: tuple[ItemResult, ...] = ()
    results: StoredObject | None = None
    counts: Counts = Counts()
    failures: tuple[NamedFailure, ...] = ()
    most_parallel: int = 0
    paused: bool = False
    alerted: bool = False
    alert: str = ""
    started_at: datetime | None = None
    generation: int = 0


class FleetOptions(Model):
    """How a fleet's work is done.

    Attributes:
        max_parallel: Items under way at the same time.
        chunk_size: Items that are read, and results that are kept, at once.
        failure_threshold: The part of all items whose failure is tolerated.
        alert: Who is told when more of them fail.
        cancel_timeout: How long a cancelled fleet waits for what runs to end.
        events_per_history: After so many it begins a new one, or earlier where Temporal says so.
        requester: Who started it.
        digest: Of everything that it was started with.
        state: Where it stands, if the workflow hands it to itself.
    """

    work: Work
    max_parallel: int = Field(default=10, ge=1, le=1_000)
    chunk_size: int = Field(default=100, ge=1, le=1_000)
    failure_threshold: float = Field(default=0.25, ge=0, le=1)
    alert: AlertTarget | None = None
    cancel_timeout: timedelta = timedelta(minutes=1)
    events_per_history: int = Field(default=4_000, ge=50, le=40_000)
    requester: str = ""
    digest: str = ""
    state: FleetState | None = None


class FleetInput(FleetOptions):
    """Input of a fleet over any items."""

    name: str
    items: Items


TierQueue = Annotated[str, Field(min_length=1, max_length=200)]


class OrganizationInput(FleetOptions):
    """Input of a fleet over an organisation's repositories.

    Attributes:
        repositories: Which ones; otherwise all that GitHub lists and that are neither archived nor forks.
        tier_queue: The task queue of its tier, for workflows and activities alike.
    """

    organization: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    name: str = ""
    tier: Tier = Tier.STARTER
    tier_queue: TierQueue = "perdure-review-{tier}"
    repositories: Items | None = None

    def as_fleet(self) -> FleetInput:
        """Return the fleet that this is: on the tier's queue, taking turns with other organisations."""
        given = self.model_dump(include=set(FleetOptions.model_fields) - {"work", "state", "alert"})
        queue = self.tier_queue.replace("{tier}", self.tier.value)
        work = self.work.model_copy(update={"task_queue": queue, "fairness_key": self.organization[:64]})
        return FleetInput(
            **given,
            work=work,
            alert=self.alert,
            state=self.state,
            name=self.name or self.organization,
            items=self.repositories or OrganizationItems(organization=self.organization),
        )


class FleetConclusion(StrEnum):
    """How a fleet ended.

    ``partial``: some items failed, and no more of them than is tolerated.
    """

    SUCCESS = "success"
    PARTIAL = "partial"
    FAILURE = "failure"
    CANCELLED = "cancelled"


class FleetResult(Model):
    """What a fleet came to.

    Attributes:
        failures: The first :data:`SHOWN` items that did not succeed.
        results: Where all results are: the last part of them.
        most_parallel: The most items that were under way at the same time.
        alert: What came of alerting; empty where nobody had to be told.
    """

    id: str
    name: str
    conclusion: FleetConclusion
    counts: Counts
    failures: tuple[NamedFailure, ...] = ()
    results: StoredObject | None = None
    most_parallel: int = 0
    alert: str = ""
    started_at: datetime
    ended_at: datetime


class FleetProgress(Model):
    """Where a fleet stands.

    Attributes:
        running: The first :data:`SHOWN` of what is under way.
        running_count: How many there are.
        unkept: Results that are not in the store yet.
        conclusion: ``None`` while it runs.
    """

    name: str
    requester: str = ""
    paused: bool = False
    cancelled: bool = False
    counts: Counts
    max_parallel: int
    most_parallel: int = 0
    running_count: int = 0
    running: tuple[RunningItem, ...] = ()
    failures: tuple[NamedFailure, ...] = ()
    results: StoredObject | None = None
    unkept: tuple[ItemResult, ...] = ()
    generation: int = 0
    alert: str = ""
    conclusion: FleetConclusion | None = None
    started_at: datetime
    ended_at: datetime | None = None


class _Ended(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def reason(self) -> str: ...
    @property
    def workflow_id(self) -> str: ...


def named_failure(result: _Ended) -> NamedFailure:
    """Return what people are told of an item that did not succeed."""
    return NamedFailure(
        key=result.key,
        outcome=result.outcome,
        reason=" ".join(result.reason.split())[:_LONGEST_REASON],
        workflow_id=result.workflow_id,
    )


def fleet_markdown(progress: FleetProgress) -> str:
    """Draw a fleet for its page in Temporal's UI."""
    counts = progress.counts
    of = f" of {counts.total:,}" if counts.total is not None else ""
    state = "paused" if progress.paused else progress.conclusion.value if progress.conclusion else "running"
    lines = [
        f"**{progress.name}**: {state}",
        f"- ended: {counts.ended:,}{of}; {counts.succeeded:,} succeeded, {counts.failed:,} failed,"
        f" {counts.cancelled:,} cancelled",
        f"- under way: {progress.running_count:,} of at most {progress.max_parallel:,}",
    ]
    if progress.alert:
        lines.append(f"- alert: {progress.alert}")
    lines += [f"- {one.outcome.value}: `{one.key}`: {one.reason}" for one in progress.failures[:10]]
    return "\n".join(lines)
