"""Lets one at a time into a concurrency group, across pipelines and repositories."""

from temporalio import workflow
from temporalio.exceptions import FailureError

from perdure.workflows import _calls

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from perdure.activities.locking import FindGoneInput, LockInput
    from perdure.model.locks import (
        LockNews,
        LockRelease,
        LockRequest,
        LockState,
        Step,
        alive,
        asked,
        news_signal,
        over,
    )

_FIRST_DOUBT = timedelta(seconds=2)
_LONGEST_TRUST = timedelta(minutes=5)
_LINGER = timedelta(seconds=20)
"""How long an idle lock stays, so that a request which comes late is known to be over."""

_ASKED_ABOUT = 100


@workflow.defn
class LockWorkflow:
    """Holds one concurrency group: starts with its first request, ends after its last.

    Messages: the signals ``acquire`` and ``release``, which may come twice and in any order; the query
    ``state``. Whoever asked is told by a signal of their own. When it has heard nothing for a while it looks
    whether those who have or want the group are still there, so that a holder which was killed holds nothing.
    Terminating it forgets who holds the group.
    """

    @workflow.init
    def __init__(self, input: LockInput) -> None:
        """Start with nobody, or go on where an earlier run stopped."""
        self._group = input.group
        self._state = input.state
        self._news: list[LockNews] = []
        self._doubt = _FIRST_DOUBT
        self._changes = 0

    @workflow.run
    async def run(self, input: LockInput) -> None:
        """Let one at a time in until nobody wants to any more."""
        while True:
            await self._tell()
            if self._state.doubtful:
                await self._look()
                continue
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(LockInput(group=self._group, state=self._state))
            if not await self._hears_something():
                if self._state.is_idle:
                    return
                await self._look()
                self._doubt = min(2 * self._doubt, _LONGEST_TRUST)

    @workflow.signal
    def acquire(self, request: LockRequest | None = None) -> None:
        """Ask for the group."""
        if request is not None:
            self._doubt = _FIRST_DOUBT
            self._take(asked(self._state, request))

    @workflow.signal
    def release(self, release: LockRelease | None = None) -> None:
        """Give the group back, or stop waiting for it."""
        if release is not None:
            self._take(over(self._state, {release.request_id}))

    @workflow.query
    def state(self) -> LockState:
        """Tell who has the group and who waits."""
        return self._state

    def _take(self, step: Step) -> None:
        self._state, news = step
        self._news += news
        self._changes += 1
        holder = self._state.holder
        workflow.set_current_details(
            f"**{self._group}**: {f'`{holder.workflow_id}`' if holder else 'nobody'};"
            f" {len(self._state.waiting)} waiting"
        )

    async def _hears_something(self) -> bool:
        before = self._changes
        try:
            await workflow.wait_condition(
                lambda: self._changes != before or bool(self._news),
                timeout=_LINGER if self._state.is_idle else self._doubt,
            )
        except TimeoutError:
            return False
        return True

    async def _tell(self) -> None:
        while self._news:
            news = self._news.pop(0)
            request = news.request
            told = workflow.get_external_workflow_handle(request.workflow_id)
            try:
                await told.signal(news_signal(request.request_id), news)
            except FailureError:
                # It has ended.
                self._take(over(self._state, {request.request_id}))

    async def _look(self) -> None:
        """Find out who is gone, and decide about those who waited to know."""
        holder, doubtful = self._state.holder, self._state.doubtful
        gone = await _calls.find_gone(FindGoneInput(requests=self._state.everybody[:_ASKED_ABOUT]))
        self._take(over(self._state, set(gone)))
        if doubtful and self._state.holder == holder:
            self._take(alive(self._state))
