"""detect-secrets: keys, tokens and passwords that are about to be published."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from perdure.ai.reviewers.port import Reviewed
from perdure.ai.reviewers.processes import run_tool
from perdure.errors import AnalyserError
from perdure.model.findings import Category, Confidence, Finding, Severity

_GUESSES: Final = {"Base64 High Entropy String", "Hex High Entropy String", "Secret Keyword"}
"""Kinds that are known by how they look, not by what they are."""

_BATCH: Final = 500
_LONGEST: Final = timedelta(minutes=20)
"""For so many files. A single one is stopped long before."""


class SecretReviewer:
    """Runs detect-secrets through its API, in a process that can be killed. No secret is ever repeated."""

    name = "detect-secrets"

    async def version(self) -> str:
        """Return the version of detect-secrets."""
        try:
            return version("detect-secrets")
        except PackageNotFoundError:
            msg = "the analyser detect-secrets is not installed"
            raise AnalyserError(msg, hint="pip install 'perdure[review]' where the worker runs") from None

    def takes(self, path: str) -> bool:
        """Take everything: a secret may stand in any file."""
        return bool(path)

    async def review(self, tree: Path, paths: Sequence[str]) -> Reviewed:
        """Return the lines that hold something secret."""
        findings: list[Finding] = []
        failed: dict[str, str] = {}
        for start in range(0, len(paths), _BATCH):
            said = await _scan(tree, paths[start : start + _BATCH])
            findings += [
                _finding(each["path"], str(each["type"]), int(each["line"])) for each in said["found"]
            ]
            failed |= said["failed"]
        return Reviewed(findings=findings, failed=failed)


async def _scan(tree: Path, paths: Sequence[str]) -> Mapping[str, Any]:
    script = Path(__file__).with_name("secret_scan.py")
    # Isolated: neither the folder nor variables can put another module in the place of a real one.
    command = [sys.executable, "-I", str(script)]
    output = await run_tool(command, folder=tree, stdin=json.dumps(list(paths)).encode(), time_limit=_LONGEST)
    try:
        said: Mapping[str, Any] = json.loads(output.stdout)
    except ValueError:
        msg = f"detect-secrets failed: {output.complaint}"
        raise AnalyserError(msg) from None
    return said


def _finding(path: str, kind: str, line: int) -> Finding:
    is_guess = kind in _GUESSES
    return Finding(
        reviewer="detect-secrets",
        rule=re.sub(r"[^a-z0-9]+", "-", kind.lower()).strip("-"),
        category=Category.SECRET,
        severity=Severity.WARNING if is_guess else Severity.ERROR,
        confidence=Confidence.MEDIUM if is_guess else Confidence.HIGH,
        path=path,
        start_line=max(line, 1),
        end_line=max(line, 1),
        message=f"this line seems to hold a secret ({kind})",
    )
