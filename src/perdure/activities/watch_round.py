"""What one attempt of the watcher's long activity knows. All of it can be learned again."""

from collections.abc import Iterable
from datetime import timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.model.actions import ActionsRun
from perdure.model.usual_durations import UsualDurations
from perdure.model.watching import (
    NumberedWatch,
    Watch,
    WatchPage,
    WatchRunsInput,
    WatchRunsResult,
    concerns,
    is_over,
)

WATCHES_QUERY = "watches"
NEWS_SIGNAL = "actions_run_changed"

_SHOWN = 50


class WatchRound:
    """Who waits for which run, and what each was told.

    Attributes:
        waiting: By :attr:`~perdure.model.watching.Watch.key`.
        durations: How long runs of this repository usually take.
    """

    def __init__(self, temporal: Client, input: WatchRunsInput) -> None:
        """Begin with nothing known."""
        self._temporal = temporal
        self._watcher = temporal.get_workflow_handle(input.watcher_workflow_id)
        self._last_number = 0
        self._told: dict[str, ActionsRun] = {}
        self._numbers: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._reads: dict[str, int] = {}
        self.waiting: dict[str, Watch] = {}
        self.durations = UsualDurations()

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

    def next_to_read(self, unseen: Iterable[Watch], most: int) -> list[Watch]:
        """Return those of the waiters whose runs no list shows that are read now: everybody in turn."""
        chosen = sorted(unseen, key=lambda watch: self._reads.get(watch.key, 0))[:most]
        for watch in chosen:
            self._reads[watch.key] = self._reads.get(watch.key, 0) + 1
        return chosen

    def runs(self) -> Iterable[ActionsRun]:
        """Return the runs that are waited for, as they were told last."""
        return self._told.values()

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
        self._reads.pop(key, None)

    def details(self) -> dict[str, object]:
        """Return what the heartbeat says: who waits, and where the runs stand."""
        shown = list(self._told.values())[:_SHOWN]
        return {
            "waiting": len(self.waiting),
            "actions_runs": [
                {"status": run.status, "conclusion": run.conclusion, "html_url": run.html_url}
                for run in shown
            ],
        }

    def heartbeat(self) -> None:
        """Beat once."""
        activity.heartbeat(self.details())

    def result(self) -> WatchRunsResult:
        """Return whose waits are over."""
        return WatchRunsResult(done=self._done)


def _same(told: ActionsRun | None, seen: ActionsRun) -> bool:
    return told is not None and (told.actions_run_attempt, told.status, told.conclusion) == (
        seen.actions_run_attempt,
        seen.status,
        seen.conclusion,
    )
