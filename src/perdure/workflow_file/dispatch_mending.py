"""Writes the input ``dispatch_id`` into a workflow file, and shows it in ``run-name`` or in a step."""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final

from perdure.workflow_file.document import Document, Mapping, Node, Scalar, Sequence
from perdure.workflow_file.shape import Job, Shape
from perdure.workflow_file.splicing import Splice, line_end, lines_at, new_key
from perdure.workflow_file.wishes import CannotMendError

DISPATCH_INPUT: Final = {"description": "Set by Perdure", "type": "string"}
STEP_NAME: Final = "Dispatch ${{ inputs.dispatch_id }}"
STEP: Final[dict[str, Any]] = {
    "name": STEP_NAME,
    "env": {"DISPATCH_ID": "${{ inputs.dispatch_id }}"},
    "run": 'echo "$DISPATCH_ID"',
}
_FLOW_INPUT: Final = "dispatch_id: {description: Set by Perdure, type: string}"
_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[\w .,()/+-]*[\w.)])?")
_ID: Final = "${{ inputs.dispatch_id }}"


def input_splices(shape: Shape) -> list[Splice]:
    """Return what adds the input.

    Raises:
        CannotMendError: The events are written in a way that has no place for it.
    """
    on = shape.on
    if on is None or shape.document.root.is_flow:
        raise CannotMendError("the file is one line of {}: write it as blocks")
    value, document = on.value, shape.document
    step = 2
    if isinstance(value, Scalar):
        lines = ["  workflow_dispatch:", *_input_lines(4, step)]
        return [Splice(_behind_colon(document, on.key), value.end, ""), lines_at(document, value.end, lines)]
    if isinstance(value, Sequence):
        return _of_list(document, on.key, value)
    if not isinstance(value, Mapping):
        raise CannotMendError("on: is neither a text, a list nor a mapping")
    entry = value.entries["workflow_dispatch"]
    if value.is_flow:
        return _in_flow(document, entry.value)
    return _in_blocks(document, entry.key, entry.value, entry.key.column - on.key.column or step)


def take_id(value: Any) -> None:  # noqa: ANN401 - a loaded file
    """Do the same to the loaded file, for comparing."""
    on = value["on"]
    if isinstance(on, str | list):
        on = dict.fromkeys([on] if isinstance(on, str) else on)
    trigger = dict(on["workflow_dispatch"] or {})
    trigger["inputs"] = {**(trigger.get("inputs") or {}), "dispatch_id": dict(DISPATCH_INPUT)}
    value["on"] = {**on, "workflow_dispatch": trigger}


def run_name_splices(shape: Shape, file_name: str) -> list[Splice]:
    """Return what shows the id in the run's name.

    Raises:
        CannotMendError: The name is written in a way that cannot be added to.
    """
    document, root = shape.document, shape.document.root
    if root.is_flow:
        raise CannotMendError("the file is one line of {}: write it as blocks")
    entry = root.entries.get("run-name")
    if entry is None:
        name = run_name(shape, file_name)
        written = (
            name
            if _PLAIN.fullmatch(name.replace(_ID, "").rstrip("[] "))
            else json.dumps(name, ensure_ascii=False)
        )
        if name.startswith("${{"):
            # Braces at the beginning would be a mapping.
            written = json.dumps(name, ensure_ascii=False)
        line = f"run-name: {written}"
        if "name" in root.entries:
            return [new_key(document, root, line, after=("name",))]
        first = next(iter(root.entries.values())).key
        if _has_comment_above(document.text, first.start):
            return [new_key(document, root, line, after=("on",))]
        return [Splice(first.start, first.start, line + document.newline)]
    if not isinstance(entry.value, Scalar) or not entry.value.text.strip():
        raise CannotMendError("run-name: is empty: leave it out")
    more = _suffix(shape)
    end = entry.value.end
    if entry.value.style in {"'", '"'}:
        end -= 1
        more = more.replace("'", "''") if entry.value.style == "'" else more
    return [Splice(end, end, more)]


def show_id(value: Any, shape: Shape, file_name: str) -> None:  # noqa: ANN401 - a loaded file
    """Do the same to the loaded file, for comparing."""
    before = value.get("run-name")
    if before is None:
        value["run-name"] = run_name(shape, file_name)
    else:
        text = str(before)
        value["run-name"] = text.rstrip("\n") + _suffix(shape) + text[len(text.rstrip("\n")) :]


def run_name(shape: Shape, file_name: str) -> str:
    """Return a name that shows the id. Runs that other events start keep the name that GitHub gives them."""
    name = shape.document.root.text("name").strip() or file_name.rpartition("/")[2].rpartition(".")[0]
    if set(shape.events) == {"workflow_dispatch"} and "${{" not in name:
        return f"{name} [{_ID}]"
    written = name.replace("'", "''").replace("{", "{{").replace("}", "}}")
    return f"${{{{ inputs.dispatch_id && format('{written} [{{0}}]', inputs.dispatch_id) || '' }}}}"


def step_splices(shape: Shape) -> list[Splice]:
    """Return what adds a step that shows the id, before the first step of the first job.

    Raises:
        CannotMendError: There is no job with steps in blocks.
    """
    steps = _first_job(shape).node.entries["steps"]
    assert isinstance(steps.value, Sequence)  # noqa: S101 - as _first_job has looked
    dash = " " * steps.value.column
    inner = f"{dash}  "
    lines = [
        f"{dash}- name: {STEP_NAME}",
        f"{inner}env:",
        f"{inner}  DISPATCH_ID: {_ID}",
        f'{inner}run: echo "$DISPATCH_ID"',
    ]
    return [lines_at(shape.document, steps.key.end, lines)]


def show_in_step(value: Any, shape: Shape) -> None:  # noqa: ANN401 - a loaded file
    """Do the same to the loaded file, for comparing."""
    target = value
    for part in _first_job(shape).path:
        target = target[part]
    target["steps"].insert(0, copy.deepcopy(STEP))


def _first_job(shape: Shape) -> Job:
    for job in shape.jobs:
        steps = job.node.get("steps")
        if (
            isinstance(steps, Sequence)
            and not steps.is_flow
            and steps.items
            and not job.node.is_flow
            and not job.waits
        ):
            return job
    raise CannotMendError("no job that starts by itself has steps in blocks")


def _has_comment_above(text: str, place: int) -> bool:
    return text[:place].rstrip(" ").removesuffix("\n").rpartition("\n")[2].startswith("#")


def _suffix(shape: Shape) -> str:
    if set(shape.events) == {"workflow_dispatch"}:
        return f" [{_ID}]"
    return "${{ inputs.dispatch_id && format(' [{0}]', inputs.dispatch_id) || '' }}"


def _input_lines(column: int, step: int) -> list[str]:
    return [" " * column + "inputs:", *_id_lines(column + step, step)]


def _id_lines(column: int, step: int) -> list[str]:
    inner = " " * (column + step)
    return [
        " " * column + "dispatch_id:",
        *(f"{inner}{key}: {value}" for key, value in DISPATCH_INPUT.items()),
    ]


def _behind_colon(document: Document, key: Node) -> int:
    return document.text.index(":", key.end) + 1


def _of_list(document: Document, key: Node, events: Sequence) -> list[Splice]:
    text = document.text
    if events.is_flow:
        if "#" in text[events.start : events.end]:
            raise CannotMendError("a comment stands within the list of events: write them as a mapping")
        lines = []
        for item in events.items:
            lines.append(f"  {text[item.start : item.end]}:")
            if isinstance(item, Scalar) and item.text == "workflow_dispatch":
                lines += _input_lines(4, 2)
        return [Splice(_behind_colon(document, key), events.end, ""), lines_at(document, events.end, lines)]
    splices = []
    for item in events.items:
        if not isinstance(item, Scalar):
            raise CannotMendError("an item of on: is no text")
        hyphen = text.rindex("-", 0, item.start)
        splices += [Splice(hyphen, hyphen + 1, " "), Splice(item.end, item.end, ":")]
        if item.text == "workflow_dispatch":
            splices.append(lines_at(document, item.end, _input_lines(item.column + 2, 2)))
    return splices


def _in_flow(document: Document, trigger: Node) -> list[Splice]:
    if isinstance(trigger, Scalar):
        colon = "" if document.text[trigger.start - 1] == ":" and not trigger.text else ":"
        if trigger.text:
            return [Splice(trigger.start, trigger.end, f"{{inputs: {{{_FLOW_INPUT}}}}}")]
        return [Splice(trigger.end, trigger.end, f"{colon} {{inputs: {{{_FLOW_INPUT}}}}}")]
    if not isinstance(trigger, Mapping):
        raise CannotMendError("workflow_dispatch: is no mapping")
    inputs = trigger.get("inputs")
    if inputs is None:
        return [_flow_entry(trigger, f"inputs: {{{_FLOW_INPUT}}}")]
    if isinstance(inputs, Scalar):
        return [Splice(inputs.start, inputs.end, f" {{{_FLOW_INPUT}}}")]
    if not isinstance(inputs, Mapping):
        raise CannotMendError("inputs: is no mapping")
    return [_flow_entry(inputs, _FLOW_INPUT)]


def _flow_entry(mapping: Mapping, entry: str) -> Splice:
    if not mapping.entries:
        return Splice(mapping.start + 1, mapping.start + 1, entry)
    last = list(mapping.entries.values())[-1].value.end
    return Splice(last, last, f", {entry}")


def _in_blocks(document: Document, key: Node, trigger: Node, step: int) -> list[Splice]:
    if isinstance(trigger, Scalar):
        lines = _input_lines(key.column + step, step)
        # `null` or `~` written out would stand in the way.
        gone = [Splice(_behind_colon(document, key), trigger.end, "")] if trigger.text else []
        return [*gone, lines_at(document, trigger.end, lines)]
    if not isinstance(trigger, Mapping):
        raise CannotMendError("workflow_dispatch: is no mapping")
    if trigger.is_flow:
        return _in_flow(document, trigger)
    entry = trigger.entries.get("inputs")
    if entry is None:
        column = next(iter(trigger.entries.values())).key.column
        return [lines_at(document, trigger.end, _input_lines(column, step))]
    inputs = entry.value
    if isinstance(inputs, Scalar):
        gone = [Splice(_behind_colon(document, entry.key), inputs.end, "")] if inputs.text else []
        return [*gone, lines_at(document, inputs.end, _id_lines(entry.key.column + step, step))]
    if not isinstance(inputs, Mapping):
        raise CannotMendError("inputs: is no mapping")
    if inputs.is_flow:
        return _in_flow(document, trigger)
    first = next(iter(inputs.entries.values())).key
    return [
        lines_at(
            document,
            _behind_comments(document.text, inputs),
            _id_lines(first.column, first.column - entry.key.column),
        )
    ]


def _behind_comments(text: str, mapping: Mapping) -> int:
    """Return a place in the last line that belongs to a mapping: comments below it, as deep, do."""
    column = next(iter(mapping.entries.values())).key.column
    place = mapping.end
    while (following := line_end(text, place)) < len(text):
        line = text[following : line_end(text, following)]
        if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) < column:
            break
        place = following
    return place
