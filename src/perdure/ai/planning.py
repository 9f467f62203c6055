"""Which parts of a change a model is to be shown, and which files it will not see."""

from dataclasses import dataclass
from pathlib import Path

from perdure.ai.files import why_not_reviewed
from perdure.ai.hunks import hunks_by_file
from perdure.ai.units import units_of
from perdure.config import ReviewSettings
from perdure.model.review import Change, FileOutcome, FileState, FileStatus, ReviewUnit


@dataclass(frozen=True)
class Planned:
    """The parts of a change, and how the files without any end."""

    units: tuple[ReviewUnit, ...]
    files: tuple[FileOutcome, ...]


def plan_units(change: Change, tree: Path, diff: bytes, settings: ReviewSettings) -> Planned:
    """Cut a change into parts. Blocks.

    Args:
        change: What is to be reviewed.
        tree: The folder with all files after the change.
        diff: The unified diff; empty where everything is reviewed.
        settings: How much a model is shown.
    """
    hunks = hunks_by_file(diff)
    units: list[ReviewUnit] = []
    files: list[FileOutcome] = []
    for file in change.files:
        why = why_not_reviewed(file, tree, largest=settings.largest_file)
        if why:
            files.append(_skipped(file.path, why))
        elif file.status is not FileStatus.REMOVED:
            found = units_of(file, tree, hunks.get(file.path, ()))
            if len(units) + len(found) > settings.most_units:
                why = f"the change has more than {settings.most_units} parts: [review] most_units"
                files.append(_skipped(file.path, why))
            elif found:
                units += found
            else:
                files.append(
                    FileOutcome(path=file.path, state=FileState.REVIEWED, reason="nothing was added")
                )
    return Planned(tuple(units), tuple(files))


def without_model(change: Change) -> Planned:
    """Return a plan without parts: only files that no static reviewer can read are left out."""
    return Planned(
        (),
        tuple(
            _skipped(file.path, file.unreadable or "binary")
            for file in change.files
            if (file.unreadable or file.is_binary) and file.status is not FileStatus.REMOVED
        ),
    )


def _skipped(path: str, reason: str) -> FileOutcome:
    return FileOutcome(path=path, state=FileState.SKIPPED, reason=reason)
