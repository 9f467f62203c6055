"""A change, cut into parts that a model can judge: each the code around some added lines.

A part's id is a digest of everything that a reviewer is shown, with lines counted from the part's own first
one. So what only moved within its file was reviewed already, and is not paid for again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from perdure.ai.definitions import definitions_in
from perdure.ai.hunks import Hunk
from perdure.ai.reviewers.text_edits import git_lines
from perdure.ai.syntax import Symbol, language_of
from perdure.model.review import ChangedFile, LineRange, RelatedChunk, ReviewUnit

LONGEST_SYMBOL: Final = 160
"""Lines of a function or class that is shown whole."""

LONGEST_UNIT: Final = 300
"""Lines."""

SHORTENED: Final = " …\n"
"""How a line ends of which only the beginning is shown."""

_CONTEXT: Final = 20
_LARGEST_GAP: Final = 30
_LONGEST_LINE: Final = 500
_MOST_CHARACTERS: Final = 40_000


def units_of(file: ChangedFile, tree: Path, hunks: Sequence[Hunk]) -> tuple[ReviewUnit, ...]:
    """Return the parts of a file that are to be reviewed; none where nothing was added.

    Args:
        file: What was changed.
        tree: The folder with all files after the change.
        hunks: The file's part of the diff; none where everything is reviewed.
    """
    content = (tree / file.path).read_bytes()
    lines = git_lines(content.decode("utf-8", errors="replace"))
    symbols = definitions_in(content, file.path)
    added = [each for each in file.added if each.start <= len(lines)]
    regions = _joined([_around(each, symbols, len(lines)) for each in added])
    parts = [part for region in regions for part in _cut(region, symbols, lines)]
    return tuple(
        ReviewUnit(
            path=file.path,
            language=language_of(file.path),
            symbol=_whole_of(part, symbols),
            start_line=part.start,
            text="".join(_shortened(line) for line in lines[part.start - 1 : part.end]),
            hunks="\n@@\n".join(
                hunk.text[:_MOST_CHARACTERS]
                for hunk in hunks
                if hunk.start <= part.end and hunk.end >= part.start
            ),
            added=inside,
        )
        for part in parts
        if (inside := _inside(added, part))
    )


def unit_id(unit: ReviewUnit) -> str:
    """Return the digest of what a reviewer is shown."""
    shown = {
        "path": unit.path,
        "language": unit.language,
        "symbol": unit.symbol,
        "text": unit.text,
        "hunks": unit.hunks,
        "added": [(each.start - unit.start_line, each.end - unit.start_line) for each in unit.added],
        "related": [_shown(chunk) for chunk in unit.related],
    }
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def halves_of(unit: ReviewUnit) -> tuple[ReviewUnit, ...]:
    """Cut a part in two that is too long for every model; what has one line stays as it is."""
    lines = git_lines(unit.text)
    if len(lines) < 2:
        return (unit,)
    middle = len(lines) // 2
    halves = []
    for first, last in ((0, middle), (middle, len(lines))):
        part = LineRange(start=unit.start_line + first, end=unit.start_line + last - 1)
        if inside := _inside(unit.added, part):
            # Without the diff and what is related: they may be what is too long.
            halves.append(
                unit.model_copy(
                    update={
                        "start_line": part.start,
                        "text": "".join(lines[first:last]),
                        "added": inside,
                        "hunks": "",
                        "related": (),
                    }
                )
            )
    return tuple(halves)


def _shown(chunk: RelatedChunk) -> Mapping[str, str]:
    return {"path": chunk.path, "symbol": chunk.symbol, "text": chunk.text}


def _around(added: LineRange, symbols: Sequence[Symbol], count: int) -> LineRange:
    """Return the largest function or class around added lines that is not too long, else some lines."""
    fitting = [
        symbol
        for symbol in symbols
        if symbol.start_line <= added.start <= symbol.end_line
        and symbol.end_line - symbol.start_line < LONGEST_SYMBOL
    ]
    if fitting:
        widest = max(fitting, key=lambda symbol: symbol.end_line - symbol.start_line)
        start, end = widest.start_line, widest.end_line
    else:
        start, end = added.start - _CONTEXT, added.end + _CONTEXT
    return LineRange(
        start=max(min(start, added.start), 1), end=min(max(end, added.end), max(count, added.start))
    )


def _joined(regions: Sequence[LineRange]) -> list[LineRange]:
    joined: list[LineRange] = []
    for region in sorted(regions, key=lambda each: each.start):
        before = joined[-1] if joined else None
        end = max(before.end, region.end) if before else region.end
        is_near = before is not None and region.start - before.end <= _LARGEST_GAP
        overlaps = before is not None and region.start <= before.end
        if before is not None and (overlaps or (is_near and end - before.start < LONGEST_UNIT)):
            joined[-1] = LineRange(start=before.start, end=end)
        else:
            joined.append(region)
    return joined


def _cut(region: LineRange, symbols: Sequence[Symbol], lines: Sequence[str]) -> list[LineRange]:
    """Cut what is too long, where a function or class begins if one does."""
    begins = {symbol.start_line for symbol in symbols}
    parts = []
    start = region.start
    while start <= region.end:
        end = _last_line(start, region.end, lines)
        if end < region.end:
            # Not in the first half: that would make many small parts.
            better = [line for line in begins if start + (end - start) // 2 < line <= end]
            end = max(better, default=end + 1) - 1
        parts.append(LineRange(start=start, end=end))
        start = end + 1
    return parts


def _last_line(start: int, end: int, lines: Sequence[str]) -> int:
    size = 0
    for line in range(start, min(end, start + LONGEST_UNIT - 1) + 1):
        size += min(len(lines[line - 1]), _LONGEST_LINE)
        if size > _MOST_CHARACTERS and line > start:
            return line - 1
    return min(end, start + LONGEST_UNIT - 1)


def _whole_of(part: LineRange, symbols: Sequence[Symbol]) -> str:
    around = [symbol for symbol in symbols if symbol.start_line <= part.start and symbol.end_line >= part.end]
    return min(around, key=lambda symbol: symbol.end_line - symbol.start_line).name if around else ""


def _inside(added: Sequence[LineRange], part: LineRange) -> tuple[LineRange, ...]:
    return tuple(
        LineRange(start=max(each.start, part.start), end=min(each.end, part.end))
        for each in added
        if each.start <= part.end and each.end >= part.start
    )


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + SHORTENED
