"""What was changed between two trees: which files, and which of their lines are new."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final

from perdure.ai.git import GitDirectory
from perdure.ai.trees import ListedFile
from perdure.errors import InvalidRepositoryError
from perdure.model.review import ChangedFile, FileStatus, LineRange

EMPTY_TREE: Final = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Git's name for no files at all."""

LARGEST_DIFF: Final = 256_000_000
"""Bytes that a worker takes into memory."""

_OPTIONS = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--full-index"),
    *("--ignore-submodules=none", "--submodule=short"),
)
_TIMEOUT = timedelta(minutes=5)
_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_STATUS = {"A": FileStatus.ADDED, "D": FileStatus.REMOVED, "R": FileStatus.RENAMED, "C": FileStatus.ADDED}


@dataclass(frozen=True)
class Diff:
    """A change as unified diff, and what it does to each file."""

    text: bytes
    files: tuple[ChangedFile, ...]


async def read_diff(
    git: GitDirectory,
    base: str,
    head: str,
    listed: Sequence[ListedFile],
    *,
    environment: Mapping[str, str] | None = None,
) -> Diff:
    """Compare two trees.

    Args:
        git: Where their objects are.
        base: What was there before.
        head: What is there now.
        listed: What ``head`` holds.
        environment: Where git finds objects that are not its own.

    Raises:
        InvalidRepositoryError: The diff is larger than a worker can take.
        GitError: Git failed.
    """
    raw = await git.run(
        "diff", "--raw", "-z", *_OPTIONS, base, head, timeout=_TIMEOUT, environment=environment
    )
    text = await git.run(
        "diff", "--patch", "--unified=3", *_OPTIONS, base, head, timeout=_TIMEOUT, environment=environment
    )
    if len(text) > LARGEST_DIFF:
        raise InvalidRepositoryError(
            f"the diff takes {len(text) // 1_000_000:,} MB, and {LARGEST_DIFF // 1_000_000} MB are allowed",
            hint="review the whole repository instead, or a part of the change",
        )
    return Diff(text, changed_files(raw, text, listed))


def changed_files(raw: bytes, text: bytes, listed: Sequence[ListedFile]) -> tuple[ChangedFile, ...]:
    """Put together what git says about files and about lines.

    Args:
        raw: ``git diff --raw -z``: the names are beyond doubt here.
        text: The unified diff of the same files, in the same order.
        listed: What the tree holds after the change.
    """
    known = {file.path: file for file in listed}
    sections = list(_sections(text))
    found = []
    # Git leaves files out of the text whose mode alone has changed into a submodule's; none else.
    for number, (path, status) in enumerate(_raw_files(raw)):
        added = sections[number].added if number < len(sections) else ()
        says_binary = number < len(sections) and sections[number].is_binary
        after = known.get(path, ListedFile(path=path))
        found.append(
            ChangedFile(
                path=path,
                status=status,
                added=added,
                is_binary=after.is_binary or says_binary,
                size=after.size,
                unreadable="" if status is FileStatus.REMOVED else after.unreadable,
            )
        )
    return tuple(found)


def whole_tree(listed: Sequence[ListedFile]) -> tuple[ChangedFile, ...]:
    """Return a tree's files as if all their lines were new."""
    return tuple(
        ChangedFile(
            path=file.path,
            status=FileStatus.ADDED,
            added=(LineRange(start=1, end=file.lines),) if file.lines else (),
            is_binary=file.is_binary,
            size=file.size,
            unreadable=file.unreadable,
        )
        for file in listed
    )


@dataclass(frozen=True)
class _Section:
    added: tuple[LineRange, ...]
    is_binary: bool


def _raw_files(raw: bytes) -> Iterator[tuple[str, FileStatus]]:
    fields = iter(raw.split(b"\0"))
    for head in fields:
        if not head:
            continue
        letter = head.split(b" ")[-1][:1].decode()
        path = next(fields)
        if letter in {"R", "C"}:
            path = next(fields)
        yield path.decode(errors="replace"), _STATUS.get(letter, FileStatus.MODIFIED)


def _sections(text: bytes) -> Iterator[_Section]:
    """Cut a diff into its files.

    Lines of a hunk are counted, not looked at: a changed file may hold lines that look like a diff.
    """
    lines = text.split(b"\n")
    at, starts, ranges, is_binary = 0, False, list[LineRange](), False
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith(b"diff --git "):
            if starts:
                yield _Section(tuple(ranges), is_binary)
            starts, ranges, is_binary = True, [], False
        elif line.startswith(b"Binary files ") or line == b"GIT binary patch":
            is_binary = True
        elif hunk := _HUNK.match(line):
            old, first, new = int(hunk[1] or 1), int(hunk[2]), int(hunk[3] or 1)
            at, added = _hunk(lines, at, (old, new), first)
            ranges += added
    if starts:
        yield _Section(tuple(ranges), is_binary)


def _hunk(lines: list[bytes], at: int, counts: tuple[int, int], first: int) -> tuple[int, list[LineRange]]:
    """Read a hunk's lines; return where it ends and which lines it adds."""
    old, new = counts
    number, added = first, list[int]()
    while (old > 0 or new > 0) and at < len(lines):
        mark = lines[at][:1]
        at += 1
        if mark == b"\\":
            continue
        if mark != b"+":
            old -= 1
        if mark != b"-":
            new -= 1
            if mark == b"+":
                added.append(number)
            number += 1
    return at, list(line_ranges(added))


def line_ranges(numbers: Sequence[int]) -> Iterator[LineRange]:
    """Join line numbers, which are sorted, to ranges."""
    if not numbers:
        return
    start = numbers[0]
    for before, after in pairwise([*numbers, -1]):
        if after != before + 1:
            yield LineRange(start=start, end=before)
            start = after
