"""The account of a pipeline: every dispatch, reconciliation, retry, decision and compensation, in order.

Nothing writes it down a second time: it is read out of the pipeline's workflow, its history, and the
workflows that did its jobs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError

from perdure.engine.actions import ActionHandle
from perdure.engine.approvals import get_approval
from perdure.engine.outages import engine_error
from perdure.engine.pipelines import get_pipeline
from perdure.errors import PerdureError
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.base import Model
from perdure.model.progress import ActionProgress, NoteKind
from perdure.pipeline.running import JobProgress, PipelineProgress
from perdure.workflows._ending import COMPENSATION_DECLINED
from perdure.workflows.action import ActionWorkflow

_AT_THE_SAME_TIME = 10
_OURS = "perdure"
_DEEPEST = 10


class AuditEntry(Model):
    """One thing that happened.

    Attributes:
        at: When.
        kind: ``started``, ``ended``, ``cancel``, ``approval``, ``refused``, ``compensation``,
            ``notification``, ``missing``, or what an action's notes say: ``dispatch``, ``reconcile``,
            ``found``, ``change``, ``retry``, ``duplicate``, ``decision`` or ``warning``.
        actor: Who did it: a person's login, or ``perdure``.
        job: The job it was about; empty where it was the pipeline itself.
        workflow_id: Where it is kept.
        reason: What happened, and why.
    """

    at: datetime
    kind: str
    actor: str = _OURS
    job: str = ""
    workflow_id: str
    reason: str = ""


async def audit_pipeline(client: Client, id: str) -> list[AuditEntry]:
    """Return what happened in a pipeline and in those that it ran, the oldest first.

    Raises:
        PerdureError: There is no such pipeline, or no worker answers.
    """
    reader = _Reader(client)
    entries = [entry async for entry in reader.of_pipeline(id)]
    return sorted(entries, key=lambda entry: entry.at)


class _Reader:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._gate = asyncio.Semaphore(_AT_THE_SAME_TIME)

    async def of_pipeline(self, id: str, *, prefix: str = "", depth: int = 0) -> AsyncIterator[AuditEntry]:
        """Yield a pipeline's entries, its jobs' included."""
        progress = await get_pipeline(self._client, id).progress()
        for entry in _of_progress(id, progress, prefix):
            yield entry
        async for entry in self._cancellations(id, prefix):
            yield entry
        begun = [job for job in progress.jobs if job.workflow_id]
        undoing = list(_compensating(id, progress))
        for entries in await asyncio.gather(
            *(self._of_job(job, prefix, depth) for job in (*begun, *undoing))
        ):
            for entry in entries:
                yield entry

    async def _of_job(self, job: JobProgress, prefix: str, depth: int) -> list[AuditEntry]:
        label = prefix + job.key
        if job.kind == "pipeline" and depth < _DEEPEST:
            below = self.of_pipeline(job.workflow_id, prefix=f"{label}/", depth=depth + 1)
            return [entry async for entry in below]
        try:
            async with self._gate:
                if job.kind == "approval":
                    return list(
                        _of_approval(await get_approval(self._client, job.workflow_id).progress(), label)
                    )
                handle = self._client.get_workflow_handle_for(ActionWorkflow.run, job.workflow_id)
                return list(_of_action(job.workflow_id, await ActionHandle(handle).progress(), label))
        except PerdureError as error:
            # An account with a hole must say where it is.
            at = job.started_at or job.ended_at or datetime.now(UTC)
            return [
                AuditEntry(
                    at=at,
                    kind="missing",
                    job=label,
                    workflow_id=job.workflow_id,
                    reason=f"not readable: {error}",
                )
            ]

    async def _cancellations(self, id: str, prefix: str) -> AsyncIterator[AuditEntry]:
        try:
            async for event in self._client.get_workflow_handle(id).fetch_history_events():
                if event.HasField("workflow_execution_cancel_requested_event_attributes"):
                    said = event.workflow_execution_cancel_requested_event_attributes
                    yield _asked(id, event, prefix, said.identity, said.cause or "cancelled")
                elif event.workflow_execution_signaled_event_attributes.signal_name == COMPENSATION_DECLINED:
                    by = event.workflow_execution_signaled_event_attributes.identity
                    yield _asked(id, event, prefix, by, "nothing is to be undone")
        except RPCError as error:
            raise engine_error(error, id) from error


def _of_progress(id: str, progress: PipelineProgress, prefix: str) -> Iterator[AuditEntry]:
    above = prefix.removesuffix("/")
    yield AuditEntry(
        at=progress.started_at,
        kind="started",
        actor=progress.requester or _OURS,
        job=above,
        workflow_id=id,
        reason=f"{progress.name}, plan {progress.digest}",
    )
    for job in progress.jobs:
        if job.ended_at is not None:
            why = f": {job.reason}" if job.reason else ""
            yield AuditEntry(
                at=job.ended_at,
                kind="ended",
                job=prefix + job.key,
                workflow_id=job.workflow_id or id,
                reason=f"{job.state.value}{why}",
            )
    for told in progress.notifications:
        yield AuditEntry(at=told.at, kind="notification", job=above, workflow_id=id, reason=told.line)


def _compensating(id: str, progress: PipelineProgress) -> Iterator[JobProgress]:
    """Yield the workflows that undid jobs, as if they were jobs."""
    for number, one in enumerate(progress.compensations, start=1):
        key = f"{one.job_key}/compensate-{number}"
        yield JobProgress(key=key, step=one.job_key, kind="action", workflow_id=f"{id}/{key}")


def _of_action(id: str, progress: ActionProgress, label: str) -> Iterator[AuditEntry]:
    undoes = "/compensate-" in label
    for number, note in enumerate(progress.notes):
        if undoes and number == 0:
            reason = f"undoing with {progress.repository} {progress.workflow_file}"
            yield AuditEntry(at=note.at, kind="compensation", job=label, workflow_id=id, reason=reason)
        yield AuditEntry(at=note.at, kind=note.kind.value, job=label, workflow_id=id, reason=note.text)


def _of_approval(progress: ApprovalProgress, label: str) -> Iterator[AuditEntry]:
    for decision in progress.decisions:
        why = f": {decision.comment}" if decision.comment else ""
        yield AuditEntry(
            at=decision.at,
            kind="approval",
            actor=decision.approver.login,
            job=label,
            workflow_id=progress.id,
            reason=f"{decision.verdict.value} ({decision.how.value}){why}",
        )
    for refused in progress.refused:
        yield AuditEntry(
            at=refused.at,
            kind="refused",
            actor=refused.claimed_by,
            job=label,
            workflow_id=progress.id,
            reason=refused.message,
        )
    for note in progress.notes:
        # Decisions stand above, with who took them.
        if note.kind is not NoteKind.DECISION:
            yield AuditEntry(
                at=note.at, kind=note.kind.value, job=label, workflow_id=progress.id, reason=note.text
            )


def _asked(id: str, event: HistoryEvent, prefix: str, by: str, what: str) -> AuditEntry:
    return AuditEntry(
        at=event.event_time.ToDatetime(tzinfo=UTC),
        kind="cancel",
        actor=by or _OURS,
        job=prefix.removesuffix("/"),
        workflow_id=id,
        reason=what,
    )
