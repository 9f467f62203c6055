"""What a command works with: settings, and the connection to the engine."""

from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from perdure.cli._local_github import with_local_github
from perdure.config import Settings, load_settings
from perdure.engine.connection import connect
from perdure.engine.pages import temporal_url
from perdure.errors import ActionNotKnownError, EngineError, UsageError


@dataclass(frozen=True, kw_only=True)
class Session:
    """An open connection to the engine, and the settings."""

    client: Client
    settings: Settings

    async def describe(self, action_id: str) -> WorkflowExecutionDescription:
        """Return what the engine says of an action, which needs no worker.

        Raises:
            ActionNotKnownError: There is none with this id.
            EngineError: Temporal refused.
        """
        try:
            return await self.client.get_workflow_handle(action_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise EngineError(f"Temporal refused: {error.message}") from error
            msg = f"there is no action {action_id!r}"
            raise ActionNotKnownError(msg, hint="list them with: perdure run list") from error

    async def require_running(self, action_id: str) -> None:
        """Refuse to go on with an action that has ended.

        Raises:
            ActionNotKnownError: There is none with this id.
            UsageError: It has ended.
        """
        described = await self.describe(action_id)
        if described.status is not WorkflowExecutionStatus.RUNNING:
            msg = f"{action_id} has ended already"
            raise UsageError(msg, hint=f"see how: perdure run show {action_id}")

    def temporal_url(self, action_id: str) -> str | None:
        """Return the action's own page in Temporal's web UI, where its address can be known."""
        host = self.client.service_client.config.target_host
        return temporal_url(host, self.client.namespace, action_id, settings=self.settings)


async def open_session(address: str | None, namespace: str | None) -> Session:
    """Read the settings and connect.

    Raises:
        SettingsError: They cannot be used.
        EngineError: Temporal refused, or is out of reach; said within 10 s.
    """
    settings = with_local_github(load_settings())
    # The SDK's own log goes to stdout, which is for data, and below a drawing that is redrawn in place.
    quiet = Runtime(telemetry=TelemetryConfig(logging=None))
    client = await connect(address=address, namespace=namespace, runtime=quiet, settings=settings)
    return Session(client=client, settings=settings)
