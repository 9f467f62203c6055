"""Whether a workflow file takes the dispatch id, and shows it where a run is found by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from perdure.model.dispatch import DISPATCH_ID_INPUT
from perdure.workflow_file.document import Entry, Mapping, Node
from perdure.workflow_file.findings import Level, Rule, WorkflowFinding
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.shape import Shape
from perdure.workflow_file.wishes import DispatchWish, Found

MOST_INPUTS: Final = 25
SHOWS_ID: Final = re.compile(
    r"\$\{\{(?:(?!\}\}).)*\binputs\s*(?:\.\s*dispatch_id\b|\[\s*'dispatch_id'\s*\])",
    re.DOTALL | re.IGNORECASE,
)


def dispatch_findings(shape: Shape, rules: DoctorRules) -> Iterator[Found]:
    """Yield what keeps a dispatched run from being found. Files that nobody can dispatch lack nothing."""
    trigger = shape.events.get("workflow_dispatch")
    if trigger is None:
        return
    if DISPATCH_ID_INPUT not in dispatch_inputs(shape):
        message = "workflow_dispatch takes no input dispatch_id, by which a dispatch is told from another"
        if len(dispatch_inputs(shape)) < MOST_INPUTS:
            yield _found(Rule.NO_DISPATCH_ID, trigger, message, DispatchWish.TAKE_ID)
        else:
            more = f"; GitHub takes {MOST_INPUTS} inputs at most, so leave another one out"
            yield _found(Rule.NO_DISPATCH_ID, trigger, message + more, None)
    by_name = bool(SHOWS_ID.search(shape.document.root.text("run-name")))
    by_step = any(SHOWS_ID.search(step.node.text("name")) for _, step in shape.steps())
    if not by_name and not (by_step and not rules.with_step):
        message = "run-name does not show the dispatch id, so that no run is found by it"
        entry = shape.document.root.entries.get("run-name")
        yield _found(Rule.ID_NOT_SHOWN, entry.key if entry else trigger, message, DispatchWish.SHOW_ID)
    if rules.with_step and not by_step:
        message = "no step's name shows the dispatch id"
        yield _found(Rule.NO_DISPATCH_STEP, trigger, message, DispatchWish.SHOW_IN_STEP)


def dispatch_inputs(shape: Shape) -> dict[str, Entry]:
    """Return the inputs of the file's dispatches."""
    on = shape.on.value if shape.on else None
    trigger = on.inner("workflow_dispatch") if isinstance(on, Mapping) else None
    inputs = trigger.inner("inputs") if trigger else None
    return inputs.entries if inputs else {}


def _found(rule: Rule, place: Node, message: str, wish: DispatchWish | None) -> Found:
    finding = WorkflowFinding(
        rule=rule, level=Level.WARNING, line=place.line, column=place.column + 1, message=message
    )
    return Found(finding, wish)
