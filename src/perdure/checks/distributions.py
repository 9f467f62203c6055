"""What durations say: how long, how certain, and whether they are of one kind or of two.

Pure mathematics on sorted seconds. Percentiles are nearest ranks, so each is a duration that was seen.
"""

import math
from collections.abc import Sequence

from perdure.model.base import Model

SMALLEST_SAMPLE = 100
"""Fewer durations say too little about the slowest of a thousand to propose anything."""
WHOLE_SAMPLE = 1000
"""From here on the 99.9th percentile is a rank of its own, and not just the slowest that was seen."""

_SHORTEST = 0.001
_BINS_PER_FACTOR_OF_TWO = 2
_SMALLEST_HUMP = 0.05
_LEAST_APART = 3.0
_DEEPEST_VALLEY = 0.5
_CERTAINTY = 2.0
_ROUND = (1, 2, 3, 5, 10, 15, 20, 30, 45)


class Hump(Model):
    """Durations that lie together.

    Attributes:
        typical: Seconds: the median.
        share: Of all durations, from 0 to 1.
    """

    typical: float
    share: float


class Distribution(Model):
    """Seconds that something took.

    Attributes:
        count: How many there are.
        humps: One, or two where the durations are of two kinds.
    """

    count: int
    median: float
    p99: float
    p999: float
    longest: float
    humps: tuple[Hump, ...]

    @property
    def is_enough(self) -> bool:
        """Whether anything may be proposed."""
        return self.count >= SMALLEST_SAMPLE

    @property
    def is_whole(self) -> bool:
        """Whether the 99.9th percentile is more than the slowest that was seen."""
        return self.count >= WHOLE_SAMPLE


def describe(seconds: Sequence[float]) -> Distribution:
    """Return what durations say; there has to be one at least."""
    ordered = sorted(max(0.0, one) for one in seconds)
    return Distribution(
        count=len(ordered),
        median=percentile(ordered, 0.5),
        p99=percentile(ordered, 0.99),
        p999=percentile(ordered, 0.999),
        longest=ordered[-1],
        humps=find_humps(ordered),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest duration that at least this share of all does not exceed."""
    # Rounded first: 0.999 * 1000 is a little more than 999.
    rank = math.ceil(round(share * len(ordered), 6))
    return ordered[max(0, rank - 1)]


def find_humps(ordered: Sequence[float]) -> tuple[Hump, ...]:
    """Tell one kind of durations from two, such as cache hits and cold starts.

    On a logarithmic scale, with two bins to a factor of two, durations of one kind make one hill. There are
    two where a valley between hills is at most half as high as the lower of them, by more than chance
    would make it; each side has a twentieth of all durations at least; and their medians are a factor of
    three apart.
    """
    heights, lowest = _smoothed_histogram(ordered)
    best: tuple[float, int] | None = None
    for valley in range(1, len(heights) - 1):
        hill = min(max(heights[:valley]), max(heights[valley + 1 :]))
        if hill - heights[valley] < _CERTAINTY * math.sqrt(hill):
            continue
        depth = heights[valley] / hill
        if depth <= _DEEPEST_VALLEY and (best is None or depth < best[0]):
            best = depth, valley
    if best is not None:
        border = 2 ** ((lowest + best[1] + 0.5) / _BINS_PER_FACTOR_OF_TWO)
        below = [one for one in ordered if one < border]
        above = list(ordered[len(below) :])
        humps = tuple(_hump(part, len(ordered)) for part in (below, above) if part)
        if len(humps) == 2 and _are_apart(*humps):
            return humps
    return (_hump(ordered, len(ordered)),)


def rounded_up(seconds: float) -> float:
    """Return the next duration that a person would write: 5 s, 45 s, 2 min, 3 h."""
    for unit in (1, 60, 3600):
        for number in _ROUND:
            if seconds <= number * unit:
                return float(number * unit)
    return float(math.ceil(seconds / 86_400) * 86_400)


def _smoothed_histogram(ordered: Sequence[float]) -> tuple[list[float], int]:
    """Return the heights of the bins, each with a quarter of its neighbours', and the lowest bin's number."""
    bins = [math.floor(math.log2(max(one, _SHORTEST)) * _BINS_PER_FACTOR_OF_TWO) for one in ordered]
    lowest, highest = bins[0], bins[-1]
    counts = [0] * (highest - lowest + 1)
    for one in bins:
        counts[one - lowest] += 1
    padded = [0, *counts, 0]
    heights = [padded[at - 1] / 4 + padded[at] / 2 + padded[at + 1] / 4 for at in range(1, len(padded) - 1)]
    return heights, lowest


def _hump(part: Sequence[float], count: int) -> Hump:
    return Hump(typical=percentile(part, 0.5), share=len(part) / count)


def _are_apart(lower: Hump, upper: Hump) -> bool:
    smaller = min(lower.share, upper.share)
    return smaller >= _SMALLEST_HUMP and upper.typical >= _LEAST_APART * max(lower.typical, _SHORTEST)
