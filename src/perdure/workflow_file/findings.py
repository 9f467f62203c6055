"""What the doctor finds in a workflow file."""

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What a finding is about; its value is what people write to ignore it."""

    UNREADABLE = "unreadable"
    UNGUARDED = "unguarded-side-effect"
    UNSAFE_TO_REPEAT = "unsafe-to-repeat"
    FIRES_ON_MIRROR = "fires-on-mirror"
    NO_DISPATCH_ID = "no-dispatch-id"
    ID_NOT_SHOWN = "dispatch-id-not-shown"
    NO_DISPATCH_STEP = "no-dispatch-step"

    @property
    def meaning(self) -> str:
        """Why it matters, in a sentence."""
        return _MEANINGS[self]


_MEANINGS = {
    Rule.UNREADABLE: "GitHub would not take the file, so nothing can be said of it.",
    Rule.UNGUARDED: "A step that changes something outside runs in rehearsals too: on mirrors nothing real"
    " may be touched.",
    Rule.UNSAFE_TO_REPEAT: "A step that is done again after a failure finds what it made before, and fails or"
    " makes it twice.",
    Rule.FIRES_ON_MIRROR: "Synchronising a mirror pushes, creates and deletes its branches and tags, which"
    " starts this workflow there.",
    Rule.NO_DISPATCH_ID: "Without the input dispatch_id a dispatch whose answer is lost cannot be told apart"
    " from one that never arrived.",
    Rule.ID_NOT_SHOWN: "A dispatch id that the run does not show finds no run.",
    Rule.NO_DISPATCH_STEP: "Where a host ignores run-name, a run is found by a step's name alone.",
}


class Level(StrEnum):
    """How bad it is, in SARIF's words."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True)
class WorkflowFinding:
    """One remark.

    Attributes:
        line: From 1.
        column: From 1.
        message: What is wrong, and where it cannot be mended what to do.
        mended: Whether splicing mends it.
    """

    rule: Rule
    level: Level
    line: int
    column: int
    message: str
    mended: bool = False
