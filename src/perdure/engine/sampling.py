"""Asks the server, now and then, for what no worker can count: backlogs, open workflows, approvals.

Each worker that takes workflow tasks asks, so that the numbers outlive any one of them; they are the same
numbers, and a dashboard takes the highest. A server that cannot be asked leaves the last ones standing and
:data:`~perdure.model.metrics.SAMPLED_AT` behind the clock, and never ends a worker.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
)
from temporalio.client import Client
from temporalio.common import MetricMeter
from temporalio.service import RPCError, RPCStatusCode

from perdure.config import Settings
from perdure.engine.counters import begin_at_zero
from perdure.engine.deployments import list_builds
from perdure.engine.metrics import meter_of
from perdure.errors import EngineError
from perdure.github import GitHubClient
from perdure.model import metrics, queues
from perdure.model.metrics import Metric
from perdure.model.search_attributes import WAITING_ON

_KINDS: Final = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
_WITH_WORKFLOWS: Final = (queues.WORKFLOWS, queues.REVIEW)
COUNTED: Final = (
    *("ActionWorkflow", "PipelineWorkflow", "ApprovalWorkflow", "CodeReviewWorkflow"),
    *("OrganizationPipelineWorkflow", "DispatchGuardWorkflow", "RepositoryWatcherWorkflow"),
)
"""What people ask about: servers count one type at a time."""

_APPROVALS_LOOKED_AT: Final = 1_000
_BETWEEN_TWO_QUESTIONS: Final = 0.2
"""Seconds. A server answers ten questions about visibility a second to a whole namespace by default."""

_log = logging.getLogger(__name__)


@asynccontextmanager
async def sampling(
    client: Client, settings: Settings, github: GitHubClient, task_queues: Collection[str]
) -> AsyncIterator[None]:
    """Keep the gauges up to date beside the block, where somebody can read them."""
    if meter_of(client) is MetricMeter.noop:
        yield
        return
    begin_at_zero(client, settings, task_queues)
    task = asyncio.create_task(_sample_for_ever(Sampler(client, settings, github, task_queues)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _sample_for_ever(sampler: "Sampler") -> None:
    # So that this worker's own polls are there already.
    await asyncio.sleep(1)
    while True:
        try:
            await sampler.sample()
        except Exception:
            # Whatever it is: work goes on without numbers.
            _log.exception("numbers could not be read")
        await asyncio.sleep(sampler.interval)


class Sampler:
    """Sets the gauges that the server and GitHub's answers tell."""

    def __init__(
        self, client: Client, settings: Settings, github: GitHubClient, task_queues: Collection[str]
    ) -> None:
        self.interval = settings.metrics.sample_interval.total_seconds()
        self._client = client
        self._suffix = settings.worker.queue_suffix
        self._github = github
        self._task_queues = task_queues
        self._meter = meter_of(client).with_additional_attributes({"namespace": client.namespace})
        self._requests: Counter[tuple[str, str]] = Counter()

    async def sample(self) -> None:
        """Look once. What the server does not answer is logged and left as it was."""
        self._read_github()
        try:
            await self._read_queues()
            if queues.WORKFLOWS in self._task_queues:
                await self._read_workflows()
                await self._read_approvals()
                deserted = sum([build.is_deserted async for build in list_builds(self._client)])
                self._gauge(metrics.BUILDS_DESERTED, deserted)
        except (RPCError, EngineError) as error:
            _log.warning("the server could not be asked for numbers: %s", error)
            return
        self._gauge(metrics.SAMPLED_AT, datetime.now(UTC).timestamp())

    def _read_github(self) -> None:
        now = self._github.now()
        left = [quota.part_left for quota in self._github.rate_limits.values() if quota.reset_at > now]
        self._gauge(metrics.QUOTA_LEFT, min(left, default=1.0))
        sent = Counter(self._github.requests_sent)
        counter = self._meter.create_counter(metrics.GITHUB_REQUESTS.name, metrics.GITHUB_REQUESTS.about)
        for (method, route), number in (sent - self._requests).items():
            counter.add(number, {"method": method, "route": route})
        self._requests = sent

    async def _read_queues(self) -> None:
        for queue in self._task_queues:
            for task_type, kind in _KINDS.items():
                if task_type == "workflow" and queue not in _WITH_WORKFLOWS:
                    continue
                answer = await self._describe(queue + self._suffix, kind)
                labels = {"task_queue": queue + self._suffix, "task_type": task_type}
                self._gauge(metrics.BACKLOG, answer.stats.approximate_backlog_count, labels)
                age = answer.stats.approximate_backlog_age.ToTimedelta().total_seconds()
                self._gauge(metrics.BACKLOG_AGE, age, labels)
                self._gauge(metrics.POLLERS, len(answer.pollers), labels)

    async def _describe(self, queue: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
        return await self._client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=kind,
                report_stats=True,
            )
        )

    async def _read_workflows(self) -> None:
        for name in COUNTED:
            await self._count(metrics.OPEN, f"WorkflowType = '{name}'", {"workflow_type": name})
        for waiting_on in metrics.WAITING.labels["waiting_on"]:
            await self._count(metrics.WAITING, f"{WAITING_ON} = '{waiting_on}'", {"waiting_on": waiting_on})
        await self._count(metrics.PROBLEMS, "TemporalReportedProblems IS NOT NULL")

    async def _count(self, metric: Metric, query: str, labels: dict[str, str] | None = None) -> None:
        await asyncio.sleep(_BETWEEN_TWO_QUESTIONS)
        try:
            found = await self._client.count_workflows(f"ExecutionStatus = 'Running' AND {query}")
        except RPCError as error:
            if error.status is RPCStatusCode.INVALID_ARGUMENT:
                # A server that does not know the search attribute: there is no such number.
                return
            raise
        self._gauge(metric, found.count, labels)

    async def _read_approvals(self) -> None:
        """Read how many wait, and since when the first does: lists begin with the newest."""
        query = "ExecutionStatus = 'Running' AND WorkflowType = 'ApprovalWorkflow'"
        waiting = await self._client.count_workflows(query)
        oldest = datetime.now(UTC)
        async for found in self._client.list_workflows(query, limit=_APPROVALS_LOOKED_AT):
            oldest = min(oldest, found.start_time)
        self._gauge(metrics.APPROVALS_WAITING, waiting.count)
        self._gauge(metrics.APPROVALS_OLDEST, (datetime.now(UTC) - oldest).total_seconds())

    def _gauge(self, metric: Metric, value: float, labels: dict[str, str] | None = None) -> None:
        self._meter.create_gauge_float(metric.name, metric.about).set(value, labels)
