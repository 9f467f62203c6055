"""Keeps a folder of fetched things within its size: what was used longest ago goes first."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

KEPT_FOR = timedelta(hours=1)
"""What was used within this time stays, whatever the folder takes: somebody may be reading it."""

_USED = ".used"
_SIZE = ".size"


@dataclass(frozen=True)
class _Kept:
    folder: Path
    used_at: float
    size: int


def mark_used(folder: Path) -> None:
    """Take note that somebody uses this folder now."""
    with contextlib.suppress(OSError):
        (folder / _USED).touch()


def record_size(folder: Path) -> None:
    """Take note of what a folder takes that will not change any more: to count it again takes long."""
    (folder / _SIZE).write_text(str(_counted(folder)))


def shrink(folders: Sequence[Path], limit: int, *, now: float | None = None) -> list[Path]:
    """Remove folders until the others take no more than the limit, and return which. Blocks."""
    now = time.time() if now is None else now
    kept = sorted(_measured(folders), key=lambda one: one.used_at)
    total = sum(one.size for one in kept)
    removed = []
    for one in kept:
        if total <= limit or one.used_at > now - KEPT_FOR.total_seconds():
            break
        _remove(one.folder)
        removed.append(one.folder)
        total -= one.size
    return removed


def _measured(folders: Sequence[Path]) -> Iterator[_Kept]:
    for folder in folders:
        try:
            used_at = (folder / _USED).stat().st_mtime
        except OSError:
            used_at = folder.stat().st_mtime if folder.exists() else 0
        yield _Kept(folder, used_at, _size(folder))


def _size(folder: Path) -> int:
    try:
        return int((folder / _SIZE).read_text())
    except (OSError, ValueError):
        return _counted(folder)


def _counted(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(place) / name).lstat().st_blocks * 512
    return total


def _remove(folder: Path) -> None:
    # Renamed first: nobody finds half of it under its name.
    away = folder.with_name(f".removed-{folder.name}-{os.getpid()}-{time.monotonic_ns()}")
    with contextlib.suppress(OSError):
        folder.rename(away)
        shutil.rmtree(away, ignore_errors=True)
