"""What was found and what would change, for people and for code scanning."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from urllib.parse import quote

from pydantic import JsonValue

from perdure.workflow_file.findings import Rule
from perdure.workflow_file.mending import Mended

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def diff_of(mended: Mended) -> str:
    """Return what mending changes as a unified diff, which ``git apply`` and ``patch -p1`` take."""
    lines: list[str] = []
    path = mended.path.lstrip("/")
    compared = difflib.unified_diff(_lines(mended.before), _lines(mended.after), f"a/{path}", f"b/{path}")
    for line in compared:
        if line.endswith("\n"):
            lines.append(line)
        else:
            lines.append(line + "\n\\ No newline at end of file\n")
    return "".join(lines)


def lines_of(mended: Mended) -> list[str]:
    """Return one line for each finding, as compilers print them."""
    return [
        f"{mended.path}:{each.line}:{each.column}: {each.level.value}: {each.message} [{each.rule.value}]"
        for each in mended.findings
    ]


def json_of(mended: Sequence[Mended]) -> list[dict[str, JsonValue]]:
    """Return every finding as JSON types."""
    return [
        {
            "file": each.path,
            "line": finding.line,
            "column": finding.column,
            "rule": finding.rule.value,
            "level": finding.level.value,
            "message": finding.message,
            "mendable": finding.mended,
        }
        for each in mended
        for finding in each.findings
    ]


def sarif_of(mended: Sequence[Mended], *, version: str) -> dict[str, JsonValue]:
    """Return every finding as one run of SARIF 2.1.0."""
    rules = list(Rule)
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Perdure workflow-file doctor",
                        "version": version,
                        "rules": [
                            {"id": rule.value, "shortDescription": {"text": rule.meaning}} for rule in rules
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    {
                        "ruleId": finding.rule.value,
                        "ruleIndex": rules.index(finding.rule),
                        "level": finding.level.value,
                        "message": {"text": finding.message},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": quote(each.path)},
                                    "region": {"startLine": finding.line, "startColumn": finding.column},
                                }
                            }
                        ],
                    }
                    for each in mended
                    for finding in each.findings
                ],
            }
        ],
    }


def _lines(text: str) -> list[str]:
    # Only what ends a line for git: a form feed within one does not.
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
