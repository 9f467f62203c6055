"""Fetches histories from a namespace: a few of every kind there is.

What may break when code changes differs by workflow type, by how far a workflow came, by the build it ran on
and by the patches it went through. So some of each combination are taken, instead of the newest of all, which
would be a thousand times the same.
"""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.common import SearchAttributeKey
from temporalio.converter import PayloadCodec, WithSerializationContext, WorkflowSerializationContext
from temporalio.service import RPCError, RPCStatusCode

from perdure.checks.history_files import (
    MANIFEST,
    Manifest,
    SavedHistory,
    file_name,
    read_manifest,
    write_history,
    write_manifest,
)
from perdure.errors import EngineError, UsageError
from perdure.model.base import Model

_BUILD = SearchAttributeKey.for_keyword("TemporalWorkerDeploymentVersion")
_PATCHES = SearchAttributeKey.for_keyword_list("TemporalChangeVersion")


class Sampling(Model):
    """Which histories are taken.

    Attributes:
        types: Workflow types by name.
        query: A condition of Temporal's list filter that each has to meet besides.
        per_kind: How many of each type, version and status.
        looked_at: How many of a type are looked at, the newest first.
    """

    types: tuple[str, ...]
    query: str = ""
    per_kind: int = 5
    looked_at: int = 2000


async def sample(client: Client, sampling: Sampling) -> AsyncIterator[SavedHistory]:
    """Yield what there is of every kind, before it is fetched.

    Raises:
        UsageError: Temporal does not understand the query.
        EngineError: It refused otherwise.
    """
    try:
        for workflow_type in sampling.types:
            taken: Counter[tuple[str, ...]] = Counter()
            query = f"WorkflowType = '{workflow_type}'"
            if sampling.query:
                query += f" AND ({sampling.query})"
            async for execution in client.list_workflows(query, limit=sampling.looked_at):
                saved = _described(execution)
                kind = (saved.status, saved.version, *saved.patches)
                if taken[kind] < sampling.per_kind:
                    taken[kind] += 1
                    yield saved
    except RPCError as error:
        raise _refusal(error, sampling.query) from error


async def fetch(client: Client, saved: SavedHistory, *, readable: bool = False) -> WorkflowHistory | None:
    """Return a history; ``None`` where the server has forgotten it meanwhile.

    Args:
        client: The connection.
        saved: Which one.
        readable: Decrypt what its payloads hold. The client has to have the keys.

    Raises:
        EngineError: Temporal refused.
    """
    try:
        history = await client.get_workflow_handle(saved.workflow_id, run_id=saved.run_id).fetch_history()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise EngineError(f"Temporal refused: {error.message}") from error
    codec = client.data_converter.payload_codec
    if readable and codec is not None:
        if isinstance(codec, WithSerializationContext):
            # Keys may differ by organisation, which the workflow's id names.
            codec = codec.with_context(
                WorkflowSerializationContext(namespace=client.namespace, workflow_id=saved.workflow_id)
            )
        for event in history.events:
            await _decode(event, codec)
    return history


async def export(
    client: Client, sampling: Sampling, folder: Path, *, readable: bool = False
) -> AsyncIterator[SavedHistory]:
    """Write histories into a folder, and yield each; the manifest comes last.

    Raises:
        UsageError: The folder is in use, or the query is not understood.
        EngineError: Temporal refused.
    """
    prepare(folder)
    written: list[SavedHistory] = []
    async for found in sample(client, sampling):
        history = await fetch(client, found, readable=readable)
        if history is not None:
            saved = found.model_copy(update={"events": len(history.events)})
            write_history(folder / saved.file, history)
            written.append(saved)
            yield saved
    write_manifest(
        folder,
        Manifest(
            namespace=client.namespace,
            query=sampling.query,
            readable=readable,
            exported_at=datetime.now(UTC),
            histories=tuple(written),
        ),
    )


def prepare(folder: Path) -> None:
    """Make the folder, or empty it of an earlier export.

    Raises:
        UsageError: Something else is in it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        earlier = read_manifest(folder)
        for saved in earlier.histories if earlier else ():
            # By its last part alone: a manifest that somebody else wrote removes nothing elsewhere.
            (folder / Path(saved.file).name).unlink(missing_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        if any(folder.iterdir()):
            raise UsageError(f"{folder} holds something else", hint="name a new folder, or an earlier export")
    except OSError as error:
        raise UsageError(f"{folder} cannot be used: {error.strerror}", hint="name a folder") from error


def _described(execution: WorkflowExecution) -> SavedHistory:
    return SavedHistory(
        file=file_name(execution.workflow_type, execution.id, execution.run_id),
        workflow_id=execution.id,
        run_id=execution.run_id,
        workflow_type=execution.workflow_type,
        status=execution.status.name.lower() if execution.status else "",
        version=execution.typed_search_attributes.get(_BUILD, ""),
        patches=tuple(sorted(execution.typed_search_attributes.get(_PATCHES, ()))),
        started_at=execution.start_time.astimezone(UTC),
        closed_at=execution.close_time.astimezone(UTC) if execution.close_time else None,
    )


async def _decode(message: Message, codec: PayloadCodec) -> None:
    """Decode every payload in a message, wherever it is. Search attributes are never encoded."""
    for name, value in message.ListFields():
        if name.name == "search_attributes":
            continue
        if isinstance(value, Message):
            await _decode_one(value, codec)
        elif name.message_type is None:
            continue
        elif name.message_type.GetOptions().map_entry:
            for part in value.values():
                if isinstance(part, Message):
                    await _decode_one(part, codec)
        else:
            for part in value:
                await _decode_one(part, codec)


async def _decode_one(message: Message, codec: PayloadCodec) -> None:
    if isinstance(message, Payload):
        [decoded] = await codec.decode([message])
        message.CopyFrom(decoded)
    else:
        await _decode(message, codec)


def _refusal(error: RPCError, query: str) -> EngineError | UsageError:
    if error.status is RPCStatusCode.INVALID_ARGUMENT and query:
        return UsageError(
            f"Temporal does not understand the query: {error.message}",
            hint="it is a list filter: https://docs.temporal.io/list-filter",
        )
    return EngineError(f"Temporal refused: {error.message}")
