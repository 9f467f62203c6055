"""The files of a commit, copied out of git's objects into a folder.

Git's own checkout obeys attributes that the commit brings along: a file may be turned into UTF-16, run
through a program or left out. A review has to see the bytes that are there. So they are copied as they are;
what is no ordinary file is named and left out, so that nothing in the folder leads outside it.
"""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Final

from pydantic import TypeAdapter

from perdure.ai.git import GitDirectory, GitError, git_environment
from perdure.errors import InvalidRepositoryError
from perdure.model.base import Model

LARGEST_FILE: Final = 5_000_000
"""Bytes; a larger file is named and left out."""

_FIRST_BYTES = 8000
"""Git takes a file for binary that has a zero byte among them."""

_ASKED_AT_ONCE = 500
_TIMEOUT = timedelta(minutes=10)
_LONGEST_NAME = 255


class ListedFile(Model):
    """One entry of a tree.

    Attributes:
        lines: How many it has; 0 for what is not text.
        unreadable: Why it is not in the folder; empty where it is.
    """

    path: str
    size: int = 0
    lines: int = 0
    is_binary: bool = False
    unreadable: str = ""


LISTING: Final = TypeAdapter(tuple[ListedFile, ...])


@dataclass(frozen=True)
class _Entry:
    mode: str
    sha: str
    size: int
    path: str
    is_utf8: bool


def write_tree(
    git: GitDirectory,
    tree: str,
    folder: Path,
    *,
    limit: int,
    environment: Mapping[str, str] | None = None,
) -> tuple[ListedFile, ...]:
    """Copy a tree's files into a folder that does not exist yet. Blocks.

    Args:
        git: Where the objects are.
        tree: A commit or a tree.
        folder: It is made.
        limit: What all files may take together, in bytes.
        environment: Where git finds objects that are not its own.

    Raises:
        InvalidRepositoryError: The files take more than the limit.
        GitError: Git failed, or it took too long.
    """
    folder.mkdir(parents=True)
    environment = {**git_environment(), **(environment or {})}
    entries = list(_entries(git, tree, environment))
    total = sum(entry.size for entry in entries if not _unreadable(entry))
    if total > limit:
        raise InvalidRepositoryError(
            f"its files take {total // 1_000_000:,} MB, and {limit // 1_000_000:,} MB are allowed",
            hint="raise [index] repositories_megabytes",
        )
    readable = [entry for entry in entries if not _unreadable(entry)]
    written = {
        entry.path: _write(folder, entry, content) for entry, content in _contents(git, readable, environment)
    }
    return tuple(
        written.get(entry.path)
        or ListedFile(
            path=entry.path, size=entry.size, unreadable=_unreadable(entry) or "cannot be named here"
        )
        for entry in entries
    )


def _entries(git: GitDirectory, tree: str, environment: Mapping[str, str]) -> Iterator[_Entry]:
    command = git.command("ls-tree", "-r", "-z", "-l", "--full-tree", tree)
    listed = subprocess.run(command, env=environment, capture_output=True, check=False)
    if listed.returncode:
        raise GitError(listed.stderr.decode(errors="replace").strip())
    for record in listed.stdout.split(b"\0"):
        head, _, path = record.partition(b"\t")
        if not path:
            continue
        mode, _, sha, size = head.decode().split()
        text = path.decode(errors="replace")
        yield _Entry(mode, sha, 0 if size == "-" else int(size), text, text.encode() == path)


def _unreadable(entry: _Entry) -> str:
    if entry.mode == "160000":
        return "a submodule"
    if entry.mode == "120000":
        return "a symbolic link"
    if not entry.is_utf8:
        return "its name is not UTF-8"
    if entry.size > LARGEST_FILE:
        return f"larger than {LARGEST_FILE // 1_000_000} MB"
    return "" if is_inside(entry.path) else "its path leads out of the repository"


def is_inside(path: str) -> bool:
    """Say whether a path from a stranger is one of an ordinary file below a folder."""
    parts = path.split("/")
    return all(
        part not in {"", ".", ".."} and part.lower() != ".git" and len(part.encode()) <= _LONGEST_NAME
        for part in parts
    )


def _contents(
    git: GitDirectory, entries: Sequence[_Entry], environment: Mapping[str, str]
) -> Iterator[tuple[_Entry, bytes]]:
    end = time.monotonic() + _TIMEOUT.total_seconds()
    process = subprocess.Popen(
        git.command("cat-file", "--batch"),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        asks, answers = process.stdin, process.stdout
        if asks is None or answers is None:
            raise GitError("git has no pipes")
        try:
            # A part at a time: neither side may wait for the other with a full pipe.
            for first in range(0, len(entries), _ASKED_AT_ONCE):
                part = entries[first : first + _ASKED_AT_ONCE]
                asks.write("".join(f"{entry.sha}\n" for entry in part).encode())
                asks.flush()
                for entry in part:
                    if time.monotonic() > end:
                        raise GitError(f"its files were not read within {_TIMEOUT}", was_slow=True)
                    yield entry, _read_object(answers)
        finally:
            process.kill()


def _read_object(answers: IO[bytes]) -> bytes:
    head = answers.readline().decode(errors="replace").split()
    if len(head) != 3:
        raise GitError(f"an object is missing: {' '.join(head)}")
    content = answers.read(int(head[2]))
    answers.read(1)
    return content


def _write(folder: Path, entry: _Entry, content: bytes) -> ListedFile | None:
    target = folder / entry.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Never over what is there: names that differ only for git may be one name here.
        with target.open("xb") as file:
            file.write(content)
    except OSError:
        return None
    is_binary = b"\0" in content[:_FIRST_BYTES]
    lines = 0 if is_binary else content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    return ListedFile(path=entry.path, size=entry.size, lines=lines, is_binary=is_binary)
