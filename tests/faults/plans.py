"""What a seed means: everything that goes wrong around one dispatch, drawn before anything runs."""

import random
from dataclasses import dataclass
from enum import StrEnum

from perdure.emulator.faults import Kind
from perdure.emulator.settings import Profile

GRACE_TIME = 6.0
LONGEST_LAG = 5.0

_HANG = 45.0
"""Longer than the client's 30 s of patience: it gives up first."""


class Moment(StrEnum):
    """What an action does while its worker is killed."""

    PLANNING = "planning"
    POSTING = "posting"
    LOOKING = "looking"
    FOLLOWING = "following"


@dataclass(frozen=True)
class Blow:
    """What happens to one POST."""

    kind: Kind
    after_effect: bool = False
    status: int = 502
    delay: float = 0.0

    @property
    def is_long(self) -> bool:
        """Whether a client waits its whole patience for it."""
        return self.kind == "hang"


@dataclass(frozen=True)
class Killing:
    """When the worker that has the action is killed with SIGKILL.

    Attributes:
        moment: What the action does then.
        after: Seconds from the beginning of that to the signal.
        has_spare: Whether another worker is there already, or one is started afterwards.
    """

    moment: Moment
    after: float
    has_spare: bool


@dataclass(frozen=True)
class Plan:
    """Everything about one seed."""

    seed: int
    profile: Profile
    list_lag: float
    seconds: int
    blows: tuple[Blow, ...]
    killing: Killing | None

    @property
    def repository(self) -> str:
        """Each seed has a repository of its own, so that its faults are its own."""
        return f"acme/seed-{self.seed}"

    @property
    def is_long(self) -> bool:
        """Whether a client waits its whole patience for one of the answers."""
        return any(blow.is_long for blow in self.blows)

    @property
    def most_posts(self) -> int:
        """How many POSTs may be needed, forms that the host refuses not counted.

        One more for each that did not have its effect, and for one that a killed worker may have been about
        to send. An effect before which a fault strikes may have been the refusal of a newer form of the
        request: on a host that refuses some, each fault may cost one.
        """
        lost = [blow for blow in self.blows if blow.kind != "delay"]
        if self.profile == "github":
            lost = [blow for blow in lost if not blow.after_effect]
        return 1 + len(lost) + (self.killing is not None)


def draw(seed: int) -> Plan:
    """Return the plan of a seed: always the same."""
    dice = random.Random(seed)
    profile: Profile = dice.choice(("github", "ghes-3.19"))
    lag = dice.choice((0.0, LONGEST_LAG, dice.uniform(0.0, LONGEST_LAG), dice.uniform(0.0, LONGEST_LAG)))
    seconds = dice.randint(0, 3)
    killing = _killing(dice)
    return Plan(seed, profile, round(lag, 2), seconds, _blows(dice, killing), killing)


def _killing(dice: random.Random) -> Killing | None:
    moment = dice.choice((None, None, None, *Moment))
    if moment is None:
        return None
    return Killing(moment, round(dice.choice((0.0, dice.uniform(0.0, 1.0))), 2), dice.random() < 0.5)


def _blows(dice: random.Random, killing: Killing | None) -> tuple[Blow, ...]:
    count = dice.choice((0, 0, 1, 1, 2))
    blows = [_before(dice) for _ in range(count)]
    if dice.random() < 0.6 or (not blows and killing and killing.moment is Moment.LOOKING):
        blows.append(_after(dice))
    if killing and killing.moment is Moment.POSTING:
        # A request that is on its way while its worker dies, with its effect before, after, or never.
        struck = dice.choice(
            (
                Blow("hang", delay=_HANG),
                Blow("hang", after_effect=True, delay=_HANG),
                Blow("delay", delay=2.0),
            )
        )
        blows = [*blows[: min(count, 1)], struck]
    return _with_one_long_wait_at_most(blows, killing)


def _before(dice: random.Random) -> Blow:
    """Draw a fault after which nothing was started."""
    kind = dice.choice(("drop", "status", "status", "hang", "limited"))
    match kind:
        case "status":
            return Blow("status", status=dice.choice((500, 502, 503)))
        case "limited":
            return Blow("status", status=429)
        case "hang":
            return Blow("hang", delay=_HANG)
    return Blow("drop")


def _after(dice: random.Random) -> Blow:
    """Draw a fault that hides a run which was started, or delays the answer."""
    kind = dice.choice(("drop", "drop", "status", "hang", "truncated", "html", "empty", "delay"))
    match kind:
        case "status":
            return Blow("status", after_effect=True, status=dice.choice((500, 502, 503)))
        case "hang":
            return Blow("hang", after_effect=True, delay=_HANG)
        case "delay":
            return Blow("delay", delay=round(dice.uniform(0.5, 3.0), 1))
        case "drop" | "truncated" | "html" | "empty":
            return Blow(kind, after_effect=True)
    raise AssertionError(kind)


def _with_one_long_wait_at_most(blows: list[Blow], killing: Killing | None) -> tuple[Blow, ...]:
    """Keep the last time-out at most: a seed takes a minute. A kill while looking takes long anyway."""
    longs = [at for at, blow in enumerate(blows) if blow.is_long]
    keep = longs[-1] if longs and not (killing and killing.moment is Moment.LOOKING) else -1
    return tuple(
        Blow("drop", after_effect=blow.after_effect) if blow.is_long and at != keep else blow
        for at, blow in enumerate(blows)
    )
