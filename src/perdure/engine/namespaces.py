"""Namespaces: whether one exists, takes writes, and how long it keeps what is done."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.errors import EngineError

LOCAL_RETENTION = timedelta(days=90)
"""A local server keeps what is done for a day unless told otherwise: too short for an account of releases."""


async def read_retention(client: Client) -> timedelta:
    """Return for how long the client's namespace keeps what is done."""
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def write_retention(client: Client, retention: timedelta) -> None:
    """Set for how long the client's namespace keeps what is done."""
    duration = Duration()
    duration.FromTimedelta(retention)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=duration)
        )
    )


async def check_writes(client: Client) -> None:
    """Write to the client's namespace, without changing it.

    On a full disk a server says that it is healthy, and answers reads: only a write shows that it is not.

    Raises:
        EngineError: The server did not write. The message has its reason.
    """
    try:
        await write_retention(client, await read_retention(client))
    except RPCError as error:
        msg = f"Temporal cannot write: {error.message}"
        raise EngineError(
            msg, hint="is its disk full? What it has acknowledged is kept, and it goes on once there is room"
        ) from error
