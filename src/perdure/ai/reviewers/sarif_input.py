"""SARIF 2.1.0 of other analysers, read as findings."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from perdure.errors import AnalyserError
from perdure.model.findings import Category, Confidence, Finding, Severity

_SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING}


def findings_in(content: bytes, reviewer: str) -> list[Finding]:
    """Return the results of all runs; those without a file and a line are left out.

    Raises:
        AnalyserError: It is not SARIF.
    """
    try:
        log = json.loads(content)
        return [
            finding
            for run in log["runs"]
            for result in run.get("results") or ()
            for finding in _findings(result, _rules(run), reviewer)
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{reviewer} printed something that is not SARIF: {type(error).__name__}"
        raise AnalyserError(msg, hint="make its command print SARIF 2.1.0 on stdout") from None


_Rules = Mapping[str, Mapping[str, Any]]


def _rules(run: Mapping[str, Any]) -> _Rules:
    return {rule["id"]: rule for rule in run["tool"]["driver"].get("rules") or ()}


def _findings(result: Mapping[str, Any], rules: _Rules, reviewer: str) -> list[Finding]:
    places = result.get("locations") or ()
    physical = places[0].get("physicalLocation", {}) if places else {}
    path = _path(physical.get("artifactLocation", {}).get("uri", ""))
    region = physical.get("region", {})
    if not path or "startLine" not in region or result.get("suppressions"):
        return []
    rule_id = str(result.get("ruleId") or "unknown")
    rule = rules.get(rule_id, {})
    default = rule.get("defaultConfiguration", {}).get("level", "warning")
    tags = {str(tag).lower() for tag in rule.get("properties", {}).get("tags", ())}
    start = int(region["startLine"])
    return [
        Finding(
            reviewer=reviewer,
            rule=rule_id,
            category=Category.SECURITY if "security" in tags else Category.BUG,
            severity=_SEVERITIES.get(result.get("level", default), Severity.NOTE),
            confidence=Confidence.MEDIUM,
            path=path,
            start_line=start,
            end_line=max(start, int(region.get("endLine", start))),
            message=str(result["message"].get("text") or rule_id),
            help_url=str(rule.get("helpUri", "")),
        )
    ]


def _path(uri: str) -> str:
    return unquote(urlsplit(uri).path).removeprefix("./").lstrip("/")
