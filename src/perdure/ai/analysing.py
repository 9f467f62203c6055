"""All static reviewers over a change."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from perdure.ai.reviewers import Reviewed, Reviewer
from perdure.ai.reviewers.placing import Places
from perdure.errors import AnalyserError
from perdure.model.findings import Finding
from perdure.model.review import ChangedFile, FileOutcome, FileState, FileStatus
from perdure.model.reviewing import Analysis


async def analyse(tree: Path, files: Sequence[ChangedFile], reviewers: Sequence[Reviewer]) -> Analysis:
    """Return what they find on added lines, and which files none of them could read.

    Args:
        tree: The folder with all files after the change.
        files: What was changed.
        reviewers: Who looks.
    """
    readable = [
        file.path
        for file in files
        if file.status is not FileStatus.REMOVED and not file.is_binary and not file.unreadable
    ]
    found: list[Finding] = []
    looked_at: set[str] = set()
    failed: dict[str, str] = {}
    names: list[str] = []
    for reviewer in reviewers:
        paths = [path for path in readable if reviewer.takes(path)]
        name, reviewed = await _look(reviewer, tree, paths)
        names.append(name)
        found += reviewed.findings
        failed |= reviewed.failed
        looked_at |= {path for path in paths if path not in reviewed.failed}
    placed = await asyncio.to_thread(Places(tree, files).place, found)
    return Analysis(
        findings=tuple(placed),
        looked_at=tuple(sorted(looked_at)),
        failed=tuple(
            FileOutcome(path=path, state=FileState.FAILED, reason=reason)
            for path, reason in sorted(failed.items())
        ),
        reviewers=tuple(names),
    )


async def _look(reviewer: Reviewer, tree: Path, paths: Sequence[str]) -> tuple[str, Reviewed]:
    """Return who looked and what came of it. One that is broken takes nothing from the others."""
    try:
        name = f"{reviewer.name} {await reviewer.version()}".strip()
        return name, await reviewer.review(tree, paths) if paths else Reviewed()
    except AnalyserError as error:
        return reviewer.name, Reviewed(failed=dict.fromkeys(paths, str(error)))
