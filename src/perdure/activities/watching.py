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

from perdure.activities.heartbeats import heartbeats
from perdure.activities.watch_round import WatchRound
from perdure.errors import GitHubError, GitHubRateLimitedError
from perdure.github import GitHubClient
from perdure.github.pacing import watching
from perdure.model.actions import ActionsRun, ActionsRunRef
from perdure.model.base import Model
from perdure.model.names import RepositoryName
from perdure.model.watching import (
    Watch,
    WatcherInput,
    WatchRunsInput,
    WatchRunsResult,
    listed_since,
    look_interval,
    unseen_for,
    watcher_id,
)

WATCHER_WORKFLOW = "RepositoryWatcherWorkflow"
WATCH_SIGNAL = "watch"

HAND_BACK_AFTER = timedelta(minutes=10)
"""The long activity returns to its workflow this often, so that the history can be cut."""

_LONGEST_NAP = 1.0
_GAP = 1.0
"""Seconds between two looks, however many begin to wait meanwhile."""

_REQUESTS_AT_ONCE = 10
_READS_AT_A_LOOK = 100
"""Runs that no list shows are read one by one, so many at a time: meanwhile the list may have news."""


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
        round_ = WatchRound(self._temporal, input)
        looks_without_news = 0
        loop = asyncio.get_running_loop()
        end = loop.time() + HAND_BACK_AFTER.total_seconds()
        while True:
            asked.clear()
            if await round_.read_watches():
                looks_without_news = 0
            if not round_.waiting:
                return round_.result()
            wake, looked_at = asked, loop.time()
            try:
                news = await self._look(input.repository, round_)
            except GitHubRateLimitedError as limited:
                interval, wake = limited.retry_after, asyncio.Event()
            except GitHubError as error:
                if error.permanent:
                    # Each waiter reads its run itself and meets the error where it can be shown.
                    await round_.send_all_to_look_themselves()
                    return round_.result()
                activity.logger.warning("GitHub could not be read: %s", error)
                looks_without_news += 1
                interval = self._interval(input.repository, round_, looks_without_news)
            else:
                looks_without_news = 0 if news else looks_without_news + 1
                interval = self._interval(input.repository, round_, looks_without_news)
            await _nap(interval, round_, end, wake)
            # Those who begin to wait one after the other share a look.
            await asyncio.sleep(looked_at + min(self._shortest.total_seconds(), _GAP) - loop.time())
            if loop.time() >= end or activity.is_worker_shutdown():
                return round_.result()

    def _interval(self, repository: str, round_: WatchRound, looks_without_news: int) -> timedelta:
        return look_interval(
            self._shortest,
            self._longest,
            looks_without_news=looks_without_news,
            quota_left=self._github.quota_left(repository),
            expected_within=round_.durations.look_within(round_.runs(), self._github.now()),
        )

    async def _look(self, repository: str, round_: WatchRound) -> bool:
        """Tell everybody who waits what there is to see; say whether it was news to anybody."""
        async with heartbeats(round_.details):
            # Whoever changes something goes first: a look may stand in line for a while.
            with watching():
                return await self._look_once(repository, round_)

    async def _look_once(self, repository: str, round_: WatchRound) -> bool:
        listed = await self._list(repository, list(round_.waiting.values()))
        round_.durations.learn(listed.values())
        at_once = asyncio.Semaphore(_REQUESTS_AT_ONCE)

        async def tell(watch: Watch) -> bool:
            async with at_once:
                seen = listed.get(watch.actions_run_id) or await self._github.get_actions_run(
                    ActionsRunRef(repository=repository, actions_run_id=watch.actions_run_id)
                )
                return await round_.tell(watch, seen)

        told = await asyncio.gather(
            *(tell(watch) for watch in self._to_tell(listed, round_)), return_exceptions=True
        )
        for outcome in told:
            if isinstance(outcome, BaseException):
                raise outcome
        return any(told)

    def _to_tell(self, listed: dict[int, ActionsRun], round_: WatchRound) -> list[Watch]:
        now, news, unseen = self._now(), [], []
        for watch in round_.waiting.values():
            seen = listed.get(watch.actions_run_id)
            if seen is not None and round_.is_news(watch, seen):
                news.append(watch)
            elif seen is None and unseen_for(watch, listed, now):
                unseen.append(watch)
        return news + round_.next_to_read(unseen, _READS_AT_A_LOOK)

    async def _list(self, repository: str, waiting: Sequence[Watch]) -> dict[int, ActionsRun]:
        runs = await self._github.list_actions_runs(repository)
        listed = {actions_run.actions_run_id: actions_run for actions_run in runs}
        unseen = [watch for watch in waiting if unseen_for(watch, listed, self._now())]
        if (since := listed_since(unseen)) is not None:
            # More wait than fit on a page: a few more pages cost less than a request for each.
            runs = await self._github.list_actions_runs(repository, since=since)
            listed |= {actions_run.actions_run_id: actions_run for actions_run in runs}
        return listed


async def _nap(interval: timedelta, round_: WatchRound, end: float, wake: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    until = min(loop.time() + interval.total_seconds(), end)
    while (left := until - loop.time()) > 0 and not activity.is_worker_shutdown():
        round_.heartbeat()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), min(left, _LONGEST_NAP))
            return
