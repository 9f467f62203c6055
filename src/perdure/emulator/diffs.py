"""What lies between two commits, as git tells it and as GitHub shows it.

https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files
"""

import re
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from perdure.emulator.repositories import git

_STATUSES = {"A": "added", "D": "removed", "R": "renamed", "C": "copied"}
_SECTION = re.compile(r"^(?=diff --git )", re.MULTILINE)
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_OPTIONS = ("--no-color", "--no-ext-diff", "--find-renames", "--full-index")


@dataclass(frozen=True)
class DiffLine:
    """One line of a patch; ``position`` counts from the line below the first ``@@``."""

    position: int
    hunk: int
    old: int | None
    new: int | None

    def number(self, side: str) -> int | None:
        """Return its number on one side of the diff."""
        return self.old if side == "LEFT" else self.new


@dataclass(frozen=True)
class DiffFile:
    """One file of a diff; ``patch`` is None for a binary file and for one whose content is the same."""

    path: str
    previous_path: str | None
    status: str
    blob_sha: str
    patch: str | None
    lines: tuple[DiffLine, ...] = field(default=())

    @property
    def additions(self) -> int:
        """How many lines were added."""
        return sum(line.old is None for line in self.lines)

    @property
    def deletions(self) -> int:
        """How many lines were taken out."""
        return sum(line.new is None for line in self.lines)

    def at(self, line: int, side: str) -> DiffLine | None:
        """Find a line by its number on one side."""
        return next((one for one in self.lines if one.number(side) == line), None)

    def hunk_until(self, position: int) -> str:
        """Return the hunk of a line, from its header to the line itself."""
        text = (self.patch or "").split("\n")
        start = max(at for at in range(position + 1) if text[at].startswith("@@"))
        return "\n".join(text[start : position + 1])


@lru_cache(maxsize=256)
def diff_text(folder: Path, base: str, head: str) -> str:
    """Return the unified diff from the merge base of two commits to the second of them."""
    return _diff(folder, base, head).decode(errors="replace")


@lru_cache(maxsize=256)
def diff_files(folder: Path, base: str, head: str) -> tuple[DiffFile, ...]:
    """Return the files of that diff."""
    raw = _diff(folder, base, head, "--raw", "-z").decode(errors="replace").split("\0")
    sections = [text for text in _SECTION.split(diff_text(folder, base, head)) if text]
    found: list[DiffFile] = []
    at = 0
    while at < len(raw) - 1:
        _, _, before, after, status = raw[at].removeprefix(":").split(" ")
        names = 2 if status[0] in "RC" else 1
        path, at = raw[at + names], at + 1 + names
        patch = _patch(sections[len(found)]) if len(found) < len(sections) else None
        found.append(
            DiffFile(
                path=path,
                previous_path=raw[at - 2] if names == 2 else None,
                status=_STATUSES.get(status[0], "modified"),
                blob_sha=before if status[0] == "D" else after,
                patch=patch,
                lines=tuple(_lines(patch)) if patch else (),
            )
        )
    return tuple(found)


def merge_base(folder: Path, base: str, head: str) -> str | None:
    """Return the commit that two have in common, or None."""
    return git(folder, "merge-base", base, head, check=False).decode().strip() or None


def is_ancestor(folder: Path, old: str, new: str) -> bool:
    """Say whether one commit can be reached from another."""
    try:
        git(folder, "merge-base", "--is-ancestor", old, new)
    except subprocess.CalledProcessError:
        return False
    return True


@lru_cache(maxsize=256)
def merges_cleanly(folder: Path, base: str, head: str) -> bool:
    """Say whether two commits can be merged without a conflict."""
    try:
        git(folder, "merge-tree", "--write-tree", base, head)
    except subprocess.CalledProcessError:
        return False
    return True


def commits_between(folder: Path, base: str, head: str) -> list[str]:
    """Return the commits of a pull request, oldest first."""
    return git(folder, "rev-list", "--reverse", f"{base}..{head}", check=False).decode().split()


def _diff(folder: Path, base: str, head: str, *options: str) -> bytes:
    start = merge_base(folder, base, head) or base
    return git(folder, "-c", "core.quotePath=false", "diff", *_OPTIONS, *options, start, head, check=False)


def _patch(section: str) -> str | None:
    at = section.find("\n@@ ")
    return section[at + 1 :].removesuffix("\n") if at >= 0 else None


def _lines(patch: str) -> list[DiffLine]:
    found: list[DiffLine] = []
    old = new = hunk = 0
    for position, text in enumerate(patch.split("\n")):
        if match := _HUNK.match(text):
            hunk, old, new = position, int(match[1]), int(match[2])
        elif text.startswith("+"):
            found.append(DiffLine(position, hunk, None, new))
            new += 1
        elif text.startswith("-"):
            found.append(DiffLine(position, hunk, old, None))
            old += 1
        elif not text.startswith("\\"):
            found.append(DiffLine(position, hunk, old, new))
            old, new = old + 1, new + 1
    return found
