"""Places for new text between lines that stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from perdure.workflow_file.document import Document, Entry, Mapping
from perdure.workflow_file.wishes import CannotMendError


@dataclass(frozen=True)
class Splice:
    """Text that takes the place of other text, or comes between it.

    Attributes:
        start: Index of the first character that goes.
        end: Index behind the last one; the same where nothing goes.
    """

    start: int
    end: int
    text: str


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """Return a text with every splice in it; those at one place stand in the order in which they came."""
    parts, at = [], 0
    for splice in sorted(splices, key=lambda each: each.start):
        if splice.start < at:
            raise CannotMendError("two changes meet in one place")
        parts += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*parts, text[at:]])


def line_end(text: str, place: int) -> int:
    """Return the index behind the line that a place is in."""
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def is_alone(text: str, entry: Entry) -> bool:
    """Say whether an entry stands on one line."""
    return "\n" not in text[entry.key.start : entry.value.end]


def lines_at(document: Document, place: int, lines: Iterable[str]) -> Splice:
    """Return new lines behind the line that a place is in, whatever else stands in that line."""
    where = line_end(document.text, place)
    new = document.newline.join(lines)
    if where and document.text[where - 1] != "\n":
        return Splice(where, where, document.newline + new)
    return Splice(where, where, new + document.newline)


def new_key(document: Document, mapping: Mapping, line: str, *, after: Iterable[str]) -> Splice:
    """Return a splice that adds a key of one line to a mapping.

    It stands behind one of the keys ``after``, the first that is there; else behind the first key where that
    is one line, so that nobody looks for it below a long script; else before it.

    Raises:
        CannotMendError: There is no place.
    """
    if not mapping.entries:
        raise CannotMendError("nothing stands there")
    text = document.text
    first = next(iter(mapping.entries.values()))
    anchor = next((mapping.entries[name] for name in after if name in mapping.entries), None)
    if anchor is None and (mapping.is_flow or is_alone(text, first)):
        anchor = first
    if mapping.is_flow:
        place = (anchor or first).value.end
        return Splice(place, place, f", {line}")
    indent = " " * first.key.column
    if anchor is not None:
        return lines_at(document, anchor.value.end, [indent + line])
    before = text[text.rfind("\n", 0, first.key.start) + 1 : first.key.start]
    if before.strip(" "):
        # It begins behind a hyphen: what is above explains the whole.
        return Splice(first.key.start, first.key.start, line + document.newline + indent)
    return lines_at(document, _parent_end(text, first.key.start), [indent + line])


def _parent_end(text: str, place: int) -> int:
    """Return a place in the last line above that is neither blank nor a comment."""
    begin = text.rfind("\n", 0, place) + 1
    while begin > 0:
        end = begin - 1
        begin = text.rfind("\n", 0, end) + 1
        line = text[begin:end].strip()
        if line and not line.startswith("#"):
            return begin
    raise CannotMendError("there is no line above")
