"""Finds where a replay left its history, from what the engine said and what the code did.

The engine's words name the event in some cases only, so the commands of the last workflow task are laid
beside the events that the same task left: the first pair that does not fit is the place.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from perdure.checks.command_recording import Place, Turn
from perdure.model.base import Model

_MOST_PLACES = 4
_QUOTED_MESSAGE = re.compile(r'\bmessage: "((?:[^"\\]|\\.)*)"')
_QUOTED_TRACE = re.compile(r'\bstack_trace: "((?:[^"\\]|\\.)*)"')
_EVENT_IN_WORDS = re.compile(r"HistoryEvent\(id: (\d+)")
_TRACE_LINE = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_CODE = re.compile(r"\[TMPRL\d+\] (?:Nondeterminism error: )?")
_CHANGES_VERSION = "TemporalChangeVersion"


class CodeLine(Model):
    """A line of workflow code."""

    file: str
    line: int
    function: str


class Divergence(Model):
    """Where the code and the history part.

    Attributes:
        message: The engine's own words.
        event_id: Of the event that does not fit, or ``None`` where it cannot be known.
        event: What the history holds there.
        command: What the code does instead; empty where it does nothing there.
        code: Where the code does so, or where it waits; the innermost line first.
    """

    message: str
    event_id: int | None = None
    event: str = ""
    command: str = ""
    code: tuple[CodeLine, ...] = ()


class _Step(NamedTuple):
    """What a command asks for and an event records, in the same words."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}" if self.name else self.kind


_COMMANDS: dict[str, Callable[[WorkflowCommand], _Step]] = {
    "schedule_activity": lambda made: _Step("activity", made.schedule_activity.activity_type),
    "start_timer": lambda made: _Step("timer"),
    "start_child_workflow_execution": lambda made: _Step(
        "child workflow", made.start_child_workflow_execution.workflow_type
    ),
    "signal_external_workflow_execution": lambda made: _Step(
        "signal", made.signal_external_workflow_execution.signal_name
    ),
    "request_cancel_external_workflow_execution": lambda made: _Step("cancellation of another workflow"),
    "upsert_workflow_search_attributes": lambda made: _Step("search attributes"),
    "modify_workflow_properties": lambda made: _Step("memo"),
    "schedule_nexus_operation": lambda made: _Step("operation", made.schedule_nexus_operation.operation),
    "complete_workflow_execution": lambda made: _Step("the workflow's end", "completed"),
    "fail_workflow_execution": lambda made: _Step("the workflow's end", "failed"),
    "cancel_workflow_execution": lambda made: _Step("the workflow's end", "cancelled"),
    "continue_as_new_workflow_execution": lambda made: _Step("the workflow's end", "continued as new"),
}

_EVENTS: dict[str, Callable[[HistoryEvent], _Step]] = {
    "ACTIVITY_TASK_SCHEDULED": lambda event: _Step(
        "activity", event.activity_task_scheduled_event_attributes.activity_type.name
    ),
    "TIMER_STARTED": lambda event: _Step("timer"),
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED": lambda event: _Step(
        "child workflow",
        event.start_child_workflow_execution_initiated_event_attributes.workflow_type.name,
    ),
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": lambda event: _Step(
        "signal", event.signal_external_workflow_execution_initiated_event_attributes.signal_name
    ),
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": lambda event: _Step(
        "cancellation of another workflow"
    ),
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": lambda event: _Step("search attributes"),
    "WORKFLOW_PROPERTIES_MODIFIED": lambda event: _Step("memo"),
    "NEXUS_OPERATION_SCHEDULED": lambda event: _Step(
        "operation", event.nexus_operation_scheduled_event_attributes.operation
    ),
    "WORKFLOW_EXECUTION_COMPLETED": lambda event: _Step("the workflow's end", "completed"),
    "WORKFLOW_EXECUTION_FAILED": lambda event: _Step("the workflow's end", "failed"),
    "WORKFLOW_EXECUTION_CANCELED": lambda event: _Step("the workflow's end", "cancelled"),
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": lambda event: _Step("the workflow's end", "continued as new"),
}


def find_divergence(
    error: BaseException, events: Sequence[HistoryEvent], turns: Sequence[Turn]
) -> Divergence:
    """Return where a replay left its history.

    Args:
        error: What the replayer gave as the failure.
        events: The history.
        turns: What the code did: see :mod:`perdure.checks.command_recording`.
    """
    said = str(error)
    message = plain_message(said)
    pair = _first_that_does_not_fit(events, turns[-1]) if turns else None
    event, command, places = pair or (None, "", ())
    if named := _EVENT_IN_WORDS.search(said):
        # The engine knows best which event it stopped at, and the pair which line belongs to it.
        at = next((one for one in events if one.event_id == int(named[1])), None)
        if event is None or at is None or at.event_id != event.event_id:
            event = at
    code = _code_lines(said, places or (turns[-1].standing if turns else ()))
    return Divergence(
        message=message,
        event_id=event.event_id if event is not None else None,
        event=event_words(event) if event is not None else "",
        command=command,
        code=code,
    )


def plain_message(said: str) -> str:
    """Take what a person can read out of the engine's report, which is a dump of its own structures."""
    found = _QUOTED_MESSAGE.search(said)
    return _CODE.sub("", _unquoted(found[1]) if found else said).strip()


def event_words(event: HistoryEvent) -> str:
    """Say what an event is: ``activity 'get_actions_run'``."""
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    return str(_EVENTS[name](event)) if name in _EVENTS else name.replace("_", " ").lower()


def _first_that_does_not_fit(
    events: Sequence[HistoryEvent], turn: Turn
) -> tuple[HistoryEvent | None, str, tuple[Place, ...]] | None:
    recorded = list(_events_of(events, turn))
    made = [
        (_COMMANDS[variant](command), places)
        for command, places in turn.commands
        if (variant := command.WhichOneof("variant") or "") in _COMMANDS
    ]
    for was, does in zip_longest(recorded, made):
        if was is None:
            return None, str(does[0]), does[1]
        if does is None:
            return was[1], "", ()
        if was[0] != does[0]:
            return was[1], str(does[0]), does[1]
    return None


def _events_of(events: Sequence[HistoryEvent], turn: Turn) -> Iterator[tuple[_Step, HistoryEvent]]:
    """Return what the commands of a workflow task left in the history."""
    completed = next(
        (
            event.event_id
            for event in events
            if event.event_id > turn.history_length
            and event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ),
        None,
    )
    for event in events:
        name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        if name not in _EVENTS or getattr(attributes, "workflow_task_completed_event_id", -1) != completed:
            continue
        searchable = event.upsert_workflow_search_attributes_event_attributes.search_attributes
        if _CHANGES_VERSION not in searchable.indexed_fields:  # the engine's own, beside the mark of a patch
            yield _EVENTS[name](event), event


def _code_lines(said: str, places: Sequence[Place]) -> tuple[CodeLine, ...]:
    trace = _QUOTED_TRACE.search(said)
    # Code that raised something itself says where in the trace of that error.
    raised = [
        CodeLine(file=file, line=int(line), function=function)
        for file, line, function in _TRACE_LINE.findall(_unquoted(trace[1]) if trace else "")
        if "/temporalio/" not in file.replace("\\", "/")
    ]
    found = raised[::-1] or [CodeLine(file=one.file, line=one.line, function=one.function) for one in places]
    return tuple(found[:_MOST_PLACES])


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda escape: {"n": "\n", "t": "\t"}.get(escape[1], escape[1]), text)
