"""Labelled cases: changes of which is known what is wrong with them.

A case is a TOML file with its files in it, or a folder that holds ``case.toml`` beside the folders ``before``
and ``after``.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.ai.hunks import Hunk, hunks_by_file
from perdure.errors import InvalidInputError
from perdure.model.review import ChangedFile, FileStatus, LineRange
from perdure.model.scoring import ExpectedFinding

CASE_FILE = "case.toml"


class CaseText(BaseModel):
    """One file of a case, before and after the change; nothing where it is not there."""

    model_config = ConfigDict(extra="forbid")

    before: str = ""
    after: str = ""


class ReviewCase(BaseModel):
    """A change, and what should be found in it.

    Attributes:
        about: One line that says what the case is.
        expect: The mistakes; none in a clean case.
        files: By path.
    """

    model_config = ConfigDict(extra="forbid")

    about: str = ""
    expect: tuple[ExpectedFinding, ...] = ()
    files: dict[str, CaseText] = Field(default_factory=dict)
    name: str = ""

    def changed(self) -> tuple[ChangedFile, ...]:
        """Return what the change does to each file."""
        return tuple(_changed(path, text) for path, text in sorted(self.files.items()))

    def hunks(self) -> Mapping[str, tuple[Hunk, ...]]:
        """Return the change as a diff, by file."""
        return hunks_by_file("".join(_diff(path, text) for path, text in self.files.items()).encode())

    def write(self, folder: Path) -> None:
        """Write the files as they are after the change."""
        for path, text in self.files.items():
            if text.after:
                file = folder / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.after.encode())


def read_cases(folder: Path) -> tuple[ReviewCase, ...]:
    """Return the cases of a folder, by name.

    Raises:
        InvalidInputError: There is no such folder, it holds no case, or one cannot be read.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is no folder")
    cases = tuple(_read(file, folder) for file in sorted(_case_files(folder)))
    if not cases:
        raise InvalidInputError(
            f"{folder} holds no case",
            hint=f"a case is a file NAME.toml, or a folder with {CASE_FILE}, before/ and after/",
        )
    return cases


def _case_files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.suffix == ".toml" and entry.is_file():
            yield entry
        elif (entry / CASE_FILE).is_file():
            yield entry / CASE_FILE


def _read(file: Path, folder: Path) -> ReviewCase:
    try:
        case = ReviewCase.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{file} cannot be read: {error}") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"{file}: {where}: {first['msg'].lower()}") from None
    if file.name == CASE_FILE and file.parent != folder:
        case = case.model_copy(update={"files": _texts(file.parent), "name": file.parent.name})
    else:
        case = case.model_copy(update={"name": file.stem})
    for path in case.files:
        if path.startswith("/") or ".." in path.split("/"):
            raise InvalidInputError(f"{file}: files: {path!r} leads out of the case")
    for each in case.expect:
        if each.path not in case.files:
            known = ", ".join(sorted(case.files)) or "none"
            raise InvalidInputError(f"{file}: expect: it has no file {each.path!r}; it has {known}")
    return case


def _texts(folder: Path) -> dict[str, CaseText]:
    texts: dict[str, dict[str, str]] = {}
    for side in ("before", "after"):
        for file in sorted((folder / side).rglob("*")):
            if file.is_file():
                path = file.relative_to(folder / side).as_posix()
                texts.setdefault(path, {})[side] = file.read_bytes().decode("utf-8", errors="replace")
    return {path: CaseText(**sides) for path, sides in texts.items()}


def _changed(path: str, text: CaseText) -> ChangedFile:
    if not text.after:
        return ChangedFile(path=path, status=FileStatus.REMOVED)
    before, after = text.before.splitlines(keepends=True), text.after.splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes()
    return ChangedFile(
        path=path,
        status=FileStatus.MODIFIED if text.before else FileStatus.ADDED,
        added=tuple(
            LineRange(start=first + 1, end=last)
            for kind, _, _, first, last in blocks
            if kind in {"insert", "replace"}
        ),
        size=len(text.after.encode()),
    )


def _diff(path: str, text: CaseText) -> str:
    lines = difflib.unified_diff(
        text.before.splitlines(), text.after.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
    )
    return "".join(f"{line}\n" for line in lines)
