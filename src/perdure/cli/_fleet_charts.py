"""Charts of a fleet as inline SVG, each with its numbers in words for those who do not see it."""

from collections.abc import Callable, Sequence
from html import escape

from perdure.cli._fleet_views import format_cost
from perdure.model.fleet import ItemResult
from perdure.model.fleet_progress import FleetProgress

_WIDTH, _HEIGHT = 360, 150
_LEFT, _TOP, _BOTTOM = 8, 12, 22
_BINS = 24
_STEPS = 120


def outcome_chart(progress: FleetProgress) -> str:
    """Draw how many items ended how, and how many have not."""
    counts = progress.counts
    total = counts.total if counts.total is not None else counts.read
    parts = [
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("cancelled", counts.cancelled),
        ("not ended", max(0, total - counts.ended)),
    ]
    present = [(name, count) for name, count in parts if count]
    whole = sum(count for _, count in present) or 1
    drawn, x = [], float(_LEFT)
    inner = _WIDTH - 2 * _LEFT
    for position, (name, count) in enumerate(present):
        width = inner * count / whole
        kind = name.replace(" ", "-")
        drawn.append(f'<rect class="{kind}" x="{x:.1f}" y="16" width="{width:.1f}" height="34"/>')
        y = 74 + 20 * position
        drawn.append(f'<rect class="{kind}" x="{_LEFT}" y="{y - 10}" width="12" height="12" rx="2"/>')
        drawn.append(f'<text x="{_LEFT + 20}" y="{y}">{name}: {count:,} ({count / whole:.0%})</text>')
        x += width
    said = ", ".join(f"{count:,} {name}" for name, count in present) or "no items"
    return _figure("Outcome", said, "".join(drawn))


def took_chart(results: Sequence[ItemResult]) -> str:
    """Draw how many items took how long."""
    seconds = sorted((one.ended_at - one.started_at).total_seconds() for one in results)
    if not seconds:
        return _empty("Time for each item", "nothing has ended")
    said = f"half within {_span(_part(seconds, 0.5))}, 95% within {_span(_part(seconds, 0.95))}"
    return _figure("Time for each item", said, _histogram(seconds, _span))


def cost_chart(results: Sequence[ItemResult]) -> str:
    """Draw how many items cost how much."""
    costs = sorted(float(one.cost) for one in results if one.cost)
    if not costs:
        return _empty("Cost of each item", "no item said what it cost")
    said = f"{format_cost(int(sum(costs)))} in all; half cost at most {_dollars(_part(costs, 0.5))}"
    return _figure("Cost of each item", said, _histogram(costs, _dollars))


def parallel_chart(results: Sequence[ItemResult]) -> str:
    """Draw how many items were under way at the same time."""
    if not results:
        return _empty("Under way at once", "nothing has ended")
    begin = min(one.started_at for one in results)
    whole = max((one.ended_at - begin).total_seconds() for one in results) or 1.0
    changes = sorted(
        [((one.started_at - begin).total_seconds(), 1) for one in results]
        + [((one.ended_at - begin).total_seconds(), -1) for one in results]
    )
    heights, now, following = [], 0, 0
    for step in range(_STEPS):
        highest = now
        while following < len(changes) and changes[following][0] <= whole * (step + 1) / _STEPS:
            now += changes[following][1]
            highest = max(highest, now)
            following += 1
        heights.append(highest)
    top = max(heights) or 1
    inner, floor = _WIDTH - 2 * _LEFT, _HEIGHT - _BOTTOM
    points = " ".join(
        f"{_LEFT + inner * step / (_STEPS - 1):.1f},{floor - (floor - _TOP) * height / top:.1f}"
        for step, height in enumerate(heights)
    )
    drawn = f'<polygon class="area" points="{_LEFT},{floor} {points} {_WIDTH - _LEFT},{floor}"/>'
    return _figure("Under way at once", f"at most {top:,}", drawn + _axis("0s", _span(whole)))


def _histogram(values: Sequence[float], label: Callable[[float], str]) -> str:
    highest = values[-1] or 1.0
    bins = [0] * _BINS
    for value in values:
        bins[min(_BINS - 1, int(value / highest * _BINS))] += 1
    top = max(bins)
    inner, floor = _WIDTH - 2 * _LEFT, _HEIGHT - _BOTTOM
    width = inner / _BINS
    bars = "".join(
        f'<rect class="bar" x="{_LEFT + position * width:.1f}" y="{floor - (floor - _TOP) * count / top:.1f}"'
        f' width="{width - 1.5:.1f}" height="{(floor - _TOP) * count / top:.1f}">'
        f"<title>{count:,}: {escape(label(highest * position / _BINS))} to"
        f" {escape(label(highest * (position + 1) / _BINS))}</title></rect>"
        for position, count in enumerate(bins)
        if count
    )
    return bars + _axis(label(0), label(highest))


def _axis(first: str, last: str) -> str:
    y = _HEIGHT - 6
    return (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{_HEIGHT - _BOTTOM}" y2="{_HEIGHT - _BOTTOM}"/>'
        f'<text x="{_LEFT}" y="{y}">{escape(first)}</text>'
        f'<text x="{_WIDTH - _LEFT}" y="{y}" text-anchor="end">{escape(last)}</text>'
    )


def _figure(name: str, said: str, drawn: str) -> str:
    described = escape(f"{name}: {said}")
    return (
        f"<figure><figcaption><strong>{escape(name)}</strong> {escape(said)}</figcaption>"
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{described}">{drawn}</svg></figure>'
    )


def _empty(name: str, said: str) -> str:
    return f"<figure><figcaption><strong>{escape(name)}</strong> {escape(said)}</figcaption></figure>"


def _part(values: Sequence[float], part: float) -> float:
    return values[min(len(values) - 1, int(len(values) * part))]


def _span(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2g}s"
    if seconds < 120:
        return f"{seconds:.0f}s"
    return f"{seconds / 60:.0f}m" if seconds < 7_200 else f"{seconds / 3_600:.1f}h"


def _dollars(cost: float) -> str:
    return format_cost(int(cost))
