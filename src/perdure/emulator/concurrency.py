"""Concurrency groups of a repository: one run goes, one waits, the one that waited before is superseded.

https://docs.github.com/en/actions/how-tos/write-workflows/choose-when-workflows-run/control-workflow-concurrency
"""

from collections.abc import Mapping
from dataclasses import dataclass

from perdure.emulator.execution import WorkflowFile
from perdure.emulator.records import Run
from perdure.emulator.state import State


@dataclass(frozen=True)
class Concurrency:
    """What a workflow file says about runs at the same time, evaluated for one run."""

    group: str
    cancel_in_progress: bool
    is_queue: bool
    """``queue: max``: runs that wait keep their place instead of being superseded."""


@dataclass(frozen=True)
class Turn:
    """What a run finds when it enters its group."""

    must_wait: bool = False
    holder: Run | None = None
    superseded: Run | None = None


def read_concurrency(file: WorkflowFile, contexts: Mapping[str, object]) -> Concurrency | None:
    """Evaluate a workflow file's ``concurrency``; a group's name ignores case.

    Raises:
        WorkflowFileError: An expression fails.
    """
    found = file.concurrency_group(contexts)
    if found is None or not found[0]:
        return None
    written = file.concurrency
    return Concurrency(
        found[0].lower(), found[1], isinstance(written, Mapping) and written.get("queue") == "max"
    )


class ConcurrencyGroups:
    """Who runs and who waits, read from the runs themselves so that a restart changes nothing."""

    def __init__(self, state: State) -> None:
        self._state = state

    def enter(self, run: Run) -> Turn:
        """Say whether a new run, or a new attempt, must wait, and whom it supersedes."""
        others = self._others(run)
        holder = next((other for other in others if other.status != "pending"), None)
        waiting = next((other for other in others if other.status == "pending"), None)
        is_superseded = holder is not None and not run.is_queued
        return Turn(holder is not None, holder, waiting if is_superseded else None)

    def leave(self, run: Run) -> Run | None:
        """Return the run whose turn it is after this one."""
        others = self._others(run)
        if any(other.status != "pending" for other in others):
            return None
        return min(others, key=lambda other: other.current.started_at, default=None)

    def _others(self, run: Run) -> list[Run]:
        if run.group is None:
            return []
        runs = self._state.runs_of(run.repository)
        return [one for one in runs if one.group == run.group and one is not run and not one.is_over]
