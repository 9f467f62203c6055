"""All files of a repository together: what its own actions do is part of the steps that use them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from perdure.workflow_file.document import UnreadableFileError, read_document
from perdure.workflow_file.examining import action_effects
from perdure.workflow_file.findings import Rule
from perdure.workflow_file.mending import Mended, mend
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.shape import Shape, shape_of

_WORKFLOW: Final = re.compile(r"(?:.*/)?\.github/workflows/[^/]+\.ya?ml")
_ACTION: Final = re.compile(r"(?:.*/)?action\.ya?ml")
_NESTED: Final = 5


def is_workflow_file(path: str) -> bool:
    """Say whether GitHub takes a path for a workflow file."""
    return bool(_WORKFLOW.fullmatch(path))


def is_action_file(path: str) -> bool:
    """Say whether a path is that of an action."""
    return bool(_ACTION.fullmatch(path))


def mend_all(files: Mapping[str, str], rules: DoctorRules) -> list[Mended]:
    """Return what becomes of each file.

    Args:
        files: The text of each, by its path from the repository's top.
        rules: What to go by.
    """
    local = _local_effects(files, rules)
    mended = [mend(path, text, rules, local) for path, text in sorted(files.items())]
    if not any(is_workflow_file(path) for path in files):
        return mended
    # Where the workflow files that use it are here too, they are the ones to be mended.
    return [_as_used(each) if is_action_file(each.path) else each for each in mended]


def _as_used(mended: Mended) -> Mended:
    findings = tuple(each for each in mended.findings if each.rule is Rule.UNREADABLE)
    return replace(mended, findings=findings, left=findings)


def _local_effects(files: Mapping[str, str], rules: DoctorRules) -> dict[str, str]:
    shapes = {
        path.rpartition("/")[0]: shape
        for path, text in files.items()
        if is_action_file(path) and (shape := _shape(text)) is not None
    }
    found: dict[str, str] = {}
    # Actions use each other: what one does is known once the inner one is.
    for _ in range(_NESTED):
        found = {
            folder: effects
            for folder, shape in shapes.items()
            if (effects := action_effects(shape, rules, found))
        }
    return found


def _shape(text: str) -> Shape | None:
    try:
        return shape_of(read_document(text))
    except UnreadableFileError:
        return None
