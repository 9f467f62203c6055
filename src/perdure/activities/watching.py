"""The watcher's activities: one poller for each repository tells every workflow that waits there.

A poll for each run stops at thirteen runs: 360 requests an hour each use up an installation's 5,000. One
conditional list request covers a hundred runs and is free while nothing changes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.errors import GitHubError, GitHubRateLimitedError
from perdure.github import GitHubClient
from perdure.model.actions import ActionsRun, ActionsRunRef
from perdure.model.base import Model
from perdure.model.names import RepositoryName
from perdure.model.watching import (
    NumberedWatch,
    Watch,
    WatcherInput,
    WatchPage,
    WatchRunsInput,
    WatchRunsResult,
    concerns,
    is_over,
    listed_since,
    look_interval,
    unseen_for,
    watcher_id,
)

WATCHER_WORKFLOW = "RepositoryWatcherWorkflow"
WATCH_SIGNAL = "watch"
WATCHES_QUERY = "watches"
NEWS_SIGNAL = "actions_run_changed"

HAND_BACK_AFTER = timedelta(minutes=10)
"""The long activity returns to its workflow this often, so that the history can be cut."""

_LONGEST_NAP = 1.0
_REQUESTS_AT_ONCE = 10


class AskForNewsInput(Model):
    """Input of :meth:`WatchActivities.ask_for_news`."""

    repository: RepositoryName
    watch: Watch
    workflow_task_queue: str


class WatchActivities:
    """Watches repositories for the workflows that wait on their runs."""

    def __init__(
        self,
        github: GitHubClient,
        temporal: Client,
        *,
        shortest_interval: timedelta = timedelta(seconds=2),
        longest_interval: timedelta = timedelta(seconds=15),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._github = github
        self._temporal = temporal
        self._shortest = shortest_interval
        self._longest = longest_interval
        self._now = now
        self._asked: dict[str, asyncio.Event] = {}

    @activity.defn
    async def ask_for_news(self, input: AskForNewsInput) -> None:
        """Have the repository's watcher tell this workflow of its run. Safe to repeat.

        Starting and telling are one request, so that no watcher can end in between.
        """
        watcher = watcher_id(input.repository, input.workflow_task_queue)
        await self._temporal.start_workflow(
            WATCHER_WORKFLOW,
            WatcherInput(repository=input.repository),
            id=watcher,
            task_queue=input.workflow_task_queue,
            start_signal=WATCH_SIGNAL,
            start_signal_args=[input.watch],
            static_summary=f"Watches the Actions runs of {input.repository}",
        )
        # Where the watcher is in this process it need not wait for its next look to learn of it.
        if (asked := self._asked.get(watcher)) is not None:
            asked.set()

    @activity.defn
    async def watch_actions_runs(self, input: WatchRunsInput) -> WatchRunsResult:
        """Look at the repository's runs, again and again, and tell who waits for them.

        Safe to repeat: news may come twice. Ends when nobody waits any more, when the worker shuts down,
        or after :data:`HAND_BACK_AFTER`. The heartbeat's details are the runs' statuses and URLs.
        """
        asked = self._asked.setdefault(input.watcher_workflow_id, asyncio.Event())
        round_ = _Round(self._temporal, input)
        looks_without_news = 0
        loop = asyncio.get_running_loop()
        end = loop.time() + HAND_BACK_AFTER.total_seconds()
        while True:
            asked.clear()
            if await round_.read_watches():
                looks_without_news = 0
            if not round_.waiting:
                return round_.result()
            try:
                news = await self._look(input.repository, round_)
            except GitHubRateLimitedError as limited:
                await _nap(limited.retry_after, round_, end, asyncio.Event())
                continue
            except GitHubError as error:
                if error.permanent:
                    # Each waiter reads its run itself and meets the error where it can be shown.
                    await round_.send_all_to_look_themselves()
                    return round_.result()
                activity.logger.warning("GitHub could not be read: %s", error)
                news = False
            looks_without_news = 0 if news else looks_without_news + 1
            interval = look_interval(
                self._shortest,
                self._longest,
                looks_without_news=looks_without_news,
                quota_left=self._github.quota_left(input.repository),
            )
            await _nap(interval, round_, end, asked)
            if loop.time() >= end or activity.is_worker_shutdown():
                return round_.result()

    async def _look(self, repository: str, round_: "_Round") -> bool:
        """Tell everybody who waits what there is to see; say whether it was news to anybody."""
        listed = await self._list(repository, list(round_.waiting.values()))
        at_once = asyncio.Semaphore(_REQUESTS_AT_ONCE)

        async def tell(watch: Watch) -> bool:
            async with at_once:
                seen = listed.get(watch.actions_run_id) or await self._github.get_actions_run(
                    ActionsRunRef(repository=repository, actions_run_id=watch.actions_run_id)
                )
                return await round_.tell(watch, seen)

        told = await asyncio.gather(
            *(tell(watch) for watch in round_.waiting.values() if self._has_news(watch, listed, round_)),
            return_exceptions=True,
        )
        round_.heartbeat()
        for outcome in told:
            if isinstance(outcome, BaseException):
                raise outcome
        return any(told)

    def _has_news(self, watch: Watch, listed: dict[int, ActionsRun], round_: "_Round") -> bool:
        seen = listed.get(watch.actions_run_id)
        return unseen_for(watch, listed, self._now()) if seen is None else round_.is_news(watch, seen)

    async def _list(self, repository: str, waiting: Sequence[Watch]) -> dict[int, ActionsRun]:
        runs = await self._github.list_actions_runs(repository)
        listed = {actions_run.actions_run_id: actions_run for actions_run in runs}
        unseen = [watch for watch in waiting if unseen_for(watch, listed, self._now())]
        if (since := listed_since(unseen)) is not None:
            # More wait than fit on a page: a few more pages cost less than a request for each.
            runs = await self._github.list_actions_runs(repository, since=since)
            listed |= {actions_run.actions_run_id: actions_run for actions_run in runs}
        return listed


async def _nap(interval: timedelta, round_: "_Round", end: float, wake: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    until = min(loop.time() + interval.total_seconds(), end)
    while (left := until - loop.time()) > 0 and not activity.is_worker_shutdown():
        round_.heartbeat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(left, _LONGEST_NAP))
            return


class _Round:
    """What one attempt of the long activity knows. All of it can be learned again."""

    def __init__(self, temporal: Client, input: WatchRunsInput) -> None:
        self._temporal = temporal
        self._watcher = temporal.get_workflow_handle(input.watcher_workflow_id)
        self._last_number = 0
        self._told: dict[str, ActionsRun] = {}
        self._numbers: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self.waiting: dict[str, Watch] = {}

    async def read_watches(self) -> bool:
        """Read who has begun to wait since; say whether anybody has."""
        new = False
        while True:
            page = await self._watcher.query(
                WATCHES_QUERY, self._last_number, result_type=WatchPage, rpc_timeout=timedelta(seconds=10)
            )
            for numbered in page.watches:
                self._add(numbered)
                new = True
            if not page.more:
                return new

    def _add(self, numbered: NumberedWatch) -> None:
        self._last_number = max(self._last_number, numbered.number)
        key = numbered.watch.key
        self._done.pop(key, None)
        self._numbers[key] = numbered.number
        self.waiting[key] = numbered.watch

    def is_news(self, watch: Watch, seen: ActionsRun) -> bool:
        """Say whether the waiter has not been told this yet."""
        return concerns(watch, seen) and not _same(self._told.get(watch.key), seen)

    async def tell(self, watch: Watch, seen: ActionsRun) -> bool:
        """Signal the waiter if this is news to it; say whether it was."""
        if not self.is_news(watch, seen):
            return False
        await self._signal(watch, seen)
        self._told[watch.key] = seen
        if is_over(watch, seen):
            self._finish(watch.key)
        return True

    async def send_all_to_look_themselves(self) -> None:
        """Signal every waiter without saying what there is to see."""
        for watch in list(self.waiting.values()):
            await self._signal(watch, None)
            self._finish(watch.key)

    async def _signal(self, watch: Watch, seen: ActionsRun | None) -> None:
        try:
            await self._temporal.get_workflow_handle(watch.workflow_id).signal(NEWS_SIGNAL, seen)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            self._finish(watch.key)

    def _finish(self, key: str) -> None:
        if self.waiting.pop(key, None) is not None:
            self._done[key] = self._numbers.pop(key)
        self._told.pop(key, None)

    def heartbeat(self) -> None:
        shown = list(self._told.values())[:50]
        activity.heartbeat(
            {
                "waiting": len(self.waiting),
                "actions_runs": [
                    {"status": run.status, "conclusion": run.conclusion, "html_url": run.html_url}
                    for run in shown
                ],
            }
        )

    def result(self) -> WatchRunsResult:
        return WatchRunsResult(done=self._done)


def _same(told: ActionsRun | None, seen: ActionsRun) -> bool:
    return told is not None and (told.actions_run_attempt, told.status, told.conclusion) == (
        seen.actions_run_attempt,
        seen.status,
        seen.conclusion,
    )
