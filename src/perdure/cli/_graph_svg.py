"""Draws a pipeline's graph as SVG, with a small layered layout of its own: no tool, no network, no script.

A step stands in the column after the last step that it needs; within a column it stands near what it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from perdure.cli._shown import shown
from perdure.pipeline import ActionStep, ApprovalStep, CompiledPipeline, CompiledStep, PipelineStep, RunStep

_WIDTH, _HEIGHT = 190, 52
_GAP_X, _GAP_Y = 60, 24
_MARGIN = 20
_LONGEST = 28
_COLOURS = {
    "success": ("#dafbe1", "#1a7f37"),
    "failure": ("#ffebe9", "#cf222e"),
    "cancelled": ("#eaeef2", "#59636e"),
    "skipped": ("#f6f8fa", "#d1d9e0"),
    "running": ("#ddf4ff", "#0969da"),
    "waiting": ("#fff8c5", "#9a6700"),
}
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2328;text-anchor:middle}"
    ".title{font-weight:600}.what{fill:#59636e}path{fill:none;stroke:#59636e;stroke-width:1.5}"
)


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float


def svg(pipeline: CompiledPipeline, states: Mapping[str, str]) -> str:
    """Draw the steps of a pipeline and what needs what.

    Args:
        pipeline: What is drawn.
        states: How steps stand, by name.
    """
    places = _places(pipeline)
    width = max(place.x for place in places.values()) + _WIDTH + _MARGIN
    height = max(place.y for place in places.values()) + _HEIGHT + _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}"'
        f' width="{width:g}" height="{height:g}" role="img" aria-label="{_text(pipeline.name)}">',
        f"<style>{_STYLE}</style>",
    ]
    for step in pipeline.steps:
        parts += [_edge(places[need], places[step.name]) for need in step.needs]
    parts += [_node(step, places[step.name], states.get(step.name, "waiting")) for step in pipeline.steps]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(pipeline: CompiledPipeline) -> dict[str, _Place]:
    columns: list[list[CompiledStep]] = []
    column_of: dict[str, int] = {}
    # The steps stand in an order in which each comes after those that it needs.
    for step in pipeline.steps:
        number = max((column_of[need] + 1 for need in step.needs), default=0)
        column_of[step.name] = number
        if number == len(columns):
            columns.append([])
        columns[number].append(step)
    places: dict[str, _Place] = {}
    tallest = max(len(column) for column in columns)
    for number, column in enumerate(columns):
        near = {step.name: _height_of_needs(step, places) for step in column}
        column.sort(key=lambda step: near[step.name])
        top = _MARGIN + (tallest - len(column)) * (_HEIGHT + _GAP_Y) / 2
        for row, step in enumerate(column):
            places[step.name] = _Place(_MARGIN + number * (_WIDTH + _GAP_X), top + row * (_HEIGHT + _GAP_Y))
    return places


def _height_of_needs(step: CompiledStep, places: Mapping[str, _Place]) -> float:
    heights = [places[need].y for need in step.needs]
    return sum(heights) / len(heights) if heights else 0.0


def _edge(start: _Place, end: _Place) -> str:
    x1, y1 = start.x + _WIDTH, start.y + _HEIGHT / 2
    x2, y2 = end.x, end.y + _HEIGHT / 2
    middle = (x1 + x2) / 2
    return f'<path d="M{x1:g},{y1:g} C{middle:g},{y1:g} {middle:g},{y2:g} {x2:g},{y2:g}"/>'


def _node(step: CompiledStep, place: _Place, state: str) -> str:
    fill, stroke = _COLOURS.get(state, _COLOURS["waiting"])
    round_corner = 26 if isinstance(step.definition, ApprovalStep) else 6
    title = (step.definition.name or step.name) + (f" x {len(step.jobs)}" if len(step.jobs) > 1 else "")
    middle = place.x + _WIDTH / 2
    return (
        f"<g><title>{_text(f'{step.name}: {state}')}</title>"
        f'<rect x="{place.x:g}" y="{place.y:g}" width="{_WIDTH}" height="{_HEIGHT}" rx="{round_corner}"'
        f' fill="{fill}" stroke="{stroke}"/>'
        f'<text class="title" x="{middle:g}" y="{place.y + 22:g}">{_text(_cut(title))}</text>'
        f'<text class="what" x="{middle:g}" y="{place.y + 39:g}">{_text(_cut(_what(step)))}</text></g>'
    )


def _what(step: CompiledStep) -> str:
    match step.definition:
        case ActionStep() as action:
            return action.action
        case ApprovalStep() as asked:
            return f"approval by {asked.approval.quorum}"
        case PipelineStep() as child:
            return child.pipeline
        case RunStep() as run:
            return run.run
    return "wait"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _text(text: str) -> str:
    return escape(" ".join(shown(text).split()))
