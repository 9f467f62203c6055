"""A unified diff, by file and by line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


@dataclass(frozen=True)
class Hunk:
    """A piece of a diff.

    Attributes:
        start: Its first line in the file as it is after the change.
        end: Its last one; ``start - 1`` where lines were only taken out.
        text: Its lines, without the head that says where they are.
    """

    start: int
    end: int
    text: str


def hunks_by_file(diff: bytes) -> Mapping[str, tuple[Hunk, ...]]:
    """Return the pieces of a diff of git's, by the path of the file after the change.

    Lines of a hunk are counted, not looked at: a changed file may hold lines that look like a diff.
    """
    found: dict[str, list[Hunk]] = {}
    lines = iter(diff.decode("utf-8", errors="replace").split("\n"))
    path = ""
    for line in lines:
        if line.startswith("diff --git "):
            path = ""
        elif line.startswith("+++ "):
            path = _path_of(line[4:])
        elif (head := _HUNK.match(line)) and path:
            found.setdefault(path, []).append(_hunk(head, lines))
    return {path: tuple(hunks) for path, hunks in found.items()}


def _hunk(head: re.Match[str], lines: Iterator[str]) -> Hunk:
    old, start, new = int(head[1] or 1), int(head[2]), int(head[3] or 1)
    end = start + new - 1
    text: list[str] = []
    while old > 0 or new > 0:
        line = next(lines, None)
        if line is None:
            break
        if not line.startswith("\\"):
            old -= not line.startswith("+")
            new -= not line.startswith("-")
        text.append(line)
    return Hunk(start, end, "\n".join(text))


def _path_of(text: str) -> str:
    name = text.rstrip("\t")
    if name.startswith('"') and name.endswith('"'):
        # Git writes what is not plain ASCII as C does: "b/\303\244.py".
        raw = name[1:-1].encode("latin-1", errors="replace").decode("unicode_escape")
        name = raw.encode("latin-1", errors="replace").decode("utf-8", errors="replace")
    return name.removeprefix("b/") if name != "/dev/null" else ""
