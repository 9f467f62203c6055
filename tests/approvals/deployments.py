"""Workflows of somebody's own that ask for approvals."""

import asyncio
from datetime import timedelta

from temporalio import workflow

from perdure.workflow import Reason, request_approval

with workflow.unsafe.imports_passed_through():
    from perdure.model.approval_progress import ApprovalNews
    from perdure.model.base import Model


class Wanted(Model):
    """What a deployment is told."""

    task_queue: str
    name: str
    quorum: int = 1
    remind: timedelta | None = None


@workflow.defn
class Deploy:
    """Asks, and says how the answer was; tells what it heard meanwhile."""

    def __init__(self) -> None:
        self._news: list[ApprovalNews] = []

    @workflow.run
    async def run(self, wanted: Wanted) -> list[str]:
        answer = await request_approval(
            f"Deploy {wanted.name}?",
            id=wanted.name,
            task_queue=wanted.task_queue,
            approvers=("alice", "bob"),
            quorum=wanted.quorum,
            remind=wanted.remind,
            news_signal="approval_news",
        )
        return [answer.verdict, answer.reason]

    @workflow.signal
    def approval_news(self, news: ApprovalNews) -> None:
        self._news.append(news)

    @workflow.query
    def news(self) -> list[ApprovalNews]:
        return self._news


@workflow.defn
class DeployInTime:
    """Gives its people a second, by a time-out of its own."""

    @workflow.run
    async def run(self, wanted: Wanted) -> str:
        try:
            async with asyncio.timeout(1):
                await request_approval("Now?", id=wanted.name, task_queue=wanted.task_queue)
        except TimeoutError:
            return "too late"
        return Reason.DECIDED
