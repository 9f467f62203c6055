"""Proposes time-outs of activities from how long they took.

A time-out that was guessed is either so long that a lost worker is noticed too late, or so short that what is
merely slow is done twice. Histories hold when each activity was scheduled, when its last attempt started and
when that ended; they hold no heartbeats, so the heartbeat time-out is a rule and not a measurement.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import Field
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes, HistoryEvent

from perdure.checks.distributions import (
    SMALLEST_SAMPLE,
    WHOLE_SAMPLE,
    Distribution,
    describe,
    rounded_up,
)
from perdure.model.base import Model

SHORTEST_TIMEOUT = 5.0
"""Shorter ones fire when a worker or the server is merely busy."""
TOO_FEW = "too few to propose anything"
_NEEDS_HEARTBEAT = 30.0
_SHORTEST_HEARTBEAT = 10.0
_LONGEST_HEARTBEAT = 60.0

_KINDS = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: "start-to-close",
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: "heartbeat",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: "schedule-to-start",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: "schedule-to-close",
}


class Setting(Model):
    """What a time-out was in the histories: it may differ from call to call. Seconds."""

    shortest: float
    longest: float


class Timeouts(Model):
    """The time-outs of one activity type, in seconds; ``None`` where there is none."""

    start_to_close: float | None = None
    heartbeat: float | None = None
    schedule_to_start: float | None = None


class Proposal(Model):
    """One activity type: what was seen, what it has today and what it should have.

    Attributes:
        ran: How long attempts that succeeded took; ``None`` where none did.
        waited: How long activities waited for a worker.
        timed_out: How many attempts each time-out ended.
        today: The time-outs that the histories were made with, by name.
        proposed: Empty where the sample is too small.
        notes: What else there is to know.
    """

    activity_type: str
    ran: Distribution | None = None
    waited: Distribution | None = None
    timed_out: dict[str, int] = Field(default_factory=dict)
    today: dict[str, Setting] = Field(default_factory=dict)
    proposed: Timeouts = Timeouts()
    notes: tuple[str, ...] = ()


@dataclass
class ActivityTimes:
    """What histories say of one activity type. Seconds."""

    ran: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    timed_out: Counter[str] = field(default_factory=Counter)
    today: dict[str, set[float]] = field(default_factory=dict)


def read_times(histories: Iterable[Sequence[HistoryEvent]]) -> dict[str, ActivityTimes]:
    """Return what histories say of every activity type in them."""
    times: dict[str, ActivityTimes] = {}
    for events in histories:
        add_times(times, events)
    return times


def add_times(times: dict[str, ActivityTimes], events: Sequence[HistoryEvent]) -> None:
    """Add what one history says."""
    scheduled: dict[int, _Scheduled] = {}
    for event in events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            asked = event.activity_task_scheduled_event_attributes
            of_type = times.setdefault(asked.activity_type.name, ActivityTimes())
            _note_settings(of_type, asked)
            scheduled[event.event_id] = _Scheduled(of_type, event.event_time)
            continue
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        # A history that lost an event, as a file may, says nothing of the activity then.
        if activity := scheduled.get(getattr(attributes, "scheduled_event_id", 0)):
            activity.note(event)


@dataclass
class _Scheduled:
    """An activity on its way through a history."""

    times: ActivityTimes
    since: Timestamp
    started: Timestamp | None = None

    def note(self, event: HistoryEvent) -> None:
        match event.WhichOneof("attributes"):
            case "activity_task_started_event_attributes":
                began = event.activity_task_started_event_attributes
                self.started = event.event_time
                _note_timeout(self.times, began.last_failure)
                if began.attempt <= 1:
                    # Later attempts waited for the one before and for the retry policy too.
                    self.times.waited.append(_seconds(self.since, event.event_time))
            case "activity_task_completed_event_attributes" if self.started is not None:
                self.times.ran.append(_seconds(self.started, event.event_time))
            case "activity_task_timed_out_event_attributes":
                _note_timeout(self.times, event.activity_task_timed_out_event_attributes.failure)


def propose(activity_type: str, times: ActivityTimes) -> Proposal:
    """Return the time-outs that an activity type should have.

    Start-to-close is twice the 99.9th percentile of what succeeded, rounded up; schedule-to-start the same of
    what was waited. An attempt that a time-out ended would have taken longer than is known, so then it is no
    less than twice of today's.
    """
    ran = describe(times.ran) if times.ran else None
    waited = describe(times.waited) if times.waited else None
    today = {name: Setting(shortest=min(values), longest=max(values)) for name, values in times.today.items()}
    proposed = Timeouts()
    if ran is not None and ran.is_enough:
        start_to_close = _at_least_twice_today("start-to-close", _twice(ran), times, today)
        proposed = Timeouts(
            start_to_close=start_to_close,
            heartbeat=_heartbeat(start_to_close, times, today),
            schedule_to_start=_twice(waited) if waited is not None and waited.is_enough else None,
        )
    return Proposal(
        activity_type=activity_type,
        ran=ran,
        waited=waited,
        timed_out=dict(times.timed_out),
        today=today,
        proposed=proposed,
        notes=tuple(_notes(ran, times, today, proposed)),
    )


def _twice(seen: Distribution) -> float:
    return rounded_up(max(SHORTEST_TIMEOUT, 2 * seen.p999))


def _heartbeat(start_to_close: float, times: ActivityTimes, today: dict[str, Setting]) -> float | None:
    """Return how soon a lost worker should be noticed: in a tenth of the time, within 10 s to a minute."""
    if start_to_close <= _NEEDS_HEARTBEAT:
        return None
    tenth = min(_LONGEST_HEARTBEAT, max(_SHORTEST_HEARTBEAT, rounded_up(start_to_close / 10)))
    return _at_least_twice_today("heartbeat", tenth, times, today)


def _at_least_twice_today(
    name: str, proposed: float, times: ActivityTimes, today: dict[str, Setting]
) -> float:
    if times.timed_out[name] and name in today:
        return max(proposed, rounded_up(2 * today[name].longest))
    return proposed


def _notes(
    ran: Distribution | None, times: ActivityTimes, today: dict[str, Setting], proposed: Timeouts
) -> Iterable[str]:
    if ran is None or not ran.is_enough:
        yield f"{TOO_FEW}: {ran.count if ran else 0} of {SMALLEST_SAMPLE} that succeeded"
    elif not ran.is_whole:
        yield f"the 99.9th percentile is the slowest of {ran.count}: ask again with {WHOLE_SAMPLE:,}"
    if ran is not None and len(ran.humps) == 2:
        fast, slow = ran.humps
        yield (
            f"two kinds: {fast.share:.0%} take about {_said(fast.typical)}, {slow.share:.0%} about"
            f" {_said(slow.typical)} (cached and not?): one time-out fits the slow kind alone"
        )
    for name, ended in sorted(times.timed_out.items()):
        yield f"{ended} {'attempt was' if ended == 1 else 'attempts were'} ended by the {name} time-out"
    start_to_close = today.get("start-to-close")
    if start_to_close and proposed.start_to_close and start_to_close.shortest < proposed.start_to_close:
        yield "today's start-to-close is shorter than proposed: what is merely slow is done twice"


def _note_settings(times: ActivityTimes, asked: ActivityTaskScheduledEventAttributes) -> None:
    settings: tuple[tuple[str, Duration], ...] = (
        ("start-to-close", asked.start_to_close_timeout),
        ("heartbeat", asked.heartbeat_timeout),
        ("schedule-to-start", asked.schedule_to_start_timeout),
    )
    for name, duration in settings:
        # The server writes down zero where there is none.
        if seconds := duration.ToTimedelta().total_seconds():
            times.today.setdefault(name, set()).add(seconds)


def _note_timeout(times: ActivityTimes, failure: Failure) -> None:
    if failure.HasField("timeout_failure_info"):
        kind = failure.timeout_failure_info.timeout_type
        times.timed_out[_KINDS.get(kind, "unknown")] += 1


def _seconds(since: Timestamp, until: Timestamp) -> float:
    elapsed: timedelta = until.ToDatetime() - since.ToDatetime()
    return max(0.0, elapsed.total_seconds())


def _said(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.3g} s"
