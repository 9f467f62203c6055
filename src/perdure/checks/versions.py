"""Says which patches in the code may go, from the workflows that run.

A patch lives in three steps: ``if workflow.patched(id)`` with the old code in its other branch, then
``workflow.deprecate_patch(id)`` with the old code gone, then nothing. Each step may be taken when no running
workflow needs what it removes, and nobody can see that in the code.

https://docs.temporal.io/develop/python/versioning
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from enum import StrEnum

from temporalio.client import Client, WorkflowHistory
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from perdure.checks.patches import Call, PatchCall
from perdure.checks.replaying import patches_taken
from perdure.errors import EngineError
from perdure.model.base import Model

_PATCHES = SearchAttributeKey.for_keyword_list("TemporalChangeVersion")
_MARKER = "core_patch"
_LISTED_AT_MOST = 10_000
_READ_AT_MOST = 200
"""Histories of running workflows that are read to learn how a mark was left."""


class Advice(StrEnum):
    """What to do about a patch."""

    KEEP = "keep"
    DEPRECATE = "deprecate"
    """The old code may go, and ``deprecate_patch`` take the place of ``patched``."""
    REMOVE = "remove"
    UNKNOWN = "unknown"
    """Its id is made at run time, so nobody can say."""
    LOST = "lost"
    """Running workflows carry its mark, and no code knows it: they would get stuck."""


class PatchStatus(Model):
    """A patch, and the running workflows that it is about.

    Attributes:
        calls: Where it is in the code.
        workflow_types: That may reach it.
        running_with: How many of these run and carry its mark: they took the new code.
        running_without: How many run and do not: they took the old code, or did not come so far.
        took_old: How many of those took the old code, where their histories were replayed to tell.
        needing: How many of those with the mark got it from ``patched``, and so need a call that knows it;
            counted where that decides.
        advice: What to do.
        why: In words.
    """

    id: str
    calls: tuple[PatchCall, ...] = ()
    workflow_types: tuple[str, ...] = ()
    running_with: int = 0
    running_without: int = 0
    took_old: int | None = None
    needing: int = 0
    advice: Advice
    why: str


def advise(
    call: Call | None, *, running_without: int, needing: int, took_old: int | None = None
) -> tuple[Advice, str]:
    """Return what to do about a patch, and why.

    Args:
        call: ``patched`` where any call is that, else ``deprecate_patch``; ``None`` where there is no call.
        running_without: How many running workflows of its types lack its mark.
        needing: How many running workflows got its mark from ``patched``.
        took_old: How many of those without took the old code, where that is known.
    """
    if call is Call.PATCHED:
        if took_old:
            return Advice.KEEP, f"{_workflows(took_old)} went by the old code"
        if took_old == 0:
            return (
                Advice.DEPRECATE,
                "no running workflow went by the old code: put deprecate_patch in its place",
            )
        if running_without:
            return Advice.KEEP, f"{_workflows(running_without)} without its mark may still go by the old code"
        return Advice.DEPRECATE, "no running workflow goes by the old code: put deprecate_patch in its place"
    if needing:
        marked = f"{_workflows(needing)} that took the new code beside the old"
        if call is None:
            return Advice.LOST, f"{marked} would get stuck: put deprecate_patch back"
        return Advice.KEEP, f"{marked} need it"
    return Advice.REMOVE, "no running workflow needs it: take the call out"


async def patch_statuses(
    client: Client,
    calls: Sequence[PatchCall],
    workflow_types: Iterable[str],
    *,
    replaying: Sequence[type] | None = None,
) -> AsyncIterator[PatchStatus]:
    """Yield what is to be done about every patch in the code, and about marks that no code knows.

    Args:
        client: The connection.
        calls: What the code holds.
        workflow_types: Names of all types that this code is for.
        replaying: Workflow types beside Perdure's, to replay running workflows with: that tells who took the
            old code from who has not come so far. Nothing is replayed where it is left out.

    Raises:
        EngineError: Temporal refused.
    """
    by_id: dict[str, list[PatchCall]] = {}
    for call in calls:
        by_id.setdefault(call.id, []).append(call)
    try:
        for id, places in sorted(by_id.items()):
            status = await _status(client, id, places)
            if replaying is not None and status.advice is Advice.KEEP and status.running_without:
                status = await _told_by_replays(client, status, replaying)
            yield status
        unknown = await _marks_beside(client, set(by_id), sorted(set(workflow_types)))
        for id, needing in sorted(unknown.items()):
            advice, why = advise(None, running_without=0, needing=needing)
            yield PatchStatus(id=id, running_with=needing, needing=needing, advice=advice, why=why)
    except RPCError as error:
        raise EngineError(f"Temporal refused: {error.message}") from error


async def _status(client: Client, id: str, calls: Sequence[PatchCall]) -> PatchStatus:
    types = tuple(sorted({name for call in calls for name in call.workflow_types}))
    if not id:
        why = "its id is made at run time"
        return PatchStatus(id=id, calls=tuple(calls), workflow_types=types, advice=Advice.UNKNOWN, why=why)
    call = Call.PATCHED if any(one.call is Call.PATCHED for one in calls) else Call.DEPRECATED
    running = _running(types)
    marked = f"{running} AND TemporalChangeVersion = {_quoted(id)}"
    total = (await client.count_workflows(running)).count
    running_with = (await client.count_workflows(marked)).count
    needing = 0
    if call is Call.DEPRECATED and running_with:
        needing = (await _needing(client, marked))[id]
        # What was not read may need it too: nothing is taken away on a guess.
        needing += max(0, running_with - _READ_AT_MOST)
    without = max(0, total - running_with)
    advice, why = advise(call, running_without=without, needing=needing)
    return PatchStatus(
        id=id,
        calls=tuple(calls),
        workflow_types=types,
        running_with=running_with,
        running_without=without,
        needing=needing,
        advice=advice,
        why=why,
    )


async def _told_by_replays(client: Client, status: PatchStatus, workflows: Sequence[type]) -> PatchStatus:
    """Replay those without the mark, unless it is only ``deprecate_patch`` that is there."""
    if not any(call.call is Call.PATCHED for call in status.calls):
        return status

    async def without_mark() -> AsyncIterator[WorkflowHistory]:
        read = 0
        async for execution in client.list_workflows(_running(status.workflow_types), limit=_LISTED_AT_MOST):
            if status.id in execution.typed_search_attributes.get(_PATCHES, ()):
                continue
            try:
                handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
                yield await handle.fetch_history()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            read += 1
            if read == _READ_AT_MOST:
                break

    took_old = max(0, status.running_without - _READ_AT_MOST)
    async for told in patches_taken(without_mark(), workflows=workflows, namespace=client.namespace):
        # One that does not replay is counted too: nothing is taken away on a guess.
        took_old += told is None or told.get(status.id) is False
    advice, why = advise(
        Call.PATCHED, running_without=status.running_without, needing=status.needing, took_old=took_old
    )
    return status.model_copy(update={"took_old": took_old, "advice": advice, "why": why})


async def _marks_beside(client: Client, known: set[str], workflow_types: Sequence[str]) -> Counter[str]:
    """Count the marks of running workflows that are not in the code, those alone that code has to know."""
    if not workflow_types:
        return Counter()
    query = f"{_running(workflow_types)} AND TemporalChangeVersion IS NOT NULL"
    found = await _needing(client, query, known)
    return Counter({id: count for id, count in found.items() if id not in known})


async def _needing(client: Client, query: str, known: set[str] | None = None) -> Counter[str]:
    """Count the marks from ``patched``. One from ``deprecate_patch`` needs nobody who knows it."""
    counted: Counter[str] = Counter()
    read = 0
    async for execution in client.list_workflows(query, limit=_LISTED_AT_MOST):
        marks = execution.typed_search_attributes.get(_PATCHES, ())
        if known is None or not known.issuperset(marks):
            counted.update(await _marks(client, execution.id, execution.run_id))
            read += 1
        if read == _READ_AT_MOST:
            break
    return counted


async def _marks(client: Client, workflow_id: str, run_id: str) -> set[str]:
    found: set[str] = set()
    try:
        async for event in client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events():
            attributes = event.marker_recorded_event_attributes
            if attributes.marker_name == _MARKER:
                [payload] = attributes.details["patch-data"].payloads
                mark = json.loads(payload.data)
                if not mark.get("deprecated"):
                    found.add(mark["id"])
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return found


def _running(workflow_types: Sequence[str]) -> str:
    types = ", ".join(map(_quoted, workflow_types)) or "''"
    return f"ExecutionStatus = 'Running' AND WorkflowType IN ({types})"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _workflows(count: int) -> str:
    return f"{count} running {'workflow' if count == 1 else 'workflows'}"
