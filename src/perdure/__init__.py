"""Release and review pipelines that must not get lost, as Temporal workflows.

The names here are imported when they are first used, so that ``import perdure`` costs nothing.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure.engine.actions import (
        ActionHandle,
        get_action,
        list_actions,
        run_action,
        start_action,
    )
    from perdure.engine.connection import connect
    from perdure.engine.exits import leave
    from perdure.errors import PerdureError
    from perdure.model.actions import ActionInput, ActionResult, ActionRetry
    from perdure.plugin import PerdurePlugin

__all__ = [
    "ActionHandle",
    "ActionInput",
    "ActionResult",
    "ActionRetry",
    "PerdureError",
    "PerdurePlugin",
    "connect",
    "get_action",
    "leave",
    "list_actions",
    "run_action",
    "start_action",
]

_HOMES = {
    "ActionHandle": "perdure.engine.actions",
    "ActionInput": "perdure.model.actions",
    "ActionResult": "perdure.model.actions",
    "ActionRetry": "perdure.model.actions",
    "PerdureError": "perdure.errors",
    "PerdurePlugin": "perdure.plugin",
    "connect": "perdure.engine.connection",
    "get_action": "perdure.engine.actions",
    "leave": "perdure.engine.exits",
    "list_actions": "perdure.engine.actions",
    "run_action": "perdure.engine.actions",
    "start_action": "perdure.engine.actions",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
