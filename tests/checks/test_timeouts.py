"""What durations say, and which time-outs follow from them."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.history.v1 import HistoryEvent

from perdure.checks.distributions import describe, find_humps, percentile, rounded_up
from perdure.checks.timeouts import ActivityTimes, propose, read_times

BEGAN = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "share", "rank"),
    [
        (1, 0.999, 1),
        (2, 0.5, 1),
        (3, 0.5, 2),
        (100, 0.99, 99),
        (100, 0.999, 100),
        (999, 0.999, 999),
        (1000, 0.999, 999),
        (1001, 0.999, 1000),
        (10_000, 0.999, 9990),
    ],
)
def test_a_percentile_is_a_duration_that_was_seen(count, share, rank):
    """It is the nearest rank, whatever floating point makes of 0.999 times 1,000."""
    assert percentile(range(1, count + 1), share) == rank


@pytest.mark.parametrize(
    ("seconds", "rounded"),
    [(0.2, 1), (1, 1), (4, 5), (5, 5), (5.1, 10), (31, 45), (46, 60), (61, 120), (1500, 1800), (2701, 3600),
     (3601, 7200), (50_000, 54_000), (162_001, 172_800), (200_000, 259_200)],
)  # fmt: skip
def test_a_proposal_is_a_number_that_people_write(seconds, rounded):
    """It is never below what was asked for."""
    assert rounded_up(seconds) == rounded
    assert rounded >= seconds


ONE_KIND = {
    "lognormal": lambda dice: dice.lognormvariate(0, 1),
    "wide": lambda dice: dice.lognormvariate(0, 2),
    "exponential": lambda dice: dice.expovariate(1),
    "uniform": lambda dice: dice.uniform(0, 10),
    "heavy tail": lambda dice: dice.paretovariate(1.2),
    "the same": lambda dice: 0.2,
    "milliseconds": lambda dice: round(dice.expovariate(300), 3),
}


@pytest.mark.parametrize("kind", ONE_KIND)
@pytest.mark.parametrize("count", [1, 5, 100, 1000])
def test_durations_of_one_kind_are_not_split(kind, count):
    """A wide spread or a long tail alone is no second kind."""
    for seed in range(20):
        dice = random.Random(f"{kind} {count} {seed}")
        humps = find_humps(sorted(ONE_KIND[kind](dice) for _ in range(count)))
        assert len(humps) == 1, seed
        assert humps[0].share == 1


@pytest.mark.parametrize(
    ("share", "apart", "count"),
    [(0.9, 30, 1000), (0.5, 10, 300), (0.1, 10, 1000), (0.5, 5, 1000), (0.94, 100, 2000)],
)
def test_cache_hits_and_cold_starts_are_told_apart(share, apart, count):
    """Two kinds are found with their typical times and shares."""
    for seed in range(20):
        dice = random.Random(f"{share} {apart} {count} {seed}")
        typical = [0.05 if dice.random() < share else 0.05 * apart for _ in range(count)]
        fast, slow = find_humps(sorted(one * dice.lognormvariate(0, 0.3) for one in typical))
        assert fast.typical == pytest.approx(0.05, rel=0.2)
        assert slow.typical == pytest.approx(0.05 * apart, rel=0.4)
        assert fast.share == pytest.approx(share, abs=0.08)
        assert fast.share + slow.share == pytest.approx(1)


def test_what_is_seldom_is_no_kind_of_its_own():
    """Two slow ones of a hundred are outliers."""
    assert len(find_humps([0.1] * 98 + [60.0] * 2)) == 1


def test_a_clock_that_went_back_is_no_negative_duration():
    """Times come from several machines."""
    assert describe([-1.0, 2.0]).median == 0


def times(ran, *, waited=(), today=None, timed_out=None):
    found = ActivityTimes(ran=list(ran), waited=list(waited))
    found.today = {name: set(values) for name, values in (today or {}).items()}
    found.timed_out.update(timed_out or {})
    return found


def ended(name, today, count):
    """Say that attempts were ended by a time-out as it is today."""
    return {"today": {name: [today]}, "timed_out": {name: count}}


@pytest.mark.parametrize(
    ("ran", "options", "start_to_close", "heartbeat", "schedule_to_start"),
    [
        ([0.1] * 99, {}, None, None, None),
        ([0.1] * 100, {}, 5, None, None),
        ([10.0] * 1000, {"waited": [0.5] * 1000}, 20, None, 5),
        ([40.0] * 1000, {"waited": [40.0] * 99}, 120, 15, None),
        ([1.0] * 990 + [100.0] * 10, {}, 300, 30, None),
        ([1.0] * 9999 + [100.0], {}, 5, None, None),
        ([3600.0] * 100, {}, 7200, 60, None),
        ([40.0] * 100, ended("start-to-close", 60, 3), 120, 15, None),
        ([1.0] * 100, ended("start-to-close", 60, 1), 120, 15, None),
        ([40.0] * 100, ended("heartbeat", 30, 1), 120, 60, None),
    ],
    ids=["few", "shortest", "whole", "waited", "tail", "outlier", "long", "ended", "ended early", "beat"],
)  # fmt: skip
def test_time_outs_follow_from_what_was_seen(ran, options, start_to_close, heartbeat, schedule_to_start):
    """Twice the 99.9th percentile, and more where a time-out hid how long it would have taken."""
    proposed = propose("pack", times(ran, **options)).proposed
    assert proposed.start_to_close == start_to_close
    assert proposed.heartbeat == heartbeat
    assert proposed.schedule_to_start == schedule_to_start


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (times([]), "too few to propose anything: 0 of 100"),
        (times([1.0] * 99), "too few to propose anything: 99 of 100"),
        (times([1.0] * 999), "the slowest of 999: ask again with 1,000"),
        (times([0.05] * 500 + [5.0] * 500), "two kinds: 50% take about 50 ms, 50% about 5 s"),
        (times([1.0] * 100, timed_out={"heartbeat": 1}), "1 attempt was ended by the heartbeat time-out"),
        (times([60.0] * 100, today={"start-to-close": [70, 900]}), "today's start-to-close is shorter"),
    ],
)
def test_what_else_there_is_to_know_is_said(found, note):
    """A proposal is worth what it rests on."""
    assert any(note in one for one in propose("pack", found).notes)


def test_a_whole_sample_of_one_kind_needs_no_word():
    """Nothing is said where nothing is doubtful."""
    assert propose("pack", times([1.0] * 1000, today={"start-to-close": [30]})).notes == ()


class Tape:
    """Makes a history by hand."""

    def __init__(self):
        self.events = []

    def event(self, at, **attributes):
        event = HistoryEvent(event_id=len(self.events) + 1)
        event.event_time.FromDatetime(BEGAN + timedelta(seconds=at))
        [(name, filled)] = attributes.items()
        holder = getattr(event, f"activity_task_{name}_event_attributes")
        for path, value in filled.items():
            if isinstance(value, timedelta):
                getattr(holder, path).FromTimedelta(value)
            elif path == "activity_type":
                holder.activity_type.name = value
            elif path in {"failure", "last_failure"}:
                getattr(holder, path).timeout_failure_info.timeout_type = value
            else:
                setattr(holder, path, value)
        self.events.append(event)
        return event.event_id


def test_a_history_with_a_hole_says_nothing_of_what_is_missing():
    """Files may be damaged; what is whole in them still counts."""
    tape = Tape()
    tape.event(1, started={"scheduled_event_id": 99, "attempt": 1})
    tape.event(2, completed={"scheduled_event_id": 99})
    half = tape.event(3, scheduled={"activity_type": "pack"})
    tape.event(5, completed={"scheduled_event_id": half})
    found = read_times([tape.events])
    assert (set(found), found["pack"].ran) == ({"pack"}, [])


def test_histories_are_read_as_they_were_lived():
    """First attempts tell how long a worker was waited for; last ones how long the work took."""
    tape = Tape()
    once = tape.event(0, scheduled={
        "activity_type": "pack",
        "start_to_close_timeout": timedelta(seconds=30),
        "heartbeat_timeout": timedelta(seconds=10),
    })  # fmt: skip
    tape.event(2, started={"scheduled_event_id": once, "attempt": 1})
    tape.event(5, completed={"scheduled_event_id": once})
    again = tape.event(
        10, scheduled={"activity_type": "pack", "start_to_close_timeout": timedelta(minutes=1)}
    )
    heartbeat, whole = TimeoutType.TIMEOUT_TYPE_HEARTBEAT, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    tape.event(50, started={"scheduled_event_id": again, "attempt": 3, "last_failure": heartbeat})
    tape.event(51, completed={"scheduled_event_id": again})
    lost = tape.event(60, scheduled={"activity_type": "ship"})
    tape.event(61, started={"scheduled_event_id": lost, "attempt": 1})
    tape.event(71, timed_out={"scheduled_event_id": lost, "failure": whole})
    tape.event(80, scheduled={"activity_type": "still waits"})
    found = read_times([tape.events])
    assert set(found) == {"pack", "ship", "still waits"}
    pack = found["pack"]
    assert (pack.ran, pack.waited, dict(pack.timed_out)) == ([3, 1], [2], {"heartbeat": 1})
    assert pack.today == {"start-to-close": {30, 60}, "heartbeat": {10}}
    assert (found["ship"].ran, dict(found["ship"].timed_out)) == ([], {"start-to-close": 1})
    assert propose("pack", pack).today["start-to-close"].longest == 60
