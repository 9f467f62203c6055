"""How long the runs of a workflow file usually take, and when an end is to be expected."""

from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta

from perdure.model.actions import ActionsRun

_RUNS_KEPT = 20
"""Of each workflow file."""

_FILES_KEPT = 200

_FROM, _UNTIL = 0.8, 1.5
"""Parts of its usual duration between which a run's end is expected."""

_STEP = 0.05
"""Part of the usual duration: an end is known so much later, where it comes when it is expected."""


class UsualDurations:
    """Learns from what lists of runs show. All of it can be learned again from the next list."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, OrderedDict[tuple[int, int], timedelta]] = OrderedDict()

    def learn(self, runs: Iterable[ActionsRun]) -> None:
        """Take note of the runs that have passed. Those that have failed may have ended early."""
        for run in runs:
            if run.conclusion == "success" and run.actions_workflow_id and (took := _took(run)) is not None:
                of_file = self._seen.setdefault(run.actions_workflow_id, OrderedDict())
                of_file[run.actions_run_id, run.actions_run_attempt] = took
                self._seen.move_to_end(run.actions_workflow_id)
                if len(of_file) > _RUNS_KEPT:
                    of_file.popitem(last=False)
        while len(self._seen) > _FILES_KEPT:
            self._seen.popitem(last=False)

    def usual(self, actions_workflow_id: int) -> timedelta | None:
        """Return the median of what was seen of a workflow file."""
        of_file = sorted(self._seen.get(actions_workflow_id, {}).values())
        return of_file[len(of_file) // 2] if of_file else None

    def look_within(self, runs: Iterable[ActionsRun], now: datetime) -> timedelta | None:
        """Return how soon to look, so that an end that comes as expected is seen soon after.

        ``None`` where no end is expected: nothing is known, or the run is late already.
        """
        wanted = [_look_within(run, usual, now) for run in runs if (usual := self._usual_of(run))]
        return min((each for each in wanted if each is not None), default=None)

    def _usual_of(self, run: ActionsRun) -> timedelta | None:
        return None if run.is_completed else self.usual(run.actions_workflow_id)


def _took(run: ActionsRun) -> timedelta | None:
    if run.run_started_at is None or run.updated_at is None or run.updated_at <= run.run_started_at:
        return None
    return run.updated_at - run.run_started_at


def _look_within(run: ActionsRun, usual: timedelta, now: datetime) -> timedelta | None:
    begun_at = run.run_started_at or run.created_at
    if begun_at is None:
        return None
    age = now - begun_at
    if age < usual * _FROM:
        return usual * _FROM - age
    return usual * _STEP if age <= usual * _UNTIL else None
