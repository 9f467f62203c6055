"""Follows a pipeline together with what its running jobs say of themselves.

A pipeline's workflow knows that a job runs, and not who is waited for: that changes without a word to it, as
when the first of two people has approved. So whoever shows a pipeline to people asks the running jobs too. Of
a thousand of them only the first few: they all fit on no screen, and each question costs a worker something.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import timedelta

from pydantic import Field
from temporalio.client import Client

from perdure.engine.actions import ActionHandle
from perdure.engine.approvals import get_approval
from perdure.engine.pipelines import PipelineHandle, get_pipeline
from perdure.errors import PerdureError
from perdure.model.approval_progress import ApprovalProgress
from perdure.model.base import Model
from perdure.model.progress import ActionProgress
from perdure.pipeline.running import JobProgress, JobState, PipelineProgress, PipelineResult
from perdure.workflows.action import ActionWorkflow

JOBS_ASKED = 10
"""How many running jobs are asked at most."""

_LOOK_INTERVAL = timedelta(seconds=1)


class JobSight(Model):
    """What a running job says of itself: one of these, by its kind."""

    action: ActionProgress | None = None
    approval: ApprovalProgress | None = None
    pipeline: PipelineProgress | None = None


class PipelineSight(Model):
    """Where a pipeline stands.

    Attributes:
        progress: What it says of itself.
        jobs: What its running jobs say, by key: the first :data:`JOBS_ASKED` of them.
    """

    progress: PipelineProgress
    jobs: dict[str, JobSight] = Field(default_factory=dict)


class FollowedPipeline:
    """A pipeline that is watched with its jobs."""

    def __init__(self, client: Client, handle: PipelineHandle) -> None:
        self._client = client
        self._handle = handle
        self.id = handle.id
        self.last: PipelineSight | None = None
        """Where it stood when it was last looked at."""

    async def result(self) -> PipelineResult:
        """Wait for its end: see :meth:`PipelineHandle.result`."""
        return await self._handle.result()

    async def watch(self) -> AsyncIterator[PipelineSight]:
        """Yield where it stands after every change of it or of a running job, until its end."""
        async with aclosing(_with_ticks(self._handle.watch())) as turns:
            async for progress in turns:
                sight = PipelineSight(progress=progress, jobs=await look_at_jobs(self._client, progress))
                is_news, self.last = sight != self.last, sight
                if is_news:
                    yield sight


async def look_at_jobs(client: Client, progress: PipelineProgress) -> dict[str, JobSight]:
    """Ask the running jobs where they stand. One that does not answer is left out."""
    running = [job for job in progress.jobs if job.state is JobState.RUNNING and job.workflow_id]
    asked = running[:JOBS_ASKED]
    sights = await asyncio.gather(*(_look(client, job) for job in asked))
    return {job.key: sight for job, sight in zip(asked, sights, strict=True) if sight is not None}


async def _look(client: Client, job: JobProgress) -> JobSight | None:
    try:
        match job.kind:
            case "action":
                action = ActionHandle(client.get_workflow_handle_for(ActionWorkflow.run, job.workflow_id))
                return JobSight(action=await action.progress())
            case "approval":
                return JobSight(approval=await get_approval(client, job.workflow_id).progress())
            case "pipeline":
                return JobSight(pipeline=await get_pipeline(client, job.workflow_id).progress())
    except PerdureError:
        # It was not begun yet, or its worker is away: what the pipeline itself knows is shown.
        return None
    return None


async def _with_ticks(news: AsyncIterator[PipelineProgress]) -> AsyncGenerator[PipelineProgress, None]:
    """Yield the news, and the last of it again after each interval without any."""
    last: PipelineProgress | None = None
    coming = asyncio.create_task(_next(news))
    try:
        while True:
            await asyncio.wait({coming}, timeout=_LOOK_INTERVAL.total_seconds())
            if coming.done():
                last = coming.result()
                if last is None:
                    return
                coming = asyncio.create_task(_next(news))
            if last is not None:
                yield last
    finally:
        coming.cancel()
        await asyncio.wait({coming})


async def _next(news: AsyncIterator[PipelineProgress]) -> PipelineProgress | None:
    return await anext(news, None)
