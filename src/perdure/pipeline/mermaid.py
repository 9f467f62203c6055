"""Draws a pipeline as a Mermaid flowchart: https://mermaid.js.org/syntax/flowchart.html."""

import re
from collections.abc import Iterator, Mapping

from perdure.pipeline.compiling import CompiledPipeline, CompiledStep
from perdure.pipeline.matrix import expand
from perdure.pipeline.schema import PipelineFile
from perdure.pipeline.steps import (
    ActionStep,
    ApprovalStep,
    PipelineStep,
    RunStep,
    StepBase,
    WaitStep,
    WorkBase,
)

_STYLES = {
    "success": "fill:#dafbe1,stroke:#1a7f37,color:#1f2328",
    "failure": "fill:#ffebe9,stroke:#cf222e,color:#1f2328",
    "cancelled": "fill:#eaeef2,stroke:#59636e,color:#1f2328",
    "skipped": "fill:#f6f8fa,stroke:#d1d9e0,color:#59636e,stroke-dasharray:4",
    "running": "fill:#ddf4ff,stroke:#0969da,color:#1f2328",
    "waiting": "fill:#fff8c5,stroke:#9a6700,color:#1f2328",
}


def mermaid(pipeline: PipelineFile | CompiledPipeline, states: Mapping[str, str] | None = None) -> str:
    """Draw the steps and what needs what.

    Args:
        pipeline: What is drawn.
        states: How steps stand, by name: ``success``, ``failure``, ``cancelled``, ``skipped``, ``running``
            or ``waiting``.
    """
    states = states or {}
    lines = ["flowchart LR"]
    steps = dict(_steps(pipeline))
    lines += [f"  {_node(name, step)}" for name, step in steps.items()]
    for name, step in steps.items():
        arrow = "-. if .->" if step.if_ is not None else "-->"
        lines += [f"  step_{need} {arrow} step_{name}" for need in dict.fromkeys(step.needs)]
    for name, step in steps.items():
        for position, call in enumerate(step.compensate if isinstance(step, WorkBase) else ()):
            lines.append(f'  undo_{name}_{position}("undo: {_label(call.action)}")')
            lines.append(f"  step_{name} -. undone by .-> undo_{name}_{position}")
    for state in dict.fromkeys(state for name, state in states.items() if name in steps):
        if state in _STYLES:
            named = ",".join(f"step_{name}" for name in steps if states.get(name) == state)
            lines += [f"  classDef {state} {_STYLES[state]}", f"  class {named} {state}"]
    return "\n".join(lines) + "\n"


def _steps(pipeline: PipelineFile | CompiledPipeline) -> Iterator[tuple[str, StepBase]]:
    if isinstance(pipeline, PipelineFile):
        yield from pipeline.steps.items()
        return
    step: CompiledStep
    for step in pipeline.steps:
        yield step.name, step.definition


def _node(name: str, step: StepBase) -> str:
    title = _label(step.name or name)
    match step:
        case ActionStep():
            text = f"{title}<br/>{_label(step.action)}"
        case RunStep():
            text = f"{title}<br/>{_label(step.run)}"
        case PipelineStep():
            return f'step_{name}[["{title}<br/>{_label(step.pipeline)}"]]'
        case ApprovalStep():
            count = f"{step.approval.quorum} of " if step.approval.approvers else ""
            who = _label(", ".join(step.approval.approvers) or "anyone")
            return f'step_{name}{{{{"{title}<br/>{count}{who}"}}}}'
        case WaitStep():
            return f'step_{name}(["{title}<br/>{_label(step.wait or step.until or "")}"])'
        case _:
            text = title
    if isinstance(step, WorkBase) and step.matrix is not None:
        text += f"<br/>x {len(expand(step.matrix))}"
    return f'step_{name}["{text}"]'


def _label(text: str) -> str:
    """Write a text so that Mermaid, and the HTML that it makes, take it as text."""
    return re.sub(r'[&"<>#;`\n\\]', lambda sign: f"#{ord(sign.group())};", text)
