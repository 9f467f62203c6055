"""Replays histories with the present code, and says where it would go another way."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import Replayer, WorkflowReplayResult
from temporalio.workflow import NondeterminismError

from perdure.checks.command_recording import CommandRecorder
from perdure.checks.divergence import CodeLine, find_divergence
from perdure.checks.history_files import read_history
from perdure.checks.named_workflows import name_of
from perdure.errors import UsageError
from perdure.model.base import Model
from perdure.plugin import PerdurePlugin
from perdure.workflows.registry import WORKFLOWS


class Outcome(StrEnum):
    """What became of one history."""

    REPLAYS = "replays"
    DIVERGED = "diverged"
    """The code goes another way: workflows that began with such a history would get stuck."""
    FAILED = "failed"
    """The code raised something, or could not read what the history holds."""
    UNKNOWN_TYPE = "unknown-type"
    """No workflow of this type is known here."""
    UNREADABLE = "unreadable"
    """The file is no history."""


class ReplayedHistory(Model):
    """What became of one history.

    Attributes:
        file: Where it was read from.
        event_id: Of the event at which the code went another way.
        event: What the history holds there.
        command: What the code does instead.
        code: The lines, the innermost first.
    """

    file: str
    workflow_id: str = ""
    run_id: str = ""
    workflow_type: str = ""
    outcome: Outcome
    message: str = ""
    event_id: int | None = None
    event: str = ""
    command: str = ""
    code: tuple[CodeLine, ...] = ()


def silence() -> Runtime:
    """Return a runtime that prints nothing: every failed replay is reported here, and once is enough."""
    for name in ("temporalio.worker", "temporalio.workflow", "temporalio.activity"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return Runtime(telemetry=TelemetryConfig(logging=None))


def new_replayer(workflows: Sequence[type], namespace: str, recorder: CommandRecorder) -> Replayer:
    """Return what replays Perdure's workflows and others.

    Raises:
        SettingsError: The settings cannot be used, or name a key that is none.
    """
    return Replayer(
        workflows=workflows,
        plugins=[PerdurePlugin()],
        interceptors=[recorder],
        namespace=namespace,
        runtime=silence(),
    )


async def replay_files(
    paths: Iterable[Path], *, workflows: Sequence[type] = (), namespace: str = "default"
) -> AsyncIterator[ReplayedHistory]:
    """Replay one file after the other, and yield what became of each.

    Args:
        paths: Files as :mod:`perdure.checks.history_files` describes them.
        workflows: Types beside Perdure's own.
        namespace: That the histories come from.

    Raises:
        SettingsError: See :func:`new_replayer`.
    """
    recorder = CommandRecorder()
    replayer = new_replayer(workflows, namespace, recorder)
    known = {name_of(one) for one in (*WORKFLOWS, *workflows)}
    for path in paths:
        try:
            history = read_history(path)
        except UsageError as error:
            yield ReplayedHistory(file=str(path), outcome=Outcome.UNREADABLE, message=str(error))
            continue
        recorder.turns = []
        about = _about(path, history)
        if about.workflow_type not in known and None not in known:
            yield about.model_copy(
                update={
                    "outcome": Outcome.UNKNOWN_TYPE,
                    "message": f"no workflow type {about.workflow_type!r} is known here",
                }
            )
            continue
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        yield _judged(about, result, recorder)


async def patches_taken(
    histories: AsyncIterator[WorkflowHistory], *, workflows: Sequence[type] = (), namespace: str = "default"
) -> AsyncIterator[dict[str, bool] | None]:
    """Yield what each history's workflow was told by ``workflow.patched``, as far as it has come.

    ``None`` stands for one that does not replay, so that nobody can tell.

    Raises:
        SettingsError: See :func:`new_replayer`.
    """
    recorder = CommandRecorder()
    replayer = new_replayer(workflows, namespace, recorder)
    async for history in histories:
        recorder.patches = {}
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        yield recorder.patches if result.replay_failure is None else None


def _about(path: Path, history: WorkflowHistory) -> ReplayedHistory:
    started = history.events[0].workflow_execution_started_event_attributes
    return ReplayedHistory(
        file=str(path),
        workflow_id=history.workflow_id,
        run_id=history.run_id,
        workflow_type=started.workflow_type.name,
        outcome=Outcome.REPLAYS,
    )


def _judged(
    about: ReplayedHistory, result: WorkflowReplayResult, recorder: CommandRecorder
) -> ReplayedHistory:
    failure = result.replay_failure
    if failure is None:
        return about
    found = find_divergence(failure, result.history.events, recorder.turns)
    outcome = Outcome.DIVERGED if isinstance(failure, NondeterminismError) else Outcome.FAILED
    return about.model_copy(update={"outcome": outcome, **dict(found)})
