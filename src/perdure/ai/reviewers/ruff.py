"""ruff: mistakes and dangerous calls in Python, with the changes that settle them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from perdure.ai.reviewers.port import Reviewed, as_arguments
from perdure.ai.reviewers.processes import installed, run_tool
from perdure.ai.reviewers.text_edits import TextEdit, lines_of, whole_lines
from perdure.errors import AnalyserError
from perdure.model.findings import Category, Finding, Severity, Suggestion

_SELECTED: Final = "E9,F,B,PLE,ASYNC,S"
_IGNORED: Final = (
    # Asserts are how tests speak; passwords and keys are detect-secrets' work, and it knows more of them.
    "S101,S105,S106,S107,"
    # Right in too many programs to be worth a person's time.
    "S311,S404,S603,S606,S607,B008,B905,ASYNC109,ASYNC110"
)
_BATCH: Final = 500

_KINDS: Final[Sequence[tuple[str, Category, Severity]]] = (
    ("S602", Category.SECURITY, Severity.ERROR),
    ("S605", Category.SECURITY, Severity.ERROR),
    ("S608", Category.SECURITY, Severity.ERROR),
    ("S30", Category.SECURITY, Severity.ERROR),
    ("S501", Category.SECURITY, Severity.ERROR),
    ("S", Category.SECURITY, Severity.WARNING),
    ("F401", Category.MAINTAINABILITY, Severity.NOTE),
    ("F541", Category.MAINTAINABILITY, Severity.NOTE),
    ("F811", Category.MAINTAINABILITY, Severity.WARNING),
    ("F841", Category.MAINTAINABILITY, Severity.NOTE),
    ("F", Category.BUG, Severity.ERROR),
    ("B904", Category.MAINTAINABILITY, Severity.NOTE),
    ("B", Category.BUG, Severity.WARNING),
    ("ASYNC", Category.BUG, Severity.WARNING),
)


class RuffReviewer:
    """Runs ruff with rules of our own: a repository's configuration and its cache are not read."""

    name = "ruff"

    async def version(self) -> str:
        """Return ruff's version."""
        output = await run_tool([installed("ruff"), "--version"], folder=Path("/"))
        return output.stdout.decode().removeprefix("ruff").strip()

    def takes(self, path: str) -> bool:
        """Say whether it is Python."""
        return path.endswith((".py", ".pyi"))

    async def review(self, tree: Path, paths: Sequence[str]) -> Reviewed:
        """Return what ruff says about the files."""
        found: list[Finding] = []
        for batch in _batches(paths):
            found += await self._review_batch(tree, batch)
        return Reviewed(findings=found)

    async def _review_batch(self, tree: Path, paths: Sequence[str]) -> list[Finding]:
        command = [installed("ruff"), "check", "--isolated", "--no-cache", "--exit-zero", "--quiet"]
        command += ["--output-format", "json", "--select", _SELECTED, "--ignore", _IGNORED]
        output = await run_tool([*command, "--", *as_arguments(paths)], folder=tree)
        try:
            said = json.loads(output.stdout)
        except ValueError:
            msg = f"ruff failed: {output.complaint}"
            raise AnalyserError(msg) from None
        return _findings(said, tree, paths)


def _batches(paths: Sequence[str]) -> list[Sequence[str]]:
    return [paths[start : start + _BATCH] for start in range(0, len(paths), _BATCH)]


def _lines_in(file: Path) -> list[str]:
    return lines_of(file.read_bytes().decode("utf-8", errors="replace"))


def _findings(said: Sequence[Mapping[str, Any]], tree: Path, paths: Sequence[str]) -> list[Finding]:
    by_name = {str((tree / path).resolve()): path for path in paths}
    texts: dict[str, list[str]] = {}
    found = []
    for each in said:
        path = by_name.get(str(Path(each["filename"]).resolve()))
        if path is not None:
            if path not in texts:
                texts[path] = _lines_in(tree / path)
            found.append(_finding(path, each, texts[path]))
    return found


def _finding(path: str, said: Mapping[str, Any], lines: Sequence[str]) -> Finding:
    rule = str(said["code"] or "invalid-syntax")
    category, severity = _kind_of(rule)
    start = max(int(said["location"]["row"]), 1)
    # A span that ends before the first column of a line ends on the line above.
    end = int(said["end_location"]["row"]) - (said["end_location"]["column"] == 1)
    return Finding(
        reviewer="ruff",
        rule=rule,
        category=category,
        severity=severity,
        path=path,
        start_line=start,
        end_line=max(start, end),
        message=str(said["message"]),
        help_url=str(said["url"] or ""),
        suggestion=_suggestion(said["fix"], lines),
    )


def _kind_of(rule: str) -> tuple[Category, Severity]:
    return next(
        ((category, severity) for prefix, category, severity in _KINDS if rule.startswith(prefix)),
        (Category.BUG, Severity.ERROR),
    )


def _suggestion(fix: Mapping[str, Any] | None, lines: Sequence[str]) -> Suggestion | None:
    if fix is None or fix["applicability"] not in {"safe", "unsafe"}:
        return None
    edits = whole_lines(
        lines,
        [
            TextEdit(
                each["location"]["row"],
                each["location"]["column"],
                each["end_location"]["row"],
                each["end_location"]["column"],
                each["content"] or "",
            )
            for each in fix["edits"]
        ],
    )
    return Suggestion(edits=edits, is_safe=fix["applicability"] == "safe") if edits else None
