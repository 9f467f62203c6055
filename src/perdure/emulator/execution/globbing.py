"""File patterns as ``hashFiles`` and upload-artifact understand them, never leaving the folder they start in.

https://github.com/actions/toolkit/tree/main/packages/glob: ``*`` ``?`` ``[...]`` ``**``, ``!`` excludes, a
folder stands for all in it.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from perdure.emulator.execution.expressions import to_text


def hash_files(workspace: Path, patterns: Sequence[object]) -> str:
    """Hash the files that the patterns match; the empty text where there are none."""
    lines = [line for pattern in patterns for line in to_text(pattern).splitlines()]
    total = hashlib.sha256()
    found = False
    for path in matching_files(workspace, lines):
        found = True
        with open_within(path, workspace) as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest() if found else ""


def matching_files(base: Path, lines: Iterable[str], *, within: Path | None = None) -> list[Path]:
    """List files in order of their paths.

    Args:
        base: Where relative patterns start.
        lines: Patterns; those that start with ``!`` take away what earlier ones matched.
        within: Files outside of this folder, links followed, are left out; ``base`` unless given.
    """
    limit = os.path.realpath(within or base)
    found: dict[Path, None] = {}
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        excluding = text.startswith("!")
        pattern = os.path.normpath(os.path.join(base, text.lstrip("!").strip()))
        if excluding:
            matches = _compiled(pattern)
            found = {path: None for path in found if not matches.fullmatch(str(path))}
        else:
            found.update(dict.fromkeys(_files_matching(pattern, limit)))
    return sorted(found)


def open_within(path: Path, folder: Path) -> BufferedReader:
    """Open a file for reading that lies within a folder, links followed.

    It is the opened file that is looked at: a link made between a look and the opening changes nothing.

    Raises:
        OSError: It lies elsewhere, or cannot be opened.
    """
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    opened = f"/proc/self/fd/{file.fileno()}"
    real = os.readlink(opened) if os.path.exists(opened) else os.path.realpath(path)
    if not _inside(real, os.path.realpath(folder)):
        file.close()
        raise OSError(errno.EACCES, "The file lies outside of the job's folder", str(path))
    return file


def search_root(pattern: str) -> str:
    """Give the folder, or the file, up to the first part of a pattern that holds a wildcard."""
    parts = pattern.split(os.sep)
    for index, part in enumerate(parts):
        if re.search(r"[*?\[]", part):
            return os.sep.join(parts[:index]) or os.sep
    return pattern


def _files_matching(pattern: str, limit: str) -> Iterator[Path]:
    root = search_root(pattern)
    if not _inside(root, limit):
        return
    if os.path.isfile(root):
        yield Path(root)
        return
    matches = _compiled(pattern)
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in names:
            path = os.path.join(folder, name)
            if matches.fullmatch(path) and os.path.isfile(path) and _inside(path, limit):
                yield Path(path)


def _inside(path: str, limit: str) -> bool:
    # A step may have made a link to what it must not read.
    real = os.path.realpath(path)
    return real == limit or real.startswith(limit.rstrip(os.sep) + os.sep)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = [_part(part) for part in pattern.strip(os.sep).split(os.sep)]
    # What matches a folder matches everything in it.
    return re.compile("".join(parts) + r"(?:/.*)?", re.DOTALL)


def _part(part: str) -> str:
    if part == "**":
        return r"(?:/[^/]+)*?"
    text = re.escape(part)
    text = text.replace(r"\*\*", "[^/]*").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    text = re.sub(r"\\\[(!?)(.+?)\\\]", lambda match: f"[{'^' if match[1] else ''}{match[2]}]", text)
    return "/" + text
