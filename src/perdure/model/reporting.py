"""What all reviewers said, made one report: nothing twice, nothing left out, and never better than it was."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from perdure.model.findings import Category, Confidence, Finding, Severity
from perdure.model.review import (
    Change,
    FileOutcome,
    FileState,
    FileStatus,
    ReviewReport,
    UnitResult,
    Usage,
    Verdict,
)
from perdure.model.reviewing import Analysis, ReviewPlan

NOBODY = "no reviewer looks at files of this kind"

_SEVERITIES = (Severity.NOTE, Severity.WARNING, Severity.ERROR)
_CONFIDENCES = (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)
_ALIKE = {Category.SECRET: Category.SECURITY}
"""What two reviewers call differently and mean the same by."""


def make_report(
    change: Change,
    plan: ReviewPlan,
    *,
    analysis: Analysis,
    results: Sequence[UnitResult],
    previous: ReviewReport | None = None,
) -> ReviewReport:
    """Return the report of a whole review.

    Args:
        change: What was reviewed.
        plan: Its parts, and the files that have none.
        analysis: What static reviewers said.
        results: What became of the parts.
        previous: The report on the push before.
    """
    found = merge([*analysis.findings, *(finding for result in results for finding in result.findings)])
    files = coverage(change, plan, analysis=analysis, results=results)
    still, fixed, unknown = carry(found, files, previous)
    findings = merge([*found, *unknown])
    return ReviewReport(
        target=change.target,
        head_sha=change.head_sha,
        base_sha=change.base_sha,
        verdict=verdict(files, findings),
        findings=findings,
        files=files,
        reviewers=_reviewers(analysis, results),
        usage=sum((result.usage for result in results), Usage()),
        degraded=tuple(dict.fromkeys(result.degraded for result in results if result.degraded)),
        still_present=still,
        fixed=fixed,
    )


def verdict(files: Sequence[FileOutcome], findings: Sequence[Finding]) -> Verdict:
    """Return what the review says as a whole: findings first, and never that all is well of a partial one."""
    if any(finding.severity is not Severity.NOTE for finding in findings):
        return Verdict.FINDINGS
    if any(file.state is not FileState.REVIEWED for file in files):
        return Verdict.PARTIAL
    return Verdict.FINDINGS if findings else Verdict.PASSED


def merge(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return each finding once, by path and line: what several reviewers say, the surest of them says."""
    kept: dict[tuple[str, int, str], Finding] = {}
    known: set[str] = set()
    for finding in sorted(findings, key=_surest_first):
        if finding.fingerprint and finding.fingerprint in known:
            continue
        known.add(finding.fingerprint)
        about = _ALIKE.get(finding.category, finding.category)
        key = (finding.path, finding.start_line, about)
        first = kept.get(key)
        if first is None:
            kept[key] = finding
        elif first.reviewer != finding.reviewer or about is Category.SECURITY:
            kept[key] = _with_also(first, finding)
        else:
            kept[*key[:2], f"{about} {finding.rule}"] = finding
    return tuple(
        sorted(kept.values(), key=lambda each: (each.path, each.start_line, each.reviewer, each.rule))
    )


def _surest_first(finding: Finding) -> tuple[object, ...]:
    return (
        -_SEVERITIES.index(finding.severity),
        -_CONFIDENCES.index(finding.confidence),
        finding.suggestion is None,
        finding.path,
        finding.start_line,
        finding.reviewer,
        finding.rule,
    )


def _with_also(finding: Finding, other: Finding) -> Finding:
    also = dict.fromkeys((*finding.also, f"{other.reviewer} {other.rule}", *other.also))
    return finding.model_copy(
        update={"also": tuple(also), "suggestion": finding.suggestion or other.suggestion}
    )


def coverage(
    change: Change, plan: ReviewPlan, *, analysis: Analysis, results: Sequence[UnitResult]
) -> tuple[FileOutcome, ...]:
    """Return how every file of the change ended, in the order of the change."""
    planned = {outcome.path: outcome for outcome in plan.files}
    failed = {outcome.path: outcome for outcome in analysis.failed}
    of_units = _outcomes_of_units(plan, results)
    looked_at = set(analysis.looked_at)
    outcomes = []
    for file in change.files:
        path = file.path
        outcome = failed.get(path) or planned.get(path) or of_units.get(path)
        if file.status is FileStatus.REMOVED:
            outcome = FileOutcome(path=path, state=FileState.REVIEWED, reason="removed")
        elif outcome is None and path in looked_at:
            outcome = FileOutcome(path=path, state=FileState.REVIEWED)
        outcomes.append(outcome or FileOutcome(path=path, state=FileState.SKIPPED, reason=NOBODY))
    return tuple(outcomes)


def _outcomes_of_units(plan: ReviewPlan, results: Sequence[UnitResult]) -> Mapping[str, FileOutcome]:
    by_unit = {(result.unit_id, result.path): result for result in results}
    outcomes: dict[str, FileOutcome] = {}
    for unit in plan.units:
        result = by_unit.get((unit.unit_id, unit.path))
        state, reason = (result.state, result.reason) if result else (FileState.FAILED, "was not reviewed")
        known = outcomes.get(unit.path)
        if known is None or _WORSE.index(state) > _WORSE.index(known.state):
            outcomes[unit.path] = FileOutcome(path=unit.path, state=state, reason=reason)
    return outcomes


_WORSE = (FileState.REVIEWED, FileState.SKIPPED, FileState.FAILED)


def carry(
    findings: Sequence[Finding], files: Sequence[FileOutcome], previous: ReviewReport | None
) -> tuple[tuple[str, ...], tuple[Finding, ...], tuple[Finding, ...]]:
    """Compare with the review before.

    Returns:
        The fingerprints of findings that are still there; findings that are gone; and findings in files that
        nobody could look at this time, which stay because nobody knows better.
    """
    if previous is None:
        return (), (), ()
    now = {finding.fingerprint for finding in findings}
    unseen = {file.path for file in files if file.state is not FileState.REVIEWED}
    gone = [finding for finding in previous.findings if finding.fingerprint not in now]
    unknown = tuple(finding for finding in gone if finding.path in unseen)
    fixed = tuple(finding for finding in gone if finding.path not in unseen)
    before = {finding.fingerprint for finding in previous.findings}
    still = sorted((before & now) | {finding.fingerprint for finding in unknown})
    return tuple(still), fixed, unknown


def findings_digest(findings: Sequence[Finding]) -> str:
    """Return what an approval is bound to: other findings, or other changes suggested, are another digest."""
    content = "\n".join(finding.model_dump_json() for finding in findings)
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _reviewers(analysis: Analysis, results: Sequence[UnitResult]) -> tuple[str, ...]:
    models = sorted({f"model {result.model}" for result in results if result.model})
    return (*analysis.reviewers, *models)
