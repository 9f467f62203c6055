"""The numbers of several rounds as one table and one JSON object."""

import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from measuring import Round
from rich.console import Console
from rich.table import Table

_REPOSITORY_PATH = "/repos/{owner}/{repo}"

Figures = dict[str, float]


def spread(values: Iterable[float]) -> Figures:
    """Return the median and what lies around it."""
    found = sorted(values)
    return {
        "median": round(statistics.median(found), 4),
        "min": round(found[0], 4),
        "max": round(found[-1], 4),
    }


def percentile(latencies: Sequence[float], part: float) -> float:
    """Return the latency below which that part of all lies."""
    return latencies[min(len(latencies) - 1, int(len(latencies) * part))]


def summary(rounds: Sequence[Round], alone: Round) -> dict[str, Any]:
    """Return what the rounds of one side, and a last one without company, show; costs for one workflow."""

    def over(value: Callable[[Round], float]) -> Figures:
        return spread(value(each) for each in rounds)

    def each_of(value: Callable[[Round], Mapping[str, float]]) -> dict[str, Figures]:
        names = sorted({name for each in rounds for name in value(each)})
        return {name: spread(value(each).get(name, 0.0) for each in rounds) for name in names}

    return {
        "per_second": over(lambda each: each.per_second),
        "latency_p50_seconds": over(lambda each: percentile(each.latencies, 0.5)),
        "latency_p95_seconds": over(lambda each: percentile(each.latencies, 0.95)),
        "latency_alone_seconds": spread(alone.latencies),
        "github_requests": over(lambda each: sum(each.requests.values())),
        "github_requests_by_route": each_of(lambda each: each.requests),
        "history_events": over(lambda each: each.events),
        "history_bytes": over(lambda each: each.history_bytes),
        "history_events_by_kind": each_of(lambda each: each.event_kinds),
        "cpu_milliseconds": each_of(lambda each: each.cpu_milliseconds),
    }


def show(report: Mapping[str, Any], console: Console) -> None:
    """Print the table."""
    ours, bare = report["perdure"], report["bare"]
    table = Table(title=_title(report), title_justify="left")
    for heading in ("for one workflow, median (min-max)", "action", "bare workflow"):
        table.add_column(heading, justify="left" if heading.startswith("for") else "right")
    for name, key, digits in (
        ("workflows per second", "per_second", 1),
        ("latency p50, s", "latency_p50_seconds", 2),
        ("latency p95, s", "latency_p95_seconds", 2),
        ("latency alone, s", "latency_alone_seconds", 2),
        ("history events", "history_events", 1),
        ("history bytes", "history_bytes", 0),
        ("GitHub requests", "github_requests", 2),
    ):
        table.add_row(name, _words(ours[key], digits), _words(bare[key], digits))
    for key, digits, unit in (("github_requests_by_route", 2, ""), ("cpu_milliseconds", 1, " CPU, ms")):
        for name in {**ours[key], **bare[key]}:
            cells = (_words(side[key].get(name), digits) for side in (ours, bare))
            table.add_row(f"  {name.replace(_REPOSITORY_PATH, '')}{unit}", *cells)
    console.print(table)
    console.print(f"ratio of actions to bare workflows per second: {_words(report['ratio'], 2)}")
    console.print(f"worker's memory afterwards: {report['worker_resident_bytes'] / 1e6:.0f} MB")


def machine(processors: int, server: str) -> dict[str, object]:
    """Describe where it was measured."""
    return {"processors": processors, "python": platform.python_version(), "temporal_server": server}


def _title(report: Mapping[str, Any]) -> str:
    options, where = report["options"], report["machine"]
    return (
        f"{options['rounds']} rounds of {options['actions']} actions, {options['concurrency']} at once; "
        f"{where['processors']} processors, Python {where['python']}, Temporal {where['temporal_server']}"
    )


def _words(figures: Figures | None, digits: int) -> str:
    if figures is None:
        return "-"
    low, middle, high = (f"{figures[name]:,.{digits}f}" for name in ("min", "median", "max"))
    return middle if low == high else f"{middle} ({low}-{high})"
