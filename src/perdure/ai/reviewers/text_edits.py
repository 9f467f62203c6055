"""Edits of characters, as analysers give them, made into edits of whole lines, as people read them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from perdure.model.findings import Edit


class TextEdit(NamedTuple):
    """Characters replaced: from the first place up to the second one. Lines and columns count from 1."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int
    content: str


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends, as analysers count them: form feeds and the like end none."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)


def git_lines(text: str) -> list[str]:
    """Return the lines with their ends, as git and GitHub count them."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def whole_lines(lines: Sequence[str], edits: Sequence[TextEdit]) -> tuple[Edit, ...]:
    """Return the same edits in whole lines; none where they do not fit the text or overlap."""
    made: list[Edit] = []
    for group in _touching(sorted(edits)):
        edit = _merged(lines, group)
        if edit is None:
            return ()
        made.append(edit)
    return tuple(made)


def _touching(edits: Sequence[TextEdit]) -> list[list[TextEdit]]:
    groups: list[list[TextEdit]] = []
    for edit in edits:
        if groups and edit.start_line <= max(before.end_line for before in groups[-1]):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return groups


def _merged(lines: Sequence[str], edits: Sequence[TextEdit]) -> Edit | None:
    first = edits[0].start_line
    last = max(edit.end_line for edit in edits)
    if last > len(lines) + 1:
        return None
    text = "".join(lines[first - 1 : last])
    starts = [0]
    for line in lines[first - 1 : last]:
        starts.append(starts[-1] + len(line))
    place = len(text)
    for edit in reversed(edits):
        start = starts[edit.start_line - first] + edit.start_column - 1
        end = starts[edit.end_line - first] + edit.end_column - 1
        if not 0 <= start <= end <= place:
            return None
        text = text[:start] + edit.content + text[end:]
        place = start
    return _trimmed(lines, first, min(last, len(lines)), text)


def _trimmed(lines: Sequence[str], first: int, last: int, text: str) -> Edit | None:
    """Leave out lines at both ends that stay as they are."""
    after = lines_of(text)
    before = list(lines[first - 1 : last])
    while before and after and before[0] == after[0]:
        before, after, first = before[1:], after[1:], first + 1
    while before and after and before[-1] == after[-1]:
        before, after = before[:-1], after[:-1]
    if before == after:
        return None
    return Edit(start_line=first, end_line=first + len(before) - 1, replacement="".join(after))
