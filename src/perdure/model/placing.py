"""Where in a pull request's diff a finding is said.

GitHub refuses a whole review for one comment whose line is not in the diff. So every comment gets a line that
is: the finding's own, else the nearest of the same hunk, else the nearest of the file; what has none is said
in the review's summary. (Comments on a file as a whole exist, but not inside a review.)
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from perdure.model.base import Model

_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@")


class Nearness(StrEnum):
    """How near to its finding a comment stands."""

    EXACT = "exact"
    HUNK = "hunk"
    FILE = "file"


class Hunk(Model):
    """Lines of a file after a change that its diff shows, without a gap."""

    start: int
    end: int

    def distance(self, start: int, end: int) -> int:
        """Return how many lines lie between; 0 where they overlap."""
        return max(self.start - end, start - self.end, 0)


class Place(Model):
    """Lines of a diff that a comment can stand on."""

    line: int
    start_line: int | None = None
    nearness: Nearness = Nearness.EXACT


def hunks_of(patch: str | None) -> tuple[Hunk, ...]:
    """Return the lines that a patch shows of the file as it is after the change.

    They are counted, not taken from the headers: a patch may be cut off.
    """
    found: list[Hunk] = []
    first = last = 0
    for text in (patch or "").split("\n"):
        if match := _HUNK.match(text):
            if last >= first > 0:
                found.append(Hunk(start=first, end=last))
            first = int(match[1])
            last = first - 1
        elif text.startswith(("+", " ")):
            last += 1
    if last >= first > 0:
        found.append(Hunk(start=first, end=last))
    return tuple(found)


def place(start: int, end: int, hunks: Sequence[Hunk]) -> Place | None:
    """Return where a finding about these lines is said, or ``None`` where the diff has no place for it."""
    if not hunks:
        return None
    hunk = min(hunks, key=lambda each: each.distance(start, end))
    if hunk.distance(start, end) > 0:
        line = hunk.start if start < hunk.start else hunk.end
        return Place(line=line, nearness=Nearness.FILE)
    low, high = max(start, hunk.start), min(max(start, end), hunk.end)
    is_whole = (low, high) == (start, max(start, end))
    return Place(
        line=high,
        start_line=low if low < high else None,
        nearness=Nearness.EXACT if is_whole else Nearness.HUNK,
    )
