"""What a fleet does next, and when it has to alert somebody: one move each turn."""

from dataclasses import dataclass
from enum import StrEnum

from perdure.model.fleet_progress import Counts, FleetConclusion, FleetOptions


class Move(StrEnum):
    """The one thing that a fleet does next."""

    READ = "read"
    START = "start"
    KEEP = "keep"
    ALERT = "alert"
    CONTINUE = "continue"
    WAIT = "wait"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What the next move depends on.

    Attributes:
        waiting: Items that were read and not begun.
        running: Items under way.
        starting: Those of them whose workflow the server has not confirmed.
        unkept: Results that are not kept yet.
        is_heavy: Whether these are as much as travels at once, however few.
        more: Whether there is more to read.
        reading: Whether it is read just now.
        keeping: Whether results are kept just now.
        alerting: Whether somebody is told just now.
        must_alert: Whether somebody has to be.
        stopped: Nothing more is begun: it is paused.
        ending: Nothing more is begun ever: it was cancelled, or the list cannot be read on.
        history_is_long: It has to begin a new history.
        survives: Whether what runs survives that.
    """

    waiting: int = 0
    running: int = 0
    starting: int = 0
    unkept: int = 0
    is_heavy: bool = False
    more: bool = False
    reading: bool = False
    keeping: bool = False
    alerting: bool = False
    must_alert: bool = False
    stopped: bool = False
    ending: bool = False
    history_is_long: bool = False
    survives: bool = True


def next_move(window: Window, options: FleetOptions) -> Move:
    """Return what a fleet does next."""
    busy = window.reading or window.keeping or window.alerting
    if window.must_alert and not window.alerting:
        return Move.ALERT
    if (window.unkept >= options.chunk_size or window.is_heavy) and not window.keeping:
        return Move.KEEP
    if window.history_is_long and not window.ending and (window.more or window.waiting):
        # What runs is handed on, once the server knows of all of it; what does not survive ends first.
        settled = window.starting == 0 if window.survives else window.running == 0
        return Move.CONTINUE if settled and not busy else Move.WAIT
    if not window.ending and not window.stopped:
        low = window.waiting < min(options.max_parallel, options.chunk_size)
        if window.more and low and not window.reading:
            return Move.READ
        if window.waiting and window.running < options.max_parallel:
            return Move.START
    is_over = window.ending or not (window.more or window.waiting)
    if is_over and not window.running and not busy:
        return Move.KEEP if window.unkept else Move.END
    return Move.WAIT


def is_alerting(counts: Counts, threshold: float, *, is_over: bool) -> bool:
    """Say whether more has failed than is tolerated.

    It is said while the fleet still runs, as soon as it is certain: what is left cannot make it good.
    """
    of = counts.total if counts.total is not None else counts.ended if is_over else None
    return of is not None and counts.failed > threshold * of


def conclusion_of(counts: Counts, threshold: float, *, cancelled: bool) -> FleetConclusion:
    """Return how a fleet has ended."""
    if cancelled:
        return FleetConclusion.CANCELLED
    if is_alerting(counts, threshold, is_over=True):
        return FleetConclusion.FAILURE
    return FleetConclusion.PARTIAL if counts.ended > counts.succeeded else FleetConclusion.SUCCESS
