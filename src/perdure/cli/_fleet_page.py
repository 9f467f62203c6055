"""A fleet as one HTML page that loads nothing: for a mail, an archive, a machine without a network.

Everything in it comes from elsewhere (repositories' names, error messages), so all of it is escaped, and the
page's own policy lets nothing else run or be loaded than what stands in it.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape

from perdure.cli._durations import format_duration
from perdure.cli._fleet_charts import (
    cost_chart,
    outcome_chart,
    parallel_chart,
    took_chart,
)
from perdure.cli._fleet_page_parts import POLICY, SCRIPT, STYLE
from perdure.cli._fleet_views import format_cost
from perdure.model.fleet import ItemResult
from perdure.model.fleet_progress import FleetProgress

_HEADS = (("#", "number"), ("Item", "text"), ("Outcome", "text"), ("Took", "number"), ("Cost", "number"),
          ("Result", "text"))  # fmt: skip
_LONGEST_RESULT = 300


def fleet_page(
    fleet_id: str, progress: FleetProgress, results: Sequence[ItemResult], *, now: datetime
) -> str:
    """Return the page.

    Args:
        fleet_id: The fleet.
        progress: Where it stands.
        results: What has ended.
        now: When this is.
    """
    title = f"Fleet {progress.name}"
    charts = (outcome_chart(progress), took_chart(results), parallel_chart(results), cost_chart(results))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            _facts(fleet_id, progress, now),
            '<section class="charts">',
            *charts,
            "</section>",
            _table(results),
            f"<script>{SCRIPT}</script>",
            "</body>",
            "</html>",
        ]
    )


def _facts(fleet_id: str, progress: FleetProgress, now: datetime) -> str:
    counts = progress.counts
    took = (progress.ended_at or now) - progress.started_at
    total = counts.total if counts.total is not None else counts.read
    facts = [
        ("Id", fleet_id),
        ("State", progress.conclusion.value if progress.conclusion else "running"),
        ("Items", f"{counts.ended:,} of {total:,} ended"),
        ("Started", f"{progress.started_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("Took" if progress.ended_at else "Has run for", format_duration(took)),
        ("At once", f"{progress.most_parallel:,} at most, {progress.max_parallel:,} allowed"),
        ("Cost", format_cost(counts.cost)),
        ("Alert", progress.alert),
        ("Reported", f"{now:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    rows = (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in facts if text)
    return f"<dl>{''.join(rows)}</dl>"


def _table(results: Sequence[ItemResult]) -> str:
    heads = "".join(
        f'<th scope="col" data-kind="{kind}"><button type="button">{escape(name)}</button></th>'
        for name, kind in _HEADS
    )
    return (
        '<section><div class="tools"><h2>Items</h2>'
        '<label>Filter <input type="search" id="filter" autocomplete="off"></label>'
        f'<span id="count" aria-live="polite">{len(results):,} items</span></div>'
        f'<div class="scroll"><table id="items"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(map(_row, results))}</tbody></table></div></section>"
    )


def _row(one: ItemResult) -> str:
    seconds = (one.ended_at - one.started_at).total_seconds()
    result = _result(one)
    cells = (
        (f"{one.index + 1:,}", one.index),
        (one.key, one.key),
        (one.outcome.value, one.outcome.value),
        (_took(seconds), seconds),
        (format_cost(one.cost) if one.cost else "", one.cost),
        (result, result),
    )
    drawn = "".join(f'<td data-value="{escape(str(value))}">{escape(text)}</td>' for text, value in cells)
    return f'<tr class="{one.outcome.value}">{drawn}</tr>'


def _took(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.2f}s"
    return f"{seconds:.0f}s" if seconds < 60 else f"{seconds / 60:.1f}m"


def _result(one: ItemResult) -> str:
    if one.reason:
        return " ".join(one.reason.split())[:_LONGEST_RESULT]
    if one.stored is not None:
        return f"{one.stored.size:,} bytes, stored as {one.stored.sha256}"
    text = json.dumps(one.value, ensure_ascii=False) if one.value is not None else ""
    return text if len(text) <= _LONGEST_RESULT else text[: _LONGEST_RESULT - 1] + "…"
