"""Entering a concurrency group from a workflow.

A workflow that its worker lets go of leaves coroutines behind which wait for ever. Python closes them when it
collects garbage: at any moment, on the thread of another workflow. What such a coroutine sends in its
``finally`` goes into that other workflow's history, which then never replays again. So a group is given back
where an error or a cancellation passes, and never where a ``GeneratorExit`` does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows import _calls

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.activities.failures import application_error
    from perdure.activities.locking import RELEASE_SIGNAL, AskForLockInput
    from perdure.errors import GroupTakenError
    from perdure.model import queues
    from perdure.model.locks import (
        LockNews,
        LockPolicy,
        LockRelease,
        LockRequest,
        NewsKind,
        lock_id,
        news_signal,
    )

_ASK_AGAIN = timedelta(minutes=10)
"""A lock that somebody has ended by force is asked anew by those who wait."""

_ASK_AGAIN_AT_MOST = timedelta(hours=6)
"""Each time costs some ten events: every ten minutes for a month would be more than a history may have."""

_HELD: ContextVar[tuple[str, ...]] = ContextVar("perdure_held_groups", default=())


def held_groups() -> tuple[str, ...]:
    """Return the groups that the calling task is in, by itself or by whoever started it."""
    return _HELD.get()


@contextmanager
def inside(*groups: str) -> Iterator[None]:
    """Run a block, and every task that it starts, as being in these groups already.

    Who is in a group and waited for it again would wait for itself.
    """
    before = _HELD.get()
    _HELD.set(tuple(dict.fromkeys((*before, *groups))))
    try:
        yield
    finally:
        # Not by a token: it may be closed in another context than the one it was opened in.
        _HELD.set(before)


class GroupLock:
    """One request for one group, for as long as a workflow wants it."""

    def __init__(
        self,
        group: str,
        *,
        task_queue: str,
        policy: LockPolicy = LockPolicy.QUEUE,
        request_id: str | None = None,
    ) -> None:
        """Hear what becomes of the request.

        Args:
            group: Its name.
            task_queue: Where the lock's workflow runs.
            policy: What to do when it is taken.
            request_id: Of a request that an earlier run of this workflow was granted.
        """
        self.group = group
        self.request_id = request_id or str(workflow.uuid4())
        self.superseded_by = ""
        self.on_superseded: Callable[[], object] = lambda: None
        self._task_queue = task_queue
        self._policy = policy
        self._news: LockNews | None = None
        self._ask_again = _ASK_AGAIN
        self._is_over = False
        self._sending: asyncio.Task[None] | None = None
        workflow.set_signal_handler(news_signal(self.request_id), self._hear)

    async def acquire(self) -> None:
        """Wait until the group is ours.

        Raises:
            GroupTakenError: It is taken and the policy is to refuse, or a newer request took over.
        """
        info = workflow.info()
        request = LockRequest(
            request_id=self.request_id,
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            policy=self._policy,
        )
        try:
            while self._news is None:
                await _calls.ask_for_lock(
                    AskForLockInput(group=self.group, request=request, task_queue=self._task_queue)
                )
                await self._wait()
        except (Exception, asyncio.CancelledError):
            await self.release()
            raise
        if self._news.kind is not NewsKind.GRANTED:
            # It may have been granted and taken over at once.
            await self.release()
            raise self.error()

    async def release(self) -> None:
        """Give the group back, or stop waiting for it. Never fails: the lock looks for itself in the end."""
        self._is_over = True
        releasing = self._release()
        try:
            # A task of its own: a second cancellation must not keep the next one waiting.
            task = asyncio.create_task(releasing)
        except BaseException:
            # The worker forgets the workflow: nothing is to be released.
            releasing.close()
            raise
        await asyncio.shield(task)

    def error(self) -> GroupTakenError:
        """Return the error that says who has the group."""
        by = self._news.by if self._news else ""
        if self.superseded_by:
            msg = f"{self.superseded_by} took the concurrency group {self.group} over"
            return GroupTakenError(msg, was_taken_over=True)
        return GroupTakenError(f"{by} runs in the concurrency group {self.group}", hint="try again later")

    def _hear(self, news: LockNews) -> None:
        if self._is_over:
            # A request that was given up may reach a lock that knows nothing of it any more.
            if news.kind is NewsKind.GRANTED:
                self._sending = asyncio.create_task(self._release())
            return
        self._news = news
        if news.kind is NewsKind.SUPERSEDED:
            self.superseded_by = news.by
            self.on_superseded()

    async def _wait(self) -> None:
        try:
            await workflow.wait_condition(lambda: self._news is not None, timeout=self._ask_again)
        except TimeoutError:
            self._ask_again = min(2 * self._ask_again, _ASK_AGAIN_AT_MOST)

    async def _release(self) -> None:
        lock = workflow.get_external_workflow_handle(lock_id(self.group))
        # Where there is no such lock it never heard of us.
        with contextlib.suppress(FailureError):
            await lock.signal(RELEASE_SIGNAL, LockRelease(request_id=self.request_id))


@asynccontextmanager
async def lock(
    name: str, *, policy: LockPolicy = LockPolicy.QUEUE, task_queue: str | None = None
) -> AsyncIterator[None]:
    """Run a block of your own workflow while nobody else is in a concurrency group.

        async with lock("production"):
            await run_action("acme/service", "deploy.yml")

    Pipelines whose ``concurrency`` names the same group count too. Requests are served in their order. A
    workflow that ends without leaving the block, however it ends, is found out and holds nothing. Do not
    continue as new inside.

    Inside the block, and in the tasks that are started there, the same group is entered without asking: they
    run while the block holds it, and do not wait for each other.

    Args:
        name: The group.
        policy: Queue in order, cancel those that are older, or refuse when it is taken.
        task_queue: Where the lock runs: the queue ``perdure``, which :class:`perdure.PerdurePlugin` polls
            too.

    Raises:
        ApplicationError: ``GroupTakenError``: it is taken and the policy is to refuse; or a newer request
            with the policy ``cancel-older`` came, and the block was cancelled.
    """
    if name in held_groups():
        yield
        return
    group = GroupLock(name, policy=policy, task_queue=task_queue or queues.WORKFLOWS)
    task = asyncio.current_task()
    try:
        await group.acquire()
    except GroupTakenError as error:
        raise application_error(error) from None
    if task is not None:
        group.on_superseded = task.cancel
    try:
        with inside(name):
            yield
    except (Exception, asyncio.CancelledError, workflow.ContinueAsNewError) as error:
        await _leave(group)
        if group.superseded_by and isinstance(error, asyncio.CancelledError | FailureError):
            if task is not None:
                task.uncancel()
            raise application_error(group.error()) from error
        raise
    await _leave(group)


async def _leave(group: GroupLock) -> None:
    group.on_superseded = lambda: None
    await group.release()
