"""Files that nobody wrote by hand: a model is not asked about them, and the report says so."""

import re
from pathlib import Path
from typing import Final

from perdure.model.review import ChangedFile, FileStatus

_VENDORED: Final = re.compile(
    r"(?:^|/)(?:node_modules|vendor|vendored|third[_-]party|bower_components|site-packages|\.yarn)/"
)
_GENERATED: Final = re.compile(
    r"(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|uv\.lock"
    r"|pdm\.lock|Pipfile\.lock|Cargo\.lock|Gemfile\.lock|composer\.lock|go\.sum|flake\.lock|gradle\.lockfile"
    r"|requirements[^/]*\.lock)$"
    r"|\.min\.(?:js|css)$|\.map$|_pb2(?:_grpc)?\.pyi?$|\.pb\.(?:go|cc|h)$|\.g\.dart$|\.snap$",
)
_MARK: Final = re.compile(rb"@generated\b|\bcode generated\b.{0,80}\bdo not edit\b", re.IGNORECASE)
_FIRST_BYTES: Final = 2_000
_LONGEST_AVERAGE_LINE: Final = 400


def why_not_reviewed(file: ChangedFile, tree: Path, *, largest: int) -> str:
    """Return why no model is asked about a file; empty if one is.

    A file that says of itself that it was generated is believed: nothing is lost, for a review that left
    something out never passes.
    """
    if file.unreadable:
        return file.unreadable
    if file.is_binary:
        return "binary"
    if file.status is FileStatus.REMOVED:
        return ""
    if _VENDORED.search(file.path):
        return "vendored: somebody else's code"
    if _GENERATED.search(file.path):
        return "generated"
    return _by_content(tree / file.path, file.size, largest)


def _by_content(path: Path, size: int, largest: int) -> str:
    if size > largest:
        return f"too large: {size:,} bytes"
    try:
        content = path.read_bytes()
    except OSError:
        return "cannot be read"
    if b"\0" in content[:8_000]:
        return "binary"
    if _MARK.search(content[:_FIRST_BYTES]):
        return "generated"
    lines = content.count(b"\n") + 1
    return (
        "generated: its lines are too long to be read" if len(content) / lines > _LONGEST_AVERAGE_LINE else ""
    )
