"""Histories as files: one event a line, so that two versions can be compared."""

import json
from pathlib import Path

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).with_name("histories")

RECORDED_AS = "recorder"
"""The identity of every client and worker that a recorded history names."""


def save(name: str, history: WorkflowHistory) -> Path:
    """Write a history down."""
    events = [_without_traces(event) for event in history.to_json_dict()["events"]]
    lines = ",\n".join(json.dumps(event, sort_keys=True, separators=(",", ":")) for event in events)
    path = FOLDER / f"{name}.json"
    path.write_text(f'{{"events":[\n{lines}\n]}}\n')
    return path


def load(path: Path) -> WorkflowHistory:
    """Read a history."""
    text = path.read_text()
    started = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
    return WorkflowHistory.from_json(started["workflowId"], text)


def paths() -> list[Path]:
    """Return every recorded history."""
    return sorted(FOLDER.glob("*.json"))


def workflow_type(history: WorkflowHistory) -> str:
    """Return the type that a history is of."""
    return history.events[0].workflow_execution_started_event_attributes.workflow_type.name


def _without_traces(value: object) -> object:
    # A failure's stack trace holds paths of the machine that it was recorded on. No replay reads it.
    if isinstance(value, dict):
        return {name: _without_traces(part) for name, part in value.items() if name != "stackTrace"}
    if isinstance(value, list):
        return [_without_traces(part) for part in value]
    return value
