"""Builds of workers, side by side: Temporal's worker deployments.

A worker that names its deployment and its build gets the work of that build alone. Workflows that began on
an older build finish there (pinned) or go on with the newest (auto-upgrade), and new ones begin on whichever
build is current. Who makes a build current is an operator:
https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersion
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus as Status
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    ListWorkerDeploymentsRequest,
)
from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.common import WorkerDeploymentVersion as Version
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from perdure.config import WorkerSettings
from perdure.engine.pollers import POLL_LASTS
from perdure.errors import EngineError
from perdure.model.base import Model

_BEHAVIOURS = {
    "pinned": VersioningBehavior.PINNED,
    "auto-upgrade": VersioningBehavior.AUTO_UPGRADE,
}
_STATES: Mapping[Status.ValueType, str] = {
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT: "current",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING: "ramping",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE: "inactive",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING: "draining",
    Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED: "drained",
}
_NOT_THERE = {RPCStatusCode.NOT_FOUND, RPCStatusCode.UNIMPLEMENTED}


class BuildSummary(Model):
    """One build of a worker deployment.

    Attributes:
        state: ``current`` (new workflows begin on it), ``ramping`` (some do), ``inactive`` (none ever did),
            ``draining`` (only workflows that began on it run there) or ``drained`` (none does).
        running: How many workflows run on it.
        workers: Who polls for it.
        task_queues: That it has worked for.
    """

    deployment: str
    build_id: str
    state: str
    created_at: datetime | None = None
    running: int = 0
    workers: tuple[str, ...] = ()
    task_queues: tuple[str, ...] = ()

    @property
    def is_deserted(self) -> bool:
        """Whether workflows wait for workers of this build, and there are none."""
        return self.running > 0 and not self.workers


def deployment_config(settings: WorkerSettings) -> WorkerDeploymentConfig | None:
    """Return what a worker says of its build; ``None`` where its settings name none."""
    if not settings.deployment or not settings.build_id:
        return None
    return WorkerDeploymentConfig(
        version=Version(settings.deployment, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=_BEHAVIOURS[settings.versioning],
    )


async def current_build(client: Client, deployment: str) -> str | None:
    """Return the build that new workflows begin on, if the deployment is known and has one."""
    try:
        answer = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
        )
    except RPCError as error:
        if error.status in _NOT_THERE:
            return None
        raise EngineError(f"Temporal refused: {error.message}") from error
    return answer.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def list_builds(client: Client) -> AsyncIterator[BuildSummary]:
    """Yield every build of every deployment in the namespace, the newest of each first.

    Raises:
        EngineError: Temporal refused.
    """
    try:
        for deployment in await _deployments(client):
            answer = await client.workflow_service.describe_worker_deployment(
                DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
            )
            builds = answer.worker_deployment_info.version_summaries
            for build in sorted(builds, key=lambda one: one.create_time.ToNanoseconds(), reverse=True):
                yield await _summary(client, build)
    except RPCError as error:
        if error.status is not RPCStatusCode.UNIMPLEMENTED:
            raise EngineError(f"Temporal refused: {error.message}") from error


async def _deployments(client: Client) -> list[str]:
    names: list[str] = []
    token = b""
    while True:
        answer = await client.workflow_service.list_worker_deployments(
            ListWorkerDeploymentsRequest(namespace=client.namespace, next_page_token=token)
        )
        names += [one.name for one in answer.worker_deployments]
        token = answer.next_page_token
        if not token:
            return sorted(names)


async def _summary(
    client: Client, build: WorkerDeploymentInfo.WorkerDeploymentVersionSummary
) -> BuildSummary:
    version = build.deployment_version
    task_queues = await _task_queues(client, version)
    workers: dict[str, None] = {}
    for name, kind in task_queues:
        workers.update(dict.fromkeys(await _workers(client, name, kind, version)))
    named = f"{version.deployment_name}:{version.build_id}"
    running = await client.count_workflows(
        f"TemporalWorkerDeploymentVersion = '{named}' AND ExecutionStatus = 'Running'"
    )
    return BuildSummary(
        deployment=version.deployment_name,
        build_id=version.build_id,
        state=_STATES.get(build.status, "unknown"),
        created_at=build.create_time.ToDatetime(tzinfo=UTC),
        running=running.count,
        workers=tuple(workers),
        task_queues=tuple(dict.fromkeys(name for name, _ in task_queues)),
    )


async def _task_queues(
    client: Client, version: WorkerDeploymentVersion
) -> list[tuple[str, TaskQueueType.ValueType]]:
    try:
        answer = await client.workflow_service.describe_worker_deployment_version(
            DescribeWorkerDeploymentVersionRequest(namespace=client.namespace, deployment_version=version)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:  # removed meanwhile
            return []
        raise
    return [(queue.name, queue.type) for queue in answer.version_task_queues]


async def _workers(
    client: Client, task_queue: str, kind: TaskQueueType.ValueType, version: WorkerDeploymentVersion
) -> list[str]:
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
        )
    )
    return [
        poller.identity
        for poller in answer.pollers
        if poller.deployment_options.deployment_name == version.deployment_name
        and poller.deployment_options.build_id == version.build_id
        and datetime.now(UTC) - poller.last_access_time.ToDatetime(tzinfo=UTC) < POLL_LASTS
    ]
