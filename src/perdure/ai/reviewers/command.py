"""Any analyser that prints SARIF, run as the settings say."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from perdure.ai.reviewers.port import Reviewed, as_arguments
from perdure.ai.reviewers.processes import installed, run_tool
from perdure.ai.reviewers.sarif_input import findings_in
from perdure.config import AnalyserCommand
from perdure.errors import AnalyserError
from perdure.model.findings import Finding


class CommandReviewer:
    """Runs a command of the settings: never one of the repository."""

    def __init__(self, command: AnalyserCommand) -> None:
        self._command = command
        self.name = command.name

    async def version(self) -> str:
        """Return nothing: commands have no common way to tell."""
        installed(self._command.command[0])
        return ""

    def takes(self, path: str) -> bool:
        """Say whether one of the patterns fits the path or the file's name."""
        name = path.rpartition("/")[2]
        return any(fnmatchcase(path, each) or fnmatchcase(name, each) for each in self._command.files)

    async def review(self, tree: Path, paths: Sequence[str]) -> Reviewed:
        """Return what it says about the files, and about others that it looked at on its own."""
        program, *rest = self._command.command
        arguments = [
            argument for each in rest for argument in (as_arguments(paths) if each == "{files}" else [each])
        ]
        output = await run_tool([installed(program), *arguments], folder=tree)
        if not output.stdout.strip():
            msg = f"{self.name} failed: {output.complaint}"
            raise AnalyserError(msg)
        return Reviewed(findings=_from_here(findings_in(output.stdout, self.name), tree))


def _from_here(findings: Sequence[Finding], tree: Path) -> list[Finding]:
    """Return findings with paths from the tree's root, where a tool printed whole ones."""
    inside = f"{str(tree.resolve()).lstrip('/')}/"
    return [each.model_copy(update={"path": each.path.removeprefix(inside)}) for each in findings]
