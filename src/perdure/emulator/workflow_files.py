"""Workflow files at a commit, parsed once per content."""

from dataclasses import dataclass

from perdure.emulator.execution import WorkflowFile, WorkflowFileError
from perdure.emulator.records import WorkflowState
from perdure.emulator.repositories import Repository
from perdure.emulator.state import State

FOLDER = ".github/workflows"
_KEPT = 1024


@dataclass(frozen=True)
class FoundFile:
    """A workflow file's text, and what is wrong with it or what it says."""

    text: str
    file: WorkflowFile | None
    error: str | None


class WorkflowFiles:
    """Finds and parses workflow files."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._parsed: dict[str, FoundFile] = {}

    def all(self, repository: Repository) -> list[WorkflowState]:
        """Return the workflows on the default branch, by path."""
        resolved = repository.resolve(repository.default_branch)
        folder = repository.entry(resolved.sha, FOLDER) if resolved else None
        if folder is None or folder.type != "tree":
            return []
        names = [
            entry.name for entry in repository.tree(folder.sha) if entry.name.endswith((".yml", ".yaml"))
        ]
        return [self._state.workflow(repository.full_name, f"{FOLDER}/{name}") for name in names]

    def find(self, repository: Repository, wanted: str) -> WorkflowState | None:
        """Find a workflow on the default branch by number, file name or path."""
        for workflow in self.all(repository):
            if wanted in (str(workflow.id), workflow.path, workflow.path.removeprefix(f"{FOLDER}/")):
                return workflow
        return None

    def at(self, repository: Repository, sha: str, path: str) -> FoundFile | None:
        """Return a workflow file as it is in a commit, or None."""
        entry = repository.entry(sha, path)
        if entry is None or entry.type != "blob":
            return None
        found = self._parsed.get(entry.sha)
        if found is None:
            if len(self._parsed) >= _KEPT:
                self._parsed.clear()
            found = _parse(repository.object(entry.sha)[1].decode(errors="replace"))
            self._parsed[entry.sha] = found
        return found

    def name(self, repository: Repository, workflow: WorkflowState) -> str:
        """Return a workflow's name: what its file on the default branch says, else its path."""
        resolved = repository.resolve(repository.default_branch)
        found = self.at(repository, resolved.sha, workflow.path) if resolved else None
        return (found.file.name if found and found.file else None) or workflow.path


def _parse(text: str) -> FoundFile:
    try:
        return FoundFile(text, WorkflowFile.parse(text), None)
    except WorkflowFileError as error:
        return FoundFile(text, None, str(error))
