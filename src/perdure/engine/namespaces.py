"""Namespaces: whether one exists, takes writes, and how long it keeps what is done."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client

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
