"""A report as SARIF 2.1.0, for everything that reads it: code scanning, editors, other tools.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Sequence
from urllib.parse import quote

from pydantic import JsonValue

from perdure.model.findings import Edit, Finding, Severity
from perdure.model.review import FileState, ReviewReport

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.NOTE: "note", Severity.WARNING: "warning", Severity.ERROR: "error"}


def to_sarif(report: ReviewReport, *, version: str) -> dict[str, JsonValue]:
    """Return the report as one run, with what was not reviewed as notifications.

    Args:
        report: The report.
        version: Perdure's.
    """
    rules = sorted({_rule_id(finding): finding for finding in report.findings}.items())
    places = {rule_id: place for place, (rule_id, _) in enumerate(rules)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "Perdure",
                        "version": version,
                        "rules": [_rule(rule_id, finding) for rule_id, finding in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [
                    {
                        # What was left out is said, so that nobody takes the rest for the whole.
                        "executionSuccessful": all(
                            file.state is not FileState.FAILED for file in report.files
                        ),
                        "toolExecutionNotifications": _left_out(report),
                    }
                ],
                "results": [_result(finding, places, report) for finding in report.findings],
                "properties": {"target": str(report.target), "headSha": report.head_sha},
            }
        ],
    }


def _rule_id(finding: Finding) -> str:
    return f"{finding.reviewer}/{finding.rule}"


def _rule(rule_id: str, finding: Finding) -> JsonValue:
    rule: dict[str, JsonValue] = {
        "id": rule_id,
        "name": finding.rule,
        "properties": {"tags": [finding.category.value]},
    }
    return rule | ({"helpUri": finding.help_url} if finding.help_url else {})


def _left_out(report: ReviewReport) -> list[JsonValue]:
    return [
        {
            "level": "warning" if file.state is FileState.SKIPPED else "error",
            "message": {"text": f"{file.state.value}: {file.reason or 'for no known reason'}"},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(file.path)}}],
        }
        for file in report.files
        if file.state is not FileState.REVIEWED
    ]


def _result(finding: Finding, places: dict[str, int], report: ReviewReport) -> JsonValue:
    rule_id = _rule_id(finding)
    result: dict[str, JsonValue] = {
        "ruleId": rule_id,
        "ruleIndex": places[rule_id],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.path),
                    "region": {"startLine": finding.start_line, "endLine": finding.end_line},
                },
                **({"logicalLocations": [{"fullyQualifiedName": finding.symbol}]} if finding.symbol else {}),
            }
        ],
        "partialFingerprints": {"perdure/v1": finding.fingerprint},
        "baselineState": "unchanged" if finding.fingerprint in report.still_present else "new",
        "properties": {"confidence": finding.confidence.value, "alsoSaidBy": list(finding.also)},
    }
    return result | ({"fixes": [_fix(finding)]} if finding.suggestion else {})


def _fix(finding: Finding) -> JsonValue:
    edits: Sequence[Edit] = finding.suggestion.edits if finding.suggestion else ()
    return {
        "description": {"text": "what the reviewer suggests"},
        "artifactChanges": [
            {
                "artifactLocation": _artifact(finding.path),
                "replacements": [_replacement(edit) for edit in edits],
            }
        ],
    }


def _replacement(edit: Edit) -> JsonValue:
    region = {
        "startLine": edit.start_line,
        "startColumn": 1,
        "endLine": edit.end_line + 1,
        "endColumn": 1,
    }
    inserted: dict[str, JsonValue] = {"insertedContent": {"text": edit.replacement}}
    return {"deletedRegion": dict(region), **(inserted if edit.replacement else {})}


def _artifact(path: str) -> dict[str, JsonValue]:
    return {"uri": quote(path)}
