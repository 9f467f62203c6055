"""Who was started by whom, from /proc; where there is none, process groups have to do."""

from collections import defaultdict
from pathlib import Path

_PROC = Path("/proc")


def descendants(root: int) -> list[int]:
    """List the processes that a process started, and those that they started; direct children first."""
    quick = _children(root)
    if quick == []:
        return []
    by_parent: defaultdict[int, list[int]] = defaultdict(list)
    for folder in _PROC.glob("[0-9]*"):
        parent = _parent(folder)
        if parent is not None:
            by_parent[parent].append(int(folder.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        children = by_parent[waiting.pop(0)]
        found += children
        waiting += children
    return found


def _children(pid: int) -> list[int] | None:
    # Not every kernel keeps this list: None where it does not.
    try:
        return [int(child) for child in (_PROC / f"{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return None


def _parent(folder: Path) -> int | None:
    try:
        # The command's name stands in parentheses and may itself contain any of them.
        return int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def processes_with(marker: bytes) -> list[int]:
    """List the processes that carry a text in their environment, whoever their parent is by now."""
    found = []
    for folder in _PROC.glob("[0-9]*"):
        try:
            if marker in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
