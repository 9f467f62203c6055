"""Every metric of Perdure's own: its name, what it counts, and the few words that its labels may hold.

Labels never hold an id, a repository or a person: each value of each label is a time series of its own, and
a server that keeps one for every release ever made stops answering.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

HISTORY_EVENTS_LIMIT: Final = 51_200
HISTORY_BYTES_LIMIT: Final = 52_428_800
"""Where Temporal ends a workflow. https://docs.temporal.io/workflow-execution/limits"""

_NEAR_LIMIT: Final = 0.8


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric.

    Attributes:
        name: Without the suffix that the endpoint appends to counters and histograms.
        about: What it says, for people.
        labels: Perdure's own labels, with their values where they are known beforehand.
        unit: Of a histogram.
        buckets: Of a histogram.
        counted_by: The activity or workflow types that count it, where they are few: it begins at 0 there.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    about: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unit: str = ""
    buckets: tuple[float, ...] = ()
    counted_by: tuple[str, ...] = ()

    @property
    def exported(self) -> str:
        """The name on the endpoint; a histogram's has ``_bucket``, ``_sum`` and ``_count`` behind it."""
        if self.kind == "counter":
            return f"{self.name}_total"
        return f"{self.name}_{self.unit}" if self.unit else self.name


DISPATCHES = Metric(
    name="perdure_dispatches",
    kind="counter",
    about="Dispatches, by what GitHub answered; refused is GitHub's no, ambiguous is that nobody knows.",
    labels={"outcome": ("started", "accepted", "without-id", "ambiguous", "later", "not-sent", "refused")},
    counted_by=("dispatch_actions_workflow",),
)
RECONCILIATIONS = Metric(
    name="perdure_reconciliations",
    kind="counter",
    about="Searches for the run of a dispatch whose answer was lost or named no run.",
    labels={"outcome": ("found", "none")},
    counted_by=("ActionWorkflow",),
)
DUPLICATES = Metric(
    name="perdure_duplicate_runs",
    kind="counter",
    about="Second runs of one dispatch that were found, and cancelled.",
    counted_by=("ActionWorkflow", "DispatchGuardWorkflow"),
)
RUNS_STARTED = Metric(
    name="perdure_workflow_runs_started",
    kind="counter",
    about="Runs of workflows that began; going on in a new history is one more.",
)
RUNS_ENDED = Metric(
    name="perdure_workflow_runs_ended",
    kind="counter",
    about="Runs of workflows that ended.",
    labels={"outcome": ("completed", "failed", "cancelled", "continued")},
)
HISTORY_EVENTS = Metric(
    name="perdure_workflow_history_events",
    kind="histogram",
    about="Events in histories: at each run's end, and at every further thousand.",
    buckets=(10, 30, 100, 300, 1_000, 4_000, 10_000, 20_000, _NEAR_LIMIT * HISTORY_EVENTS_LIMIT, 51_200),
)
HISTORY_SIZE = Metric(
    name="perdure_workflow_history_size",
    kind="histogram",
    about="Bytes in histories: at each run's end, and at every further thousand events.",
    unit="bytes",
    buckets=(
        *(10_000, 30_000, 100_000, 300_000, 1_000_000, 4_000_000, 10_000_000, 20_000_000),
        *(_NEAR_LIMIT * HISTORY_BYTES_LIMIT, HISTORY_BYTES_LIMIT),
    ),
)
REMINDERS = Metric(
    name="perdure_approval_reminders",
    kind="counter",
    about="Reminders: an approval became older than the time after which people are asked again.",
    counted_by=("ApprovalWorkflow",),
)
BACKLOG = Metric(
    name="perdure_task_queue_backlog",
    kind="gauge",
    about="Tasks that wait for a worker, as the server counts them.",
    labels={"task_queue": (), "task_type": ("workflow", "activity")},
)
BACKLOG_AGE = Metric(
    name="perdure_task_queue_backlog_age_seconds",
    kind="gauge",
    about="For how long the oldest of them has waited.",
    labels={"task_queue": (), "task_type": ("workflow", "activity")},
)
POLLERS = Metric(
    name="perdure_task_queue_pollers",
    kind="gauge",
    about="Workers that poll; a killed one counts for up to 70 s.",
    labels={"task_queue": (), "task_type": ("workflow", "activity")},
)
OPEN = Metric(
    name="perdure_workflows_open",
    kind="gauge",
    about="Open workflows of the types that people ask about.",
    labels={"workflow_type": ()},
)
WAITING = Metric(
    name="perdure_workflows_waiting",
    kind="gauge",
    about="Open workflows that wait, by what they wait for.",
    labels={"waiting_on": ("github", "runner", "person", "rate-limit")},
)
APPROVALS_WAITING = Metric(
    name="perdure_approvals_waiting",
    kind="gauge",
    about="Approvals that nobody has decided yet.",
)
APPROVALS_OLDEST = Metric(
    name="perdure_approvals_oldest_age_seconds",
    kind="gauge",
    about="Age of the oldest of them; of the oldest thousand where there are more.",
)
PROBLEMS = Metric(
    name="perdure_workflows_with_problems",
    kind="gauge",
    about="Open workflows whose tasks keep failing: Temporal's TemporalReportedProblems.",
)
BUILDS_DESERTED = Metric(
    name="perdure_worker_builds_deserted",
    kind="gauge",
    about="Builds of worker deployments that open workflows are pinned to, and that no worker runs.",
)
QUOTA_LEFT = Metric(
    name="perdure_github_quota_left_ratio",
    kind="gauge",
    about="What is left of GitHub's hourly requests, 0 to 1: the least of all credentials in use.",
)
GITHUB_REQUESTS = Metric(
    name="perdure_github_requests",
    kind="counter",
    about="Requests to GitHub.",
    labels={"method": ("GET", "POST", "PUT", "PATCH", "DELETE"), "route": ()},
)
MODEL_TOKENS = Metric(
    name="perdure_model_tokens",
    kind="counter",
    about="Tokens that models were paid for.",
    labels={"model": (), "direction": ("input", "output")},
)
MODEL_COST = Metric(
    name="perdure_model_cost_microdollars",
    kind="counter",
    about="What models cost, in millionths of a US dollar.",
    labels={"model": ()},
)
SAMPLED_AT = Metric(
    name="perdure_sampled_at_seconds",
    kind="gauge",
    about="When the server was last asked for what these gauges show, as a Unix time.",
)

ALL: Final = (
    DISPATCHES,
    RECONCILIATIONS,
    DUPLICATES,
    RUNS_STARTED,
    RUNS_ENDED,
    HISTORY_EVENTS,
    HISTORY_SIZE,
    REMINDERS,
    BACKLOG,
    BACKLOG_AGE,
    POLLERS,
    OPEN,
    WAITING,
    APPROVALS_WAITING,
    APPROVALS_OLDEST,
    PROBLEMS,
    BUILDS_DESERTED,
    QUOTA_LEFT,
    GITHUB_REQUESTS,
    MODEL_TOKENS,
    MODEL_COST,
    SAMPLED_AT,
)
