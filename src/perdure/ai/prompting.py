"""What a model is shown of one part of a change."""

from perdure.ai.reviewers.text_edits import git_lines
from perdure.model.review import RelatedChunk, ReviewUnit


def prompt_for(unit: ReviewUnit, unit_id: str) -> str:
    """Return a unit as text, with everything that strangers wrote between markers.

    The markers carry the unit's digest: whoever wrote the text cannot have known it, and so cannot end it.
    """
    mark = f"data-{unit_id[:20]}"
    where = f"Language: {unit.language}\n" if unit.language else ""
    where += f"Inside: {_plain(unit.symbol)}\n" if unit.symbol else ""
    parts = [f"<{mark}>\nFile: {_plain(unit.path)}\n{where}\n{numbered(unit)}\n</{mark}>"]
    if unit.hunks:
        parts.append(f"The change as a diff:\n\n<{mark}>\n{unit.hunks}\n</{mark}>")
    for chunk in unit.related:
        parts.append(f"Code from elsewhere in the repository:\n\n<{mark}>\n{_titled(chunk)}\n</{mark}>")
    return "\n\n".join(parts)


def numbered(unit: ReviewUnit) -> str:
    """Return the unit's lines with numbers that begin at 1, and a plus before those that were added."""
    added = {line - unit.start_line + 1 for each in unit.added for line in range(each.start, each.end + 1)}
    lines = [line.rstrip("\r\n") for line in git_lines(unit.text)]
    width = len(str(len(lines)))
    return "\n".join(
        f"{'+' if number in added else ' '}{number:>{width}} | {line}"
        for number, line in enumerate(lines, start=1)
    )


def _titled(chunk: RelatedChunk) -> str:
    title = f"{_plain(chunk.path)} {_plain(chunk.symbol)}".strip()
    return f"{title}\n{chunk.text}"


def _plain(name: str) -> str:
    """Keep a name on one line: a path may hold anything but a slash."""
    return " ".join(name.split())
