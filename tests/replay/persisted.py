"""What Perdure writes into histories, read from the code: names, and the fields of every model.

    PYTHONPATH=tests .venv/bin/python -m replay.persisted

writes it into docs/reference/histories.md; its numbered list of changes is written by hand.
"""

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from temporalio import activity, workflow

from perdure.activities.actions import ActionActivities
from perdure.activities.alerting import AlertActivities
from perdure.activities.approvals import ApprovalActivities
from perdure.activities.batch_embedding import BatchActivities
from perdure.activities.dispatching import DispatchActivities
from perdure.activities.fetching import FetchActivities
from perdure.activities.fleet import FleetActivities
from perdure.activities.indexing import IndexActivities
from perdure.activities.locking import LockActivities
from perdure.activities.notifying import MarkActivities, WebhookActivities
from perdure.activities.watching import WatchActivities
from perdure.model.run_github_action import RunGitHubActionInput
from perdure.workflows.registry import WORKFLOWS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "histories.md"
BEGIN, END = "<!-- persisted: begin -->\n", "<!-- persisted: end -->\n"

ACTIVITY_CLASSES = (
    ActionActivities,
    AlertActivities,
    ApprovalActivities,
    DispatchActivities,
    FleetActivities,
    BatchActivities,
    FetchActivities,
    IndexActivities,
    LockActivities,
    MarkActivities,
    WatchActivities,
    WebhookActivities,
)


def table() -> str:
    """Return the page's part that tells what is persisted now."""
    return "\n" + "\n".join(f"- {line}" for line in lines()) + "\n\n"


def lines() -> list[str]:
    """Return one line for each workflow type, activity and model."""
    found: dict[type, None] = {}
    # Its workflow reads it from plain JSON, so that no annotation names it.
    _add_models(RunGitHubActionInput, found)
    messages = [_workflow_line(workflow_type, found) for workflow_type in WORKFLOWS]
    work = [_activity_line(name, function, found) for name, function in _activities()]
    return [*messages, *sorted(work), *sorted({_model_line(model) for model in found})]


def _workflow_line(workflow_type: type, found: dict[type, None]) -> str:
    definition = workflow._Definition.must_from_class(workflow_type)
    _add(definition.run_fn, found)
    parts = []
    for kind, handlers in (
        ("signal", definition.signals),
        ("update", definition.updates),
        ("query", definition.queries),
    ):
        for name in sorted(str(name) for name in handlers):
            _add(handlers[name].fn, found)
            parts.append(f"{kind} `{name}`")
    return f"workflow `{definition.name}`" + (f": {', '.join(parts)}" if parts else "")


def _activities() -> Iterator[tuple[str, Any]]:
    for owner in ACTIVITY_CLASSES:
        for _, function in inspect.getmembers(owner, inspect.isfunction):
            definition = activity._Definition.from_callable(function)
            if definition is not None and definition.name is not None:
                yield definition.name, function


def _activity_line(name: str, function: Any, found: dict[type, None]) -> str:
    _add(function, found)
    return f"activity `{name}`"


def _add(function: Any, found: dict[type, None]) -> None:
    for hint in get_type_hints(function).values():
        _add_models(hint, found)


def _add_models(hint: Any, found: dict[type, None]) -> None:
    for part in get_args(hint):
        _add_models(part, found)
    if not isinstance(hint, type) or hint in found:
        return
    if issubclass(hint, Enum):
        found[hint] = None
    elif issubclass(hint, BaseModel):
        found[hint] = None
        for field in hint.model_fields.values():
            _add_models(field.annotation, found)


def _model_line(model: type) -> str:
    if issubclass(model, Enum):
        return f"words `{model.__name__}`: " + ", ".join(f"`{member.value}`" for member in model)
    assert issubclass(model, BaseModel)
    return f"model `{model.__name__}`: " + ", ".join(f"`{name}`" for name in model.model_fields)


def main() -> None:
    """Write the page's part anew."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + table() + END + after)


if __name__ == "__main__":
    main()
