"""Clears the store of payloads that no history refers to any more.

The engine deletes a history when its retention has passed, and knows nothing of what stands outside. So all
histories and schedules of the namespace are read, and what none of them names goes, unless it is young: a
workflow may be about to start with it, or not be in the engine's list yet.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeScheduleRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.store import ContentStore, Kept
from perdure.config import StoreSettings
from perdure.engine.external_storage import payload_folder
from perdure.engine.outages import engine_error
from perdure.errors import EngineError

YOUNGEST: Final = timedelta(hours=1)
"""What is younger is never deleted, whatever anybody asks for."""

_AT_THE_SAME_TIME = 8
_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_HIDDEN_REFERENCE = b"__temporal_external_storage_reference"
"""Marks a reference that is encrypted itself, which this release's SDK does not write."""


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """What was found, and what became of it.

    Attributes:
        unneeded: Payloads that no history refers to.
        deleted: Those of them that are gone.
        needed: How many are referred to.
        young: How many were put too lately to be judged.
        histories: How many histories and schedules were read.
    """

    unneeded: tuple[Kept, ...]
    deleted: tuple[Kept, ...]
    needed: int
    young: int
    histories: int


async def prune(
    client: Client, settings: StoreSettings, *, older_than: timedelta, dry_run: bool = False
) -> Pruned:
    """Delete the namespace's payloads that no history and no schedule refers to.

    Args:
        client: Connected to the namespace.
        settings: Where the store is. Every engine that uses this folder needs a namespace of its own name.
        older_than: What was put later stays; at least :data:`YOUNGEST`.
        dry_run: Whether to delete nothing.

    Raises:
        EngineError: Temporal refused, or histories cannot be judged. Nothing is deleted then.
    """
    store = ContentStore(payload_folder(settings, client.namespace))
    before = datetime.now(UTC) - max(older_than, YOUNGEST)
    kept = list(store.kept())
    old = [each for each in kept if each.put_at < before]
    named, histories = await _named(client) if old else (frozenset(), 0)
    unneeded = tuple(each for each in old if each.digest not in named)
    deleted = (
        tuple(each for each in unneeded if store.remove(each.digest, unless_needed_since=before))
        if not dry_run
        else ()
    )
    return Pruned(
        unneeded=unneeded,
        deleted=deleted,
        needed=len(old) - len(unneeded),
        young=len(kept) - len(old),
        histories=histories,
    )


async def _named(client: Client) -> tuple[Set[str], int]:
    named: set[str] = set()
    histories = 0
    try:
        async for content in _everything(client):
            if _HIDDEN_REFERENCE in content:
                msg = "histories hold references that this release cannot read"
                raise EngineError(msg, hint="update Perdure before clearing the store")
            named.update(digest.decode() for digest in _DIGEST.findall(content))
            histories += 1
    except RPCError as error:
        raise engine_error(error, "the namespace") from error
    return named, histories


async def _everything(client: Client) -> AsyncIterator[bytes]:
    """Yield each history and each schedule of the namespace, as the engine keeps it.

    Schedules come first: what one of them starts while histories are read was named by it already.
    """
    async for listed in await client.list_schedules():
        request = DescribeScheduleRequest(namespace=client.namespace, schedule_id=listed.id)
        try:
            yield (await client.workflow_service.describe_schedule(request)).SerializeToString()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    together: list[WorkflowExecution] = []
    async for execution in client.list_workflows():
        together.append(execution)
        if len(together) == _AT_THE_SAME_TIME:
            for content in await asyncio.gather(*(_history(client, each) for each in together)):
                yield content
            together.clear()
    for content in await asyncio.gather(*(_history(client, each) for each in together)):
        yield content


async def _history(client: Client, execution: WorkflowExecution) -> bytes:
    handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
    try:
        return b"".join([event.SerializeToString() async for event in handle.fetch_history_events()])
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        # Its retention passed while the list was read.
        return b""
