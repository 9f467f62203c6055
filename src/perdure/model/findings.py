"""Findings of a review: what reviewers remark, and what makes two remarks the same."""

import hashlib
from enum import StrEnum

from pydantic import Field

from perdure.model.base import Model


class Severity(StrEnum):
    """How much a finding matters. The words are SARIF's."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Confidence(StrEnum):
    """How sure its reviewer is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Category(StrEnum):
    """What a finding is about: what ``require-approval`` and budgets refer to."""

    SECURITY = "security"
    SECRET = "secret"  # noqa: S105
    BUG = "bug"
    CI = "ci"
    MAINTAINABILITY = "maintainability"
    STYLE = "style"


class Edit(Model):
    """Whole lines of a file, replaced.

    Attributes:
        start_line: The first line that goes, from 1.
        end_line: The last one; ``start_line - 1`` where lines are only put in before ``start_line``.
        replacement: What stands there then, with its line ends; empty where lines are only taken out.
    """

    start_line: int = Field(ge=1)
    end_line: int = Field(ge=0)
    replacement: str


class Suggestion(Model):
    """A change that would settle a finding.

    Attributes:
        edits: In the finding's file, none overlapping.
        is_safe: Whether its reviewer promises that the meaning stays the same.
    """

    edits: tuple[Edit, ...] = Field(min_length=1)
    is_safe: bool = False


class Finding(Model):
    """One remark of a review.

    Attributes:
        reviewer: Who makes it: ``ruff``, ``detect-secrets``, ``zizmor``, ``model``.
        rule: The reviewer's name for what it found: ``F401``, ``template-injection``.
        path: The file, from the repository's root, with ``/``.
        start_line: In the file as it is after the change, from 1.
        end_line: The last line, included.
        symbol: The function or class around it; empty at the top of a file.
        fingerprint: The same on every push that keeps what it remarks on, wherever its line moves to.
        help_url: Where the rule is explained.
        also: Other reviewers who say the same, as ``reviewer rule``.
    """

    reviewer: str
    rule: str
    category: Category
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    path: str
    start_line: int = Field(ge=1)
    end_line: int = Field(ge=1)
    message: str
    symbol: str = ""
    fingerprint: str = ""
    help_url: str = ""
    suggestion: Suggestion | None = None
    also: tuple[str, ...] = ()


def fingerprint(rule: str, path: str, symbol: str, snippet: str) -> str:
    """Return what identifies a finding: never its line number, which moves with every push.

    Args:
        rule: The reviewer's name for what it found.
        path: Of the file.
        symbol: The function or class around it.
        snippet: The lines that it is about; how they are indented does not matter.
    """
    words = " ".join(snippet.split())
    text = "\0".join((rule, path, symbol, words))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
