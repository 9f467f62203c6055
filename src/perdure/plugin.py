"""The Temporal plugin for people who run a worker of their own.

    client = await Client.connect("localhost:7233", plugins=[PerdurePlugin()])
    async with Worker(client, task_queue="releases", workflows=[Release]):
        ...

Give it to the client: its workers inherit it. It brings the data converter that Perdure's models need, and
runs workers for Perdure's own task queues beside yours, in the same process, for as long as yours runs.
"""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar

from temporalio.client import Client, ClientConfig, WorkflowHistory
from temporalio.client import Plugin as ClientPlugin
from temporalio.common import HeaderCodecBehavior
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import Plugin as WorkerPlugin
from temporalio.worker import Replayer, ReplayerConfig, Worker, WorkerConfig, WorkflowReplayResult
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from perdure.config import Settings, load_settings
from perdure.engine.connection import connection_options
from perdure.engine.data_conversion import with_settings
from perdure.engine.workers import run_workers, workflow_runner
from perdure.errors import PerdureError, SettingsError
from perdure.model import queues
from perdure.workflows.registry import WORKFLOWS

_NO_NAMESPACE = "ReplayNamespace"
"""What a replayer's namespace is where nobody has named one."""

_starting_own_workers: ContextVar[bool] = ContextVar("_starting_own_workers", default=False)


class PerdurePlugin(ClientPlugin, WorkerPlugin):
    """Lets workflows on your worker call :func:`perdure.workflow.run_action`."""

    def __init__(
        self, settings: Settings | None = None, *, task_queues: Collection[str] = queues.ALL
    ) -> None:
        """Create the plugin.

        Args:
            settings: Read from ``perdure.toml`` and the environment where they are left out.
            task_queues: Which of Perdure's queues to poll beside your worker. None of them where
                ``perdure worker`` runs elsewhere.
        """
        self._settings = settings
        self._task_queues = tuple(task_queues)

    def configure_client(self, config: ClientConfig) -> ClientConfig:
        """Bring the data converter that reads and writes models, encrypted where the settings say so.

        A codec and a store for large payloads that the client has already are kept.
        """
        config["data_converter"] = with_settings(
            config.get("data_converter"), self._read_settings(), config["namespace"]
        )
        config["header_codec_behavior"] = HeaderCodecBehavior.CODEC
        return config

    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        """Connect unchanged."""
        return await next(config)

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        """Let Perdure's errors fail a workflow, and keep its models out of the sandbox's way."""
        if _starting_own_workers.get():
            return config
        own = {queue + (self._settings.worker.queue_suffix if self._settings else "") for queue in queues.ALL}
        if config.get("task_queue") in own:
            msg = f"the task queue {config.get('task_queue')!r} is Perdure's own"
            raise SettingsError(msg, hint="give your worker's queue another name")
        config["workflow_failure_exception_types"] = [
            *config.get("workflow_failure_exception_types", ()),
            PerdureError,
        ]
        runner = config.get("workflow_runner")
        if isinstance(runner, SandboxedWorkflowRunner):
            config["workflow_runner"] = _with_passed_through(runner)
        return config

    async def run_worker(self, worker: Worker, next: Callable[[Worker], Awaitable[None]]) -> None:
        """Run your worker, with Perdure's beside it."""
        if _starting_own_workers.get() or not self._task_queues:
            await next(worker)
            return
        stop, ready = asyncio.Event(), asyncio.Event()
        beside = asyncio.create_task(self._run_beside(worker.client, stop, ready))
        is_ready = asyncio.create_task(ready.wait())
        await asyncio.wait({beside, is_ready}, return_when=asyncio.FIRST_COMPLETED)
        is_ready.cancel()
        if beside.done():
            beside.result()
        try:
            await next(worker)
        finally:
            stop.set()
            await beside

    def configure_replayer(self, config: ReplayerConfig) -> ReplayerConfig:
        """Let a replayer know Perdure's workflows and models, and open what is encrypted."""
        namespace = config.get("namespace", _NO_NAMESPACE)
        if namespace == _NO_NAMESPACE:
            # Payloads are bound to the namespace that they were written in.
            namespace = connection_options()["namespace"]
        config["data_converter"] = with_settings(
            config.get("data_converter"), self._read_settings(), namespace
        )
        config["header_codec_behavior"] = HeaderCodecBehavior.CODEC
        config["workflows"] = [*config.get("workflows", ()), *WORKFLOWS]
        config["workflow_failure_exception_types"] = [
            *config.get("workflow_failure_exception_types", ()),
            PerdureError,
        ]
        config["workflow_runner"] = workflow_runner()
        return config

    def run_replayer(
        self,
        replayer: Replayer,
        histories: AsyncIterator[WorkflowHistory],
        next: Callable[
            [Replayer, AsyncIterator[WorkflowHistory]],
            AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]],
        ],
    ) -> AbstractAsyncContextManager[AsyncIterator[WorkflowReplayResult]]:
        """Replay unchanged."""
        return next(replayer, histories)

    async def _run_beside(self, client: Client, stop: asyncio.Event, ready: asyncio.Event) -> None:
        # This task has a context of its own: only workers that start in it are taken for Perdure's.
        _starting_own_workers.set(True)
        await run_workers(client, self._read_settings(), self._task_queues, stop=stop, ready=ready)

    def _read_settings(self) -> Settings:
        return self._settings or load_settings()


def _with_passed_through(runner: SandboxedWorkflowRunner) -> SandboxedWorkflowRunner:
    passed = workflow_runner().restrictions.passthrough_modules | runner.restrictions.passthrough_modules
    return dataclasses.replace(
        runner, restrictions=dataclasses.replace(runner.restrictions, passthrough_modules=passed)
    )
