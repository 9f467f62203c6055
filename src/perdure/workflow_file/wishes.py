"""What would mend a finding. How it is written into the text is decided elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from perdure.workflow_file.document import Mapping
from perdure.workflow_file.findings import WorkflowFinding
from perdure.workflow_file.shape import Path


@dataclass(frozen=True, kw_only=True, eq=False)
class GuardWish:
    """A job or a step shall demand something.

    Attributes:
        path: Of the job or the step.
        node: It.
        demand: The expression.
    """

    path: Path
    node: Mapping
    demand: str


class DispatchWish(StrEnum):
    """The file shall take the dispatch id, and show it."""

    TAKE_ID = "take the id"
    SHOW_ID = "show the id"
    SHOW_IN_STEP = "show the id in a step"


@dataclass(frozen=True, eq=False)
class Found:
    """A finding, and what would mend it.

    Attributes:
        wish: ``None`` where a person has to.
        covered_by: The job whose own guard mends it as well.
    """

    finding: WorkflowFinding
    wish: GuardWish | DispatchWish | None = None
    covered_by: Path | None = None


class CannotMendError(ValueError):
    """A wish cannot be written into this text. The message says why."""
