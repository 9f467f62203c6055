"""Suggestions become a file's new content, or a reason why they do not.

A suggestion counts lines of the file as it was reviewed. So it is applied to exactly that content, whole
lines at a time, all of it or none; of two that touch the same lines the first wins and the other is said to
be left out, because nobody has approved what both would come to.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from perdure.model.findings import Edit, Finding
from perdure.model.fixing import SkippedFix
from perdure.model.review_marks import key_of

_NO_TEXT = "the file is no UTF-8 text with plain line ends"


@dataclass(frozen=True)
class FixedText:
    """A file's new content, and what became of each suggestion.

    Attributes:
        content: The same as before where nothing could be applied.
        applied: Fingerprints.
    """

    content: bytes
    applied: tuple[str, ...]
    skipped: tuple[SkippedFix, ...]


def is_plain_path(path: str) -> bool:
    """Say whether a path names a file inside a repository and outside git's own folder."""
    parts = path.split("/")
    return all(
        part not in {"", ".", ".."} and part.lower() != ".git" and not set(part) & set("\\\0\n\r")
        for part in parts
    )


def fix_text(content: bytes, findings: Sequence[Finding]) -> FixedText:
    """Return a file with the suggestions of these findings applied.

    Args:
        content: The file as it was reviewed.
        findings: Of this file, in the order in which they count.
    """
    lines = _lines(content)
    if lines is None:
        skipped = tuple(SkippedFix(fingerprint=key_of(each), reason=_NO_TEXT) for each in findings)
        return FixedText(content=content, applied=(), skipped=skipped)
    taken: list[Edit] = []
    applied, left_out = [], []
    for finding in findings:
        edits = finding.suggestion.edits if finding.suggestion else ()
        reason = _why_not(edits, len(lines), taken)
        if reason:
            left_out.append(SkippedFix(fingerprint=key_of(finding), reason=reason))
        else:
            applied.append(key_of(finding))
            taken += [edit for edit in edits if edit not in taken]
    text = _replace(lines, taken)
    return FixedText(content=text.encode(), applied=tuple(applied), skipped=tuple(left_out))


def new_findings(before: Sequence[Finding], after: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return what reviewers say of a fixed file that they did not say of it before."""
    known = {key_of(finding) for finding in before}
    return tuple(finding for finding in after if key_of(finding) not in known)


def _lines(content: bytes) -> list[str] | None:
    """Return lines as reviewers count them, or ``None`` for what is not text that they can count."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text or re.search(r"\r(?!\n)", text):
        return None
    # Not splitlines(), which also splits at form feeds and other rare characters.
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _why_not(edits: Sequence[Edit], count: int, taken: Sequence[Edit]) -> str:
    if not edits:
        return "it suggests nothing"
    for edit in edits:
        if edit.end_line > count or edit.start_line > count + 1 or edit.end_line < edit.start_line - 1:
            return f"it changes lines {edit.start_line} to {edit.end_line} of a file of {count}"
    ordered = sorted(edits, key=lambda edit: (edit.start_line, edit.end_line))
    if any(_overlap(one, other) for one, other in pairwise(ordered)):
        return "its own changes overlap"
    if any(_overlap(edit, other) for edit in edits for other in taken if edit != other):
        return "it changes lines that another suggestion changes"
    return ""


def _overlap(one: Edit, other: Edit) -> bool:
    """Say whether two edits touch the same lines, or put lines in at the same place."""
    if one.start_line == other.start_line:
        return True
    first, second = sorted((one, other), key=lambda edit: edit.start_line)
    return second.start_line <= first.end_line


def _replace(lines: Sequence[str], edits: Sequence[Edit]) -> str:
    result = list(lines)
    line_end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for edit in sorted(edits, key=lambda each: each.start_line, reverse=True):
        text = edit.replacement.replace("\r\n", "\n")
        is_last = edit.end_line >= len(lines)
        if text and not text.endswith("\n") and not is_last:
            text += "\n"
        if edit.start_line > len(lines) and lines and not lines[-1].endswith("\n"):
            text = "\n" + text
        result[edit.start_line - 1 : edit.end_line] = [text.replace("\n", line_end)]
    return "".join(result)
