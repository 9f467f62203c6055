"""What a model may answer, and what of it is believed.

A model that read hostile text may say anything. So its answer can only be about lines that it was shown and
that the change added; it leads nowhere and calls nobody; and it carries no secret out.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from perdure.ai.reviewers.text_edits import git_lines
from perdure.ai.secret_text import holds_secret
from perdure.ai.units import SHORTENED
from perdure.model.findings import Category, Confidence, Edit, Finding, Severity, Suggestion, fingerprint
from perdure.model.review import ReviewUnit

_LONGEST_MESSAGE: Final = 1_000
_LONGEST_READ: Final = 5_000
_LONGEST_REPLACEMENT: Final = 100
_MOST_REMARKS: Final = 20

_IMAGE_OR_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|!?\[([^\]]*)\]\[[^\]]*\]")
_ADDRESS: Final = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\bmailto:\S+", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[a-zA-Z!][^>]*>")
_MENTION: Final = re.compile(r"(?<!\w)@+")
_REFERENCE: Final = re.compile(r"(?<!\w)#+(?=\d)|\bGH-(?=\d)", re.IGNORECASE)


class Remark(BaseModel):
    """One thing that is wrong with the change."""

    model_config = ConfigDict(extra="ignore")

    line: int = Field(description="Number shown before the first line that the remark is about.")
    end_line: int | None = Field(default=None, description="Number before the last one; `line` if left out.")
    category: Literal["bug", "security", "secret", "maintainability"]
    severity: Literal["error", "warning", "note"]
    confidence: Literal["high", "medium", "low"]
    rule: str = Field(description="The kind of mistake, in two to four words joined by `-`.")
    message: str = Field(description="What goes wrong, when and why. At most three sentences.")
    replacement: str | None = Field(
        default=None, description="The whole lines from `line` to `end_line` as they should be."
    )


class Remarks(BaseModel):
    """Everything that is wrong with the change; nothing where nothing is."""

    model_config = ConfigDict(extra="ignore")

    remarks: list[Remark] = Field(description="Empty where nothing is wrong.")


def findings_of(remarks: Iterable[Remark], unit: ReviewUnit) -> tuple[Finding, ...]:
    """Return what is believed of a model's remarks about a unit."""
    lines = git_lines(unit.text)
    found: dict[str, Finding] = {}
    for remark in list(remarks)[:_MOST_REMARKS]:
        finding = _finding(remark, unit, lines)
        if finding is not None:
            # Remarks on equal lines are told apart by their order; the same remark twice is one.
            while (known := found.get(finding.fingerprint)) and known.start_line != finding.start_line:
                again = fingerprint("again", "", "", finding.fingerprint)
                finding = finding.model_copy(update={"fingerprint": again})
            found.setdefault(finding.fingerprint, finding)
    return tuple(found.values())


def plain_text(text: str) -> str:
    """Return a message without links, images, tags, mentions and references."""
    text = "".join(sign for sign in text[:_LONGEST_READ] if sign.isprintable() or sign == "\n")
    # Until nothing changes: what is taken out may have kept apart what becomes a link without it.
    while (plainer := _plainer(text)) != text:
        text = plainer
    text = text.strip()
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"


def _plainer(text: str) -> str:
    text = _IMAGE_OR_LINK.sub(lambda match: match[1] or match[2] or "", text)
    text = _ADDRESS.sub("(address left out)", text)
    return _REFERENCE.sub("", _MENTION.sub("", _TAG.sub("", text)))


def _finding(remark: Remark, unit: ReviewUnit, lines: Sequence[str]) -> Finding | None:
    start, end = remark.line, max(remark.end_line or remark.line, remark.line)
    message = plain_text(remark.message)
    is_shown = 1 <= start <= end <= len(lines)
    if not message or not is_shown or not _is_about_added(start, end, unit) or holds_secret(message):
        return None
    first = unit.start_line + start - 1
    snippet = "".join(lines[start - 1 : min(end, start + 2)])
    category = Category(remark.category)
    return Finding(
        reviewer="model",
        rule=_rule(remark.rule),
        category=category,
        severity=Severity(remark.severity),
        confidence=Confidence(remark.confidence),
        path=unit.path,
        start_line=first,
        end_line=unit.start_line + end - 1,
        message=message,
        symbol=unit.symbol,
        # Not by the rule, which a model words anew each time.
        fingerprint=fingerprint(f"model {category}", unit.path, unit.symbol, snippet),
        suggestion=_suggestion(remark.replacement, first, "".join(lines[start - 1 : end])),
    )


def _is_about_added(start: int, end: int, unit: ReviewUnit) -> bool:
    first = unit.start_line - 1
    return any(each.start - first <= end and start <= each.end - first for each in unit.added)


def _rule(text: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:60].strip("-") or "remark"


def _suggestion(replacement: str | None, first: int, before: str) -> Suggestion | None:
    if not replacement or "\0" in replacement or SHORTENED in before:
        return None
    end = "\r\n" if before.endswith("\r\n") else "\n"
    text = end.join(replacement.splitlines()) + end
    count = len(git_lines(before))
    if text == before or len(git_lines(text)) > _LONGEST_REPLACEMENT or holds_secret(text):
        return None
    return Suggestion(edits=(Edit(start_line=first, end_line=first + count - 1, replacement=text),))
