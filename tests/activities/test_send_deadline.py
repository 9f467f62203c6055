"""Whether an attempt is still fresh enough to send what must not be sent twice."""

from datetime import UTC, datetime, timedelta

import pytest

from perdure.activities.dispatching import SendDeadline


class Clocks:
    """A machine's two clocks, and the server's."""

    def __init__(self, off: timedelta = timedelta(0)) -> None:
        self.elapsed = 1000.0
        self.server = datetime(2026, 11, 1, tzinfo=UTC)
        self.off = off

    def run(self, seconds):
        self.elapsed += seconds
        self.server += timedelta(seconds=seconds)

    def wall(self):
        return self.server + self.off


def deadline(clocks):
    return SendDeadline(timedelta(seconds=5), clock=lambda: clocks.elapsed, now=clocks.wall)


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=2), timedelta(hours=-2)])
def test_a_prompt_attempt_is_fresh_however_wrong_the_clock(off):
    """A worker's clock may be hours off: only changes count."""
    clocks = Clocks(off)
    asked = deadline(clocks)
    for _ in range(3):
        is_fresh = asked.begin(clocks.server)
        clocks.run(4)
        assert is_fresh()
        clocks.run(60)


def test_an_attempt_that_stood_still_is_late():
    """The worker was stopped after the activity's code had begun."""
    clocks = Clocks()
    is_fresh = deadline(clocks).begin(clocks.server)
    clocks.run(6)
    assert not is_fresh()


@pytest.mark.parametrize("off", [timedelta(0), timedelta(hours=2), timedelta(hours=-2)])
def test_an_attempt_that_stood_still_before_it_began_is_late(off):
    """The worker was stopped between taking the task and running its first line."""
    clocks = Clocks(off)
    asked = deadline(clocks)
    asked.begin(clocks.server)
    taken = clocks.server
    clocks.run(30)
    assert not asked.begin(taken)()
    assert asked.begin(clocks.server)()


def test_every_task_that_waited_in_a_stopped_worker_is_late():
    """The first one that is found late does not vouch for the next."""
    clocks = Clocks()
    asked = deadline(clocks)
    asked.begin(clocks.server)
    taken = clocks.server
    clocks.run(300)
    for _ in range(30):
        assert not asked.begin(taken)()
        clocks.run(1)


@pytest.mark.parametrize("step", [timedelta(seconds=20), timedelta(hours=2)])
def test_a_clock_that_is_set_right_does_not_stop_the_worker_for_good(step):
    """A clock that jumps forward makes attempts look late; when that goes on, it is the clock."""
    clocks = Clocks()
    asked = deadline(clocks)
    asked.begin(clocks.server)
    clocks.off += step
    late_for = 0
    while not asked.begin(clocks.server)():
        clocks.run(6)
        late_for += 6
        assert late_for <= 30
    assert late_for >= 15
    assert asked.begin(clocks.server)()
