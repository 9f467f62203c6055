"""Where the doctor's files come from: a folder of this machine, or a repository at GitHub."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from perdure.errors import UsageError
from perdure.github import GitHubClient
from perdure.workflow_file import DoctorRules, Level, Mended, Rule, WorkflowFinding
from perdure.workflow_file.tree import is_action_file, is_workflow_file, mend_all

_SKIPPED: Final = frozenset({".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "dist", "build"})
_ENDS: Final = (".yml", ".yaml")
_WORKFLOWS: Final = Path(".github", "workflows")


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The files of one repository.

    Attributes:
        files: Their content by their path from the repository's top.
        places: How each is called on this machine.
        only: The files to be mended; all of them where there is none named.
    """

    files: dict[str, bytes]
    places: dict[str, Path] = field(default_factory=dict)
    only: frozenset[str] = frozenset()

    def mended(self, rules: DoctorRules) -> list[Mended]:
        """Return what becomes of each file, called as people call it."""
        texts: dict[str, str] = {}
        broken: list[Mended] = []
        for path, content in self.files.items():
            try:
                texts[path] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                broken.append(_no_text(path, content.count(b"\n", 0, error.start) + 1))
        found = [*mend_all(texts, rules), *broken]
        wanted = [each for each in found if not self.only or each.path in self.only]
        return [
            replace(each, path=self._called(each.path)) for each in sorted(wanted, key=lambda one: one.path)
        ]

    def _called(self, path: str) -> str:
        return self.places[path].as_posix() if path in self.places else path


def local_trees(target: Path) -> list[Tree]:
    """Return the repositories below a folder, or the one that a file is in.

    Raises:
        UsageError: There is no workflow file.
    """
    if target.is_file():
        return [_tree_of_file(target)]
    found = [_tree(folder) for folder in sorted(_repositories(target))]
    if not found:
        plain = sorted(each for each in target.iterdir() if each.suffix in _ENDS and each.is_file())
        found = [_plain(target, plain)] if plain else []
    if not found:
        raise UsageError(
            f"{target} holds no workflow files",
            hint="name a repository's folder, a workflow file, or OWNER/REPO",
        )
    return found


async def remote_tree(github: GitHubClient, repository: str, sha: str) -> Tree:
    """Return the workflow files of a repository, and its own actions, as they are at a commit.

    Raises:
        GitHubError: They cannot be read.
        UsageError: There is no workflow file.
    """
    listed = await github.list_tree(repository, sha, ".github")
    wanted = [each for each in listed if is_workflow_file(each.path) or is_action_file(each.path)]
    if not any(is_workflow_file(each.path) for each in wanted):
        raise UsageError(f"{repository} holds no workflow files", hint="they are in .github/workflows")
    return Tree(files={each.path: await github.read_blob(repository, each.blob_sha) for each in wanted})


def _repositories(target: Path) -> Iterator[Path]:
    """Yield each folder that has workflow files, the target itself included."""
    for folder, names, _ in os.walk(target):
        here = Path(folder)
        if (here / _WORKFLOWS).is_dir():
            yield here
        names[:] = [name for name in names if name not in _SKIPPED and name != ".github"]


def _tree(top: Path) -> Tree:
    places = {
        path.relative_to(top).as_posix(): path
        for path in sorted((*(top / ".github").rglob("*.y*ml"), *top.glob("action.y*ml")))
        if path.is_file() and path.suffix in _ENDS
    }
    places = {path: place for path, place in places.items() if is_workflow_file(path) or is_action_file(path)}
    return Tree(files={path: _read(place) for path, place in places.items()}, places=places)


def _tree_of_file(file: Path) -> Tree:
    absolute = file.absolute()
    if absolute.parent.parts[-2:] == _WORKFLOWS.parts:
        top = absolute.parents[2]
        found = _tree(top)
        path = absolute.relative_to(top).as_posix()
        return replace(found, places={**found.places, path: file}, only=frozenset({path}))
    return _plain(file.parent, [file])


def _plain(folder: Path, files: list[Path]) -> Tree:
    places = {file.relative_to(folder).as_posix(): file for file in files}
    return Tree(files={path: _read(place) for path, place in places.items()}, places=places)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None


def _no_text(path: str, line: int) -> Mended:
    finding = WorkflowFinding(
        rule=Rule.UNREADABLE, level=Level.ERROR, line=line, column=1, message="the file is not UTF-8 text"
    )
    return Mended(path=path, before="", after="", findings=(finding,), left=(finding,))
