"""Tells people and GitHub how a pipeline goes, beside its work.

A webhook that is down must not hold up a release. So nothing is waited for while the pipeline has something
to do, and not for long when it has ended; what could not be sent is recorded with the reason, and nothing
else comes of it. Each target gets its news in their order. A check run or a commit status shows the newest
alone: what it has not shown by then is left out.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError

from perdure.workflows import _calls

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import ValidationError

    from perdure.activities.failures import original_error
    from perdure.activities.notifying import PostWebhookInput, PutMarkInput
    from perdure.errors import PerdureError
    from perdure.model.approval_progress import ApprovalNews
    from perdure.model.notification_texts import (
        check_summary,
        check_title,
        message_of,
        status_of,
    )
    from perdure.model.notifications import (
        RECORDS_KEPT,
        News,
        NotificationRecord,
        NotificationState,
        NotifyOn,
        PendingNews,
        ToldApproval,
        ToldJob,
        mark_hears,
        webhook_hears,
    )
    from perdure.pipeline import Conclusion, Mark, Notification
    from perdure.pipeline.running import (
        CompensationResult,
        JobProgress,
        PipelineInput,
        PipelineProgress,
        PipelineResult,
        PipelineState,
    )

APPROVAL_NEWS = "approval_news"
"""The signal by which approvals tell their pipeline that people are waited for."""

_JOBS_TOLD = 100
_AFTER_THE_END = timedelta(minutes=2)
"""How long a pipeline that has ended waits for its last notifications to be taken."""

_BADLY_ENDED = {"failure", "cancelled"}


class Notices:
    """What one pipeline tells, to whom its file says."""

    def __init__(self, input: PipelineInput, progress: Callable[[], PipelineProgress]) -> None:
        """Tell what ``progress`` returns at each moment."""
        state = (input.state or PipelineState()).notifications
        self.records = state.records
        self._input = input
        self._progress = progress
        self._begun = state.begun
        self._commits = dict(state.placed)
        self._targets = input.pipeline.notify
        self._queues: dict[int, deque[News]] = {number: deque() for number in range(len(self._targets))}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._forwarded = 0
        self._unfinished = state.pending

    @property
    def state(self) -> NotificationState:
        """What a new history has to know."""
        pending = [
            PendingNews(target=number, news=news) for number, queue in self._queues.items() for news in queue
        ]
        return NotificationState(
            begun=self._begun, placed=self._commits, records=self.records, pending=tuple(pending)
        )

    @property
    def telling(self) -> tuple[str, ...]:
        """Who has not taken the last news yet."""
        return tuple(
            _name(self._targets[number], queue[-1]) for number, queue in self._queues.items() if queue
        )

    async def around(self, body: Awaitable[PipelineResult]) -> PipelineResult:
        """Carry out the pipeline, and tell its end whatever that is. Continue-as-new is none."""
        for pending in self._unfinished:
            self._put(pending.target, pending.news)
        try:
            result = await body
        except (asyncio.CancelledError, FailureError, PerdureError) as ended:
            await self._tell_end(ended)
            raise
        await self._tell_end(None)
        return result

    def begin(self) -> None:
        """Tell the start, once."""
        if not self._begun:
            self._begun = True
            self._tell(NotifyOn.START)

    def hear(self, payload: object) -> None:
        """Take what an approval tells. Anything else is left out: whoever reaches the engine may send it."""
        try:
            news = ApprovalNews.model_validate(payload)
        except ValidationError:
            workflow.logger.warning("left out news of an approval that cannot be read")
            return
        if not news.approval_id.startswith(f"approval/{workflow.info().workflow_id}/"):
            workflow.logger.warning("left out news of another pipeline's approval")
            return
        self._tell(NotifyOn.WAITING, approval=news)
        if self._input.tells_parent:
            self._forwarded += 1
            self._put_task(-self._forwarded, lambda: self._tell_parent(news))

    def _tell(self, moment: NotifyOn, *, reason: str = "", approval: ApprovalNews | None = None) -> None:
        hearing = [number for number, one in enumerate(self._targets) if _hears(one, moment)]
        if hearing:
            news = self._news(moment, reason, approval)
            for number in hearing:
                self._put(number, news)

    async def _tell_end(self, ended: BaseException | None) -> None:
        if ended is None:
            self._tell(NotifyOn.SUCCESS)
        elif isinstance(ended, asyncio.CancelledError) or self._progress().conclusion is Conclusion.CANCELLED:
            self._tell(
                NotifyOn.CANCELLED, reason="" if isinstance(ended, asyncio.CancelledError) else str(ended)
            )
        else:
            self._tell(NotifyOn.FAILURE, reason=getattr(ended, "message", "") or str(ended))
        if not self._tasks:
            return
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: not self._tasks,
                timeout=_AFTER_THE_END,
                timeout_summary="for the last notifications to be taken",
            )
        for number, task in self._tasks.items():
            task.cancel()
            queue = self._queues.get(number, deque())
            for news in queue:
                seconds = _AFTER_THE_END.total_seconds()
                self._record(number, news, f"not taken within {seconds:g} s of the pipeline's end")
            queue.clear()

    def _put(self, number: int, news: News) -> None:
        queue = self._queues[number]
        if self._targets[number].webhook is None and len(queue) > 1:
            # The first may be on its way. A mark shows the newest alone.
            queue.pop()
        queue.append(news)
        if number not in self._tasks:
            self._put_task(number, lambda: self._drain(number))

    def _put_task(self, number: int, work: Callable[[], Awaitable[None]]) -> None:
        async def done() -> None:
            try:
                await work()
            finally:
                self._tasks.pop(number, None)

        self._tasks[number] = asyncio.create_task(done())

    async def _drain(self, number: int) -> None:
        """Send a target its news, one after the other. What is on its way stays in the queue until then."""
        queue = self._queues[number]
        while queue:
            reason = await self._sent(number, queue[0])
            self._record(number, queue.popleft(), reason)

    async def _sent(self, number: int, news: News) -> str:
        """Send news; return why that was not possible, or nothing."""
        target = self._targets[number]
        mark = target.check_run or target.commit_status
        try:
            if target.webhook is not None:
                await _calls.post_webhook(PostWebhookInput(webhook=target.webhook, message=message_of(news)))
            elif mark is not None:
                known = self._commits.get(number, "")
                put = _put_mark(mark, news, is_check=target.check_run is not None)
                self._commits[number] = (await _calls.put_mark(put.model_copy(update={"sha": known}))).sha
        except ActivityError as failure:
            return str(original_error(failure) or failure.cause or failure)
        return ""

    async def _tell_parent(self, news: ApprovalNews) -> None:
        parent = workflow.info().parent
        if parent is not None:
            with contextlib.suppress(FailureError):
                # It may be gone: people can decide all the same.
                handle = workflow.get_external_workflow_handle(parent.workflow_id)
                await handle.signal(APPROVAL_NEWS, news)

    def _record(self, number: int, news: News, reason: str) -> None:
        record = NotificationRecord(
            at=workflow.now(),
            moment=news.moment,
            target=_name(self._targets[number], news),
            reason=reason[:500],
        )
        self.records = (*self.records, record)[-RECORDS_KEPT:]

    def _news(self, moment: NotifyOn, reason: str, approval: ApprovalNews | None) -> News:
        progress = self._progress()
        # Of very many jobs those that matter most.
        rows = sorted(progress.jobs, key=lambda row: row.state.value not in _BADLY_ENDED)
        told = progress.jobs if len(rows) <= _JOBS_TOLD else tuple(rows[:_JOBS_TOLD])
        return News(
            moment=moment,
            pipeline=progress.name,
            workflow_id=workflow.info().workflow_id,
            requester=progress.requester,
            digest=progress.digest,
            started_at=progress.started_at,
            at=workflow.now(),
            reason=reason,
            jobs=tuple(_told_job(row) for row in told),
            jobs_left_out=len(rows) - len(told),
            undone=tuple(_told_undoing(one) for one in progress.compensations[:_JOBS_TOLD]),
            left_running=tuple(left.html_url or left.repository for left in progress.left_running[:20]),
            approval=_told_approval(approval) if approval is not None else None,
        )


def _hears(target: Notification, moment: NotifyOn) -> bool:
    return (webhook_hears if target.webhook is not None else mark_hears)(target.on, moment)


def _name(target: Notification, news: News) -> str:
    for kind, mark in (("check run", target.check_run), ("commit status", target.commit_status)):
        if mark is not None:
            return f"{kind} {mark.name or news.pipeline} at {mark.repository}"
    return target.webhook or ""


def _put_mark(mark: Mark, news: News, *, is_check: bool) -> PutMarkInput:
    state, description = status_of(news)
    return PutMarkInput(
        kind="check-run" if is_check else "commit-status",
        repository=mark.repository,
        name=mark.name or news.pipeline,
        ref=mark.ref,
        about=news.workflow_id,
        state=state,
        conclusion=news.moment.value if news.moment.is_end else None,
        title=check_title(news) if is_check else description,
        summary=check_summary(news) if is_check else "",
        started_at=news.started_at,
        completed_at=news.at if news.moment.is_end else None,
    )


def _told_job(row: JobProgress) -> ToldJob:
    seconds = None
    if row.started_at is not None and row.ended_at is not None:
        seconds = (row.ended_at - row.started_at).total_seconds()
    return ToldJob(
        key=row.key, state=row.state.value, html_url=row.html_url, reason=row.reason[:300], seconds=seconds
    )


def _told_undoing(one: CompensationResult) -> ToldJob:
    key = f"{one.job_key} with {one.action}"
    return ToldJob(key=key, state=one.conclusion.value, html_url=one.html_url, reason=one.reason[:300])


def _told_approval(news: ApprovalNews) -> ToldApproval:
    return ToldApproval(
        approval_id=news.approval_id,
        kind=news.kind,
        message=news.message[:2_000],
        may_decide=news.may_decide[:50],
        missing=news.approvals_missing,
        deadline=news.deadline,
    )
