"""Bringing the result of a job that somebody outside has done."""

from dataclasses import dataclass

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.activities.outside_jobs import OutsideJobs
from perdure.config import Settings
from perdure.engine.sealed_store import content_store
from perdure.errors import EngineError
from perdure.model.actions import StoredObject
from perdure.model.outside_jobs import Delivery, FinishedJob, JobWaiter


@dataclass(frozen=True)
class KeptResult:
    """A result that is safe, whether or not anybody can be told of it.

    Attributes:
        job_id: Whose it is.
        counts: Whether it is the one that counts: the first.
        was_there: Whether the same was brought before.
        result: In the content store.
    """

    job_id: str
    counts: bool
    was_there: bool
    result: StoredObject


def keep_result(settings: Settings, token: str, content: bytes) -> KeptResult:
    """Keep a job's result, which needs no engine.

    Raises:
        UsageError: The token belongs to no job.
    """
    jobs = OutsideJobs(settings.store.path)
    job = jobs.job_of(token)
    was_there = jobs.result(job) is not None
    result = content_store(settings).put(content)
    return KeptResult(job, jobs.finish(job, result), was_there, result)


async def deliver(client: Client, settings: Settings, kept: KeptResult) -> Delivery:
    """Tell whoever waits for a result that it is there: as early, as late and as often as one likes.

    Args:
        client: Connected with Perdure's data converter.
        settings: Where the store is.
        kept: What was brought.

    Raises:
        EngineError: Temporal refused.
    """
    if not kept.counts:
        return Delivery.IGNORED
    waiter = OutsideJobs(settings.store.path).waiter(kept.job_id)
    if waiter is not None and await _told(client, waiter, FinishedJob(result=kept.result)):
        return Delivery.DELIVERED
    return Delivery.REPEATED if kept.was_there and waiter is not None else Delivery.KEPT


async def _told(client: Client, waiter: JobWaiter, result: FinishedJob) -> bool:
    handle = client.get_async_activity_handle(
        workflow_id=waiter.workflow_id, run_id=waiter.run_id, activity_id=waiter.activity_id
    )
    try:
        await handle.complete(result)
    except RPCError as error:
        # It has ended, or it is between two attempts: the next one finds the result by itself.
        if error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT}:
            return False
        hint = "the result is kept: bring it again"
        raise EngineError(f"Temporal refused: {error.message}", hint=hint) from error
    return True
