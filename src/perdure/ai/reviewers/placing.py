"""Findings put in their place: only on lines that a change added, with what surrounds them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from perdure.ai.definitions import definitions_in
from perdure.ai.reviewers.text_edits import git_lines, lines_of
from perdure.ai.syntax import Symbol, enclosing
from perdure.model.findings import Finding, fingerprint
from perdure.model.review import ChangedFile, LineRange

_WHOLE_FILE: Final = {"dangerous-triggers"}
"""Rules that any change of a file may have made worse: what a trigger may do is what its jobs do."""

_LONGEST_SPAN: Final = 10
_SNIPPET_LINES: Final = 3


class Places:
    """Knows the lines of a tree's files, and what is around them. Each file is read once."""

    def __init__(self, tree: Path, files: Sequence[ChangedFile]) -> None:
        """Look at the files of a change in their tree."""
        self._tree = tree
        self._files: Mapping[str, ChangedFile] = {file.path: file for file in files}
        self._texts: dict[str, tuple[list[str], tuple[Symbol, ...]]] = {}

    def place(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings about added lines, with symbol and fingerprint.

        Two remarks that are alike in the same function, such as one for each of two equal lines, stay two.
        """
        placed = []
        seen: Counter[str] = Counter()
        for finding in sorted(findings, key=lambda each: (each.path, each.start_line, each.rule)):
            file = self._files.get(finding.path)
            for counted in self._as_git_counts(finding) if file else ():
                line = _added_line(counted, file.added if file else ())
                if line is not None:
                    placed.append(self._with_place(counted, line, seen))
                    break
        return placed

    def _as_git_counts(self, finding: Finding) -> list[Finding]:
        """Return the finding with the lines that git may mean by its lines.

        To most languages a carriage return alone ends a line, and to git it does not. Whoever wrote some into
        a comment would else move all findings below it to lines that the change did not add.
        """
        lines = self._read(finding.path)[0]
        if not any("\r" in line.removesuffix("\r\n") for line in lines):
            return [finding]
        others = lines_of("".join(lines))
        start, end = (
            "".join(others[: number - 1]).count("\n") + 1 for number in (finding.start_line, finding.end_line)
        )
        moved = {"start_line": start, "end_line": end, "suggestion": None}
        return [finding.model_copy(update=moved), finding.model_copy(update={"suggestion": None})]

    def _with_place(self, finding: Finding, line: int, seen: Counter[str]) -> Finding:
        lines, symbols = self._read(finding.path)
        around = enclosing(symbols, finding.start_line)
        symbol = around.name if around else ""
        last = min(finding.end_line, finding.start_line + _SNIPPET_LINES - 1)
        # A longer one is known by how it begins: what is in it may change with every push.
        is_long = finding.end_line - finding.start_line >= _SNIPPET_LINES
        snippet = "".join(lines[finding.start_line - 1 : finding.start_line if is_long else last])
        first = fingerprint(finding.rule, finding.path, symbol, snippet)
        seen[first] += 1
        known = seen[first]
        return finding.model_copy(
            update={
                "symbol": symbol,
                "fingerprint": first
                if known == 1
                else fingerprint(finding.rule, finding.path, symbol, f"{snippet} {known}"),
                "start_line": line,
                "end_line": max(line, min(finding.end_line, max(len(lines), line))),
            }
        )

    def _read(self, path: str) -> tuple[list[str], tuple[Symbol, ...]]:
        if path not in self._texts:
            try:
                content = (self._tree / path).read_bytes()
            except OSError:
                content = b""
            text = content.decode("utf-8", errors="replace")
            self._texts[path] = (git_lines(text), definitions_in(content, path))
        return self._texts[path]


def _added_line(finding: Finding, added: Sequence[LineRange]) -> int | None:
    """Return the line that a finding is shown at: the first of its lines that was added, if one was."""
    if not added:
        return None
    if finding.rule in _WHOLE_FILE:
        return finding.start_line
    if any(each.start <= finding.start_line <= each.end for each in added):
        return finding.start_line
    if finding.end_line - finding.start_line >= _LONGEST_SPAN:
        # What is about a whole job was there before one of its lines changed.
        return None
    within = [max(each.start, finding.start_line) for each in added if _overlap(finding, each)]
    return min(within, default=None)


def _overlap(finding: Finding, lines: LineRange) -> bool:
    return lines.start <= finding.end_line and finding.start_line <= lines.end
