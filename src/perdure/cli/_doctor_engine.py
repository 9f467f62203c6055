"""What ``perdure doctor`` checks of the engine."""

from collections.abc import AsyncIterator

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.cli._findings import Finding, ok, problem, problem_of, warning
from perdure.config import Settings
from perdure.engine.connection import connect
from perdure.engine.namespaces import read_retention
from perdure.engine.pollers import pollers
from perdure.engine.sdk_versions import sdk_versions
from perdure.engine.search_attributes import has_search_attributes
from perdure.errors import PerdureError
from perdure.model import queues, search_attributes

_ABOUT = "engine"


async def check_engine(
    settings: Settings, address: str | None, namespace: str | None
) -> AsyncIterator[Finding]:
    """Yield what can be known of the engine with these settings."""
    try:
        client = await connect(address=address, namespace=namespace, settings=settings)
    except PerdureError as error:
        yield problem_of(_ABOUT, error)
        return
    try:
        yield await _server(client)
        yield await _search_attributes(client)
        for queue in queues.ALL:
            yield await _queue(client, queue + settings.worker.queue_suffix)
            if mixed := await _mixed_sdks(client, queue + settings.worker.queue_suffix):
                yield mixed
    except RPCError as error:
        yield problem(_ABOUT, f"Temporal refused: {error.message}")


async def _server(client: Client) -> Finding:
    version = (await client.workflow_service.get_system_info(GetSystemInfoRequest())).server_version
    retention = await read_retention(client)
    said = (
        f"Temporal {version} at {client.service_client.config.target_host}, namespace {client.namespace},"
        f" keeps what is done for {retention.days} {'day' if retention.days == 1 else 'days'}"
    )
    if retention.days >= 7:
        return ok(_ABOUT, said)
    return warning(
        _ABOUT,
        f"{said}: after that a repeated --id starts anew",
        hint=f"temporal operator namespace update --retention 90d -n {client.namespace}",
    )


async def _search_attributes(client: Client) -> Finding:
    if await has_search_attributes(client):
        return ok(_ABOUT, "the search attributes are registered")
    flags = " ".join(f"--name {name} --type {kind}" for name, kind in search_attributes.TYPES.items())
    return warning(
        _ABOUT,
        "the search attributes are not registered: actions work, but cannot be listed by repository",
        hint="a worker registers them when it starts, where it may. Otherwise have an administrator do it:"
        f" temporal operator search-attribute create -n {client.namespace} {flags}",
    )


async def _queue(client: Client, queue: str) -> Finding:
    found = await pollers(client, queue)
    if found:
        return ok(_ABOUT, f"task queue {queue}: polled by {', '.join(found)}")
    return problem(
        _ABOUT,
        f"task queue {queue}: nobody polls it, so its work waits",
        hint="start a worker: perdure worker, or perdure up for an engine and a worker on this machine",
    )


async def _mixed_sdks(client: Client, queue: str) -> Finding | None:
    versions = await sdk_versions(client, queue)
    if len(versions) < 2:
        return None
    told = "; ".join(f"{version} by {', '.join(who)}" for version, who in sorted(versions.items()))
    return warning(
        _ABOUT,
        f"task queue {queue}: polled with different versions of Temporal's SDK: {told}",
        hint="fine while workers are being replaced; otherwise give all of them one version, for an older"
        " one may not replay what a newer one has written",
    )
