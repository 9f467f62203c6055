"""What every static reviewer is to those who call it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perdure.model.findings import Finding


@dataclass(frozen=True)
class Reviewed:
    """What a reviewer found, and the files that it could not read, with the reason.

    Findings are about whole files: those about lines that nobody changed are taken out later.
    """

    findings: Sequence[Finding] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


class Reviewer(Protocol):
    """Looks at files without running them."""

    @property
    def name(self) -> str:
        """What settings and findings call it."""
        ...

    async def version(self) -> str:
        """Return its version.

        Raises:
            AnalyserError: It is not installed, or does not answer.
        """
        ...

    def takes(self, path: str) -> bool:
        """Say whether it knows what to do with a file of this name."""
        ...

    async def review(self, tree: Path, paths: Sequence[str]) -> Reviewed:
        """Look at files of a tree, all of a name that it takes.

        Raises:
            AnalyserError: It failed for all of them.
        """
        ...


def as_arguments(paths: Sequence[str]) -> list[str]:
    """Return paths as arguments: none of them can be taken for an option."""
    return [f"./{path}" for path in paths]
