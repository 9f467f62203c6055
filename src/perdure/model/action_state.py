"""What an action carries over when its history is cut."""

from datetime import datetime
from typing import Self

from perdure.model.actions import ActionInput
from perdure.model.base import Model
from perdure.model.dispatch import DispatchPlan
from perdure.model.following import Followed
from perdure.model.progress import ActionProgress


class ActionState(Model):
    """An action in the middle of following its run.

    Attributes:
        plan: What was known before the first dispatch.
        progress: The account so far.
        followed: The run as it was last seen.
        generation: How many times another dispatch was asked for.
        dispatched_at: When the present dispatch was first sent.
    """

    plan: DispatchPlan
    progress: ActionProgress
    followed: Followed
    generation: int = 0
    dispatched_at: datetime


class ActionWorkflowInput(ActionInput):
    """An action, and where it stands if the workflow hands it to itself.

    One argument, because Temporal converts a workflow's arguments by type only where all are given.

    Attributes:
        reports_left_runs: Whether the workflow that started it takes the signal ``actions_run_left``.
    """

    state: ActionState | None = None
    reports_left_runs: bool = False

    @classmethod
    def of(cls, input: ActionInput, state: ActionState | None = None) -> Self:
        """Return the workflow's input for an action."""
        return cls(**{**dict(input), "state": state})


class HeldDecision(Model):
    """What a person decides about a dispatch that nobody can know the fate of.

    Attributes:
        decision: ``redispatch``, ``adopt`` or ``fail``.
        actions_run_id: The run to adopt.
        by: Who decided, for the account.
    """

    decision: str
    actions_run_id: int | None = None
    by: str = ""
