"""Remembers which line of workflow code made each command while a history is replayed.

The engine says of a replay that went another way only that it did: ``Activity type of scheduled event 'a'
does not match activity type of activity command 'b'``, without the line that asked for ``b``. So every
command is noted with the frames above it, and after every turn the lines at which the workflow stands.

It hooks into the SDK's workflow instance, which has no public place for this: where the SDK no longer has
what is looked for, nothing is noted and replays go on as ever, without lines.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import CodeType, CoroutineType, FrameType
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import (
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

_MOST_FRAMES = 60
_NOT_THEIRS = (
    *("/temporalio/", "/asyncio/", "/concurrent/", "/threading.py", "/contextlib.py", "<string>"),
    *("/perdure/checks/", "/perdure/engine/", "/perdure/workflows/interceptor.py"),
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of code."""

    file: str
    line: int
    function: str


@dataclass
class Turn:
    """What the code did in one workflow task.

    Attributes:
        history_length: How many events there were: the last of them began the task.
        commands: In their order, each with the lines that made it, the innermost first.
        standing: Where the code stood afterwards, the innermost line first.
    """

    history_length: int
    commands: list[tuple[WorkflowCommand, tuple[Place, ...]]] = field(default_factory=list)
    standing: tuple[Place, ...] = ()


class CommandRecorder(Interceptor):
    """Keeps the turns of the workflow that is replayed last. One history at a time."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.patches: dict[str, bool] = {}
        """What ``workflow.patched`` said; ``False`` is the old code. What was not asked is not there."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return what hooks into each workflow."""
        recorder = self

        class Recording(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(outbound)
                recorder.turns, recorder.patches = [], {}
                instance = getattr(outbound, "_instance", None)
                if hasattr(instance, "_add_command") and hasattr(instance, "_tasks"):
                    _hook(instance, recorder.turns)
                if hasattr(instance, "workflow_patch"):
                    _note_patches(instance, recorder.patches)

        return Recording


def _hook(instance: Any, turns: list[Turn]) -> None:  # noqa: ANN401 - the SDK's own type is private
    add_command: Callable[[], WorkflowCommand] = instance._add_command
    activate: Callable[[WorkflowActivation], WorkflowActivationCompletion] = instance.activate

    def noting_add_command() -> WorkflowCommand:
        command = add_command()
        if turns:
            turns[-1].commands.append((command, tuple(_above(sys._getframe(1)))))
        return command

    def noting_activate(act: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.HasField("remove_from_cache") for job in act.jobs):
            # Taking a workflow apart looks like commands and is none.
            instance._add_command = add_command
            return activate(act)
        if not turns or turns[-1].history_length != act.history_length:
            turns.append(Turn(act.history_length))
        completion = activate(act)
        turns[-1].standing = tuple(_standing(instance))
        return completion

    instance._add_command = noting_add_command
    instance.activate = noting_activate


def _note_patches(instance: Any, patches: dict[str, bool]) -> None:  # noqa: ANN401 - the SDK's is private
    patch: Callable[..., bool] = instance.workflow_patch

    def noting_patch(id: str, **options: Any) -> bool:  # noqa: ANN401 - passed on
        patches[id] = patch(id, **options)
        return patches[id]

    instance.workflow_patch = noting_patch


def _above(frame: FrameType | None) -> Iterator[Place]:
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return
        if place := _place(frame.f_code, frame.f_lineno):
            yield place
        frame = frame.f_back


def _standing(instance: Any) -> Iterator[Place]:  # noqa: ANN401 - the SDK's own type is private
    """Return where the workflow's own task waits; the others where it does not."""
    primary = getattr(instance, "_primary_task", None)
    tasks = [primary] if primary is not None else list(instance._tasks)
    for task in tasks:
        waiting: list[Place] = []
        awaited = task.get_coro() if not task.done() else None
        while isinstance(awaited, CoroutineType):
            frame = awaited.cr_frame
            if frame is not None and (place := _place(frame.f_code, frame.f_lineno)):
                waiting.append(place)
            awaited = awaited.cr_await
        yield from reversed(waiting)


def _place(code: CodeType, line: int) -> Place | None:
    file = code.co_filename.replace("\\", "/")
    if any(part in file for part in _NOT_THEIRS):
        return None
    return Place(file=code.co_filename, line=line, function=code.co_name)
