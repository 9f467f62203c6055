"""Writes findings for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from perdure.checks.determinism.checking import Report
from perdure.checks.determinism.findings import Finding, Place
from perdure.checks.determinism.rules import RULES, Level, Rule

Json = dict[str, object]

SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def lines(finding: Finding) -> Iterator[str]:
    """Yield a finding as people read it: what and where, the way there, and what to do."""
    also = (
        f" ({finding.others} more {'handlers' if finding.others > 1 else 'handler'} too)"
        if finding.others
        else ""
    )
    yield f"{finding.place}: {finding.rule_id}: {finding.message}{also}"
    width = max((len(step.name) for step in finding.chain), default=0)
    if len(finding.chain) > 1:
        for step in finding.chain:
            yield f"    {step.name.ljust(width)}  {step.place.path}:{step.place.line}"
    yield f"    instead: {finding.rule.instead}"


def explanation(rule: Rule) -> Iterator[str]:
    """Yield what a rule finds, why, and how a line is let through."""
    yield f"{rule.id} ({rule.level.value}): {rule.title}"
    yield ""
    yield rule.why
    yield ""
    yield f"Instead: {rule.instead}."
    yield "To let one line through, say why at its end: # deterministic: the reason"


def to_json(report: Report) -> Json:
    """Return a report for programs."""
    return {
        "findings": [_finding(finding) for finding in report.findings],
        "unreadable": [
            {"path": path, "line": line, "reason": reason} for path, line, reason in report.unreadable
        ],
        "workflows": report.workflows,
        "functions": report.functions,
        "files": report.files,
    }


def to_sarif(report: Report, *, version: str) -> Json:
    """Return a report as SARIF 2.1.0, each way as a code flow.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    broken = sorted({finding.rule_id for finding in report.findings})
    driver: Json = {
        "name": "perdure check determinism",
        "version": version,
        "rules": [_sarif_rule(RULES[rule_id]) for rule_id in broken],
    }
    run: Json = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not report.unreadable,
                "toolExecutionNotifications": [
                    {
                        "level": "error",
                        "message": {"text": reason},
                        "locations": [_location(Place(path, line))],
                    }
                    for path, line, reason in report.unreadable
                ],
            }
        ],
        "results": [_sarif_result(finding, broken.index(finding.rule_id)) for finding in report.findings],
    }
    return {"$schema": SARIF, "version": "2.1.0", "runs": [run]}


def _finding(finding: Finding) -> Json:
    return {
        "rule": finding.rule_id,
        "level": finding.rule.level.value,
        "path": finding.place.path,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "workflow": finding.workflow,
        "other_handlers": finding.others,
        "why": finding.rule.why,
        "instead": finding.rule.instead,
        "chain": [
            {"function": step.name, "path": step.place.path, "line": step.place.line}
            for step in finding.chain
        ],
    }


def _sarif_rule(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"Instead: {rule.instead}."},
        "defaultConfiguration": {"level": _level(rule)},
    }


def _sarif_result(finding: Finding, index: int) -> Json:
    result: Json = {
        "ruleId": finding.rule_id,
        "ruleIndex": index,
        "level": _level(finding.rule),
        "message": {"text": f"{finding.message}. Instead: {finding.rule.instead}."},
        "locations": [_location(finding.place)],
    }
    if finding.chain:
        steps = [
            {"location": {**_location(step.place), "message": {"text": step.name}}} for step in finding.chain
        ]
        result["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    return result


def _location(place: Place) -> Json:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.path)},
            "region": {"startLine": place.line, "startColumn": place.column},
        }
    }


def _level(rule: Rule) -> str:
    return "error" if rule.level is Level.ERROR else "warning"
