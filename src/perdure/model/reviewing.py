"""What the steps of a review hand to each other.

Everything of any size is kept in the content store, so that a review of a thousand files leaves a history of
references. The steps are the activities of :class:`perdure.activities.reviewing.ReviewActivities`, on the
queue ``perdure-review``: ``probe_models``, ``plan_units``, ``list_units``, ``analyse``, ``review_unit``,
``keep_results``, ``finish_review``.
"""

from collections import Counter

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.findings import Category, Confidence, Finding, Severity
from perdure.model.review import (
    FileOutcome,
    FileState,
    ReviewPolicy,
    ReviewReport,
    UnitRef,
    UnitResult,
    Usage,
    Verdict,
)

LARGEST_INLINE = 16_000
"""Bytes of findings that travel through the engine with a unit's result."""

_MOST_FIXES = 200

MOST_UNITS_INLINE = 500
"""Units whose references travel at once."""


class ProbeModelsInput(Model):
    """Input of ``probe_models``."""

    policy: ReviewPolicy = ReviewPolicy()


class ModelsReady(Model):
    """Which models a review will ask, in order; none where none is configured or wanted.

    Attributes:
        models: ``openai:gpt-5-mini``.
        unreachable: Those that did not answer just now: a wait, not a mistake.
    """

    models: tuple[str, ...] = ()
    unreachable: tuple[str, ...] = ()
    prompt_version: str = ""


class PlanUnitsInput(Model):
    """Input of ``plan_units``.

    Attributes:
        change: The :class:`~perdure.model.review.Change`, in the content store.
        is_indexed: Whether the change's tree is in the index, so that related code can be found.
    """

    change: StoredObject
    policy: ReviewPolicy = ReviewPolicy()
    is_indexed: bool = False


class ReviewPlan(Model):
    """Every unit of a review, and every file that has none. It is kept in the content store."""

    units: tuple[UnitRef, ...] = ()
    files: tuple[FileOutcome, ...] = ()


class PlannedUnits(Model):
    """Output of ``plan_units``.

    Attributes:
        plan: The :class:`ReviewPlan`.
        units: All of them, where they are at most 500; else none: ``list_units`` returns a part at a time.
        count: How many there are.
        skipped: How many files have no unit because nobody will look at them.
    """

    plan: StoredObject
    units: tuple[UnitRef, ...] = ()
    count: int = 0
    skipped: int = 0


class ListUnitsInput(Model):
    """Input of ``list_units``."""

    plan: StoredObject
    offset: int = Field(default=0, ge=0)
    limit: int = Field(default=MOST_UNITS_INLINE, ge=1, le=MOST_UNITS_INLINE)


class ListedUnits(Model):
    """Output of ``list_units``."""

    units: tuple[UnitRef, ...] = ()


class ReviewUnitInput(Model):
    """Input of ``review_unit``.

    Attributes:
        review_id: What the budget of one review is kept for: the workflow's id.
        organisation: Whose budget it is; the repository's owner.
        granted: What a person allowed this review beyond all budgets, in millionths of a US dollar.
    """

    unit: UnitRef
    review_id: str
    organisation: str = ""
    policy: ReviewPolicy = ReviewPolicy()
    granted: int = 0


class AnalyseInput(Model):
    """Input of ``analyse``."""

    change: StoredObject
    policy: ReviewPolicy = ReviewPolicy()


class Analysis(Model):
    """What static reviewers found. It is kept in the content store.

    Attributes:
        looked_at: Files that at least one of them reads.
        failed: Files that one of them should have read and could not, with the reason.
    """

    findings: tuple[Finding, ...] = ()
    looked_at: tuple[str, ...] = ()
    failed: tuple[FileOutcome, ...] = ()
    reviewers: tuple[str, ...] = ()


class AnalysisResult(Model):
    """Output of ``analyse``.

    Attributes:
        analysis: The :class:`Analysis`.
        found: How many findings it holds.
        reviewers: Who looked, with versions.
        failed: Why reviewers could not look, one line each.
    """

    analysis: StoredObject
    found: int = 0
    reviewers: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class KeepResultsInput(Model):
    """Input of ``keep_results``."""

    results: tuple[UnitResult, ...]


class UnitResults(Model):
    """Results of many units. It is kept in the content store."""

    results: tuple[UnitResult, ...] = ()


class FinishReviewInput(Model):
    """Input of ``finish_review``.

    Attributes:
        results: What the units came to. Give more than a few hundred through ``keep_results``.
        kept_results: What ``keep_results`` returned.
        previous: The report of the review before, of an earlier push: tells what is fixed and what remains.
    """

    change: StoredObject
    plan: StoredObject
    analysis: StoredObject | None = None
    results: tuple[UnitResult, ...] = ()
    kept_results: tuple[StoredObject, ...] = ()
    policy: ReviewPolicy = ReviewPolicy()
    previous: StoredObject | None = None
    degraded: tuple[str, ...] = ()


class ReviewSummary(Model):
    """What a workflow decides by; the rest is in the report.

    Attributes:
        report: The :class:`~perdure.model.review.ReviewReport`, in the content store.
        sarif: The same as SARIF 2.1.0, in the content store.
        digest: Of the findings: what an approval is bound to beside the head SHA.
        found: Findings by severity.
        fixed: Findings of the review before that are gone.
        fixable: Findings with a suggestion.
        safe_fixes: Fingerprints of those whose reviewer promises that the meaning stays; the first 200.
        other_fixes: Fingerprints of the rest; the first 200.
        files: Files by how they ended.
    """

    report: StoredObject
    sarif: StoredObject
    head_sha: str
    digest: str
    verdict: Verdict
    found: dict[Severity, int] = Field(default_factory=dict)
    categories: tuple[Category, ...] = ()
    low_confidence: bool = False
    fixed: int = 0
    still_present: int = 0
    fixable: int = 0
    safe_fixes: tuple[str, ...] = ()
    other_fixes: tuple[str, ...] = ()
    files: dict[FileState, int] = Field(default_factory=dict)
    usage: Usage = Usage()
    degraded: tuple[str, ...] = ()


def summarise(
    report: ReviewReport, *, stored: StoredObject, sarif: StoredObject, digest: str
) -> ReviewSummary:
    """Return what a workflow needs to know of a report."""
    fixable = [finding for finding in report.findings if finding.suggestion is not None]
    return ReviewSummary(
        report=stored,
        sarif=sarif,
        head_sha=report.head_sha,
        digest=digest,
        verdict=report.verdict,
        found=dict(Counter(finding.severity for finding in report.findings)),
        categories=tuple(sorted({finding.category for finding in report.findings})),
        low_confidence=any(finding.confidence is Confidence.LOW for finding in report.findings),
        fixed=len(report.fixed),
        still_present=len(report.still_present),
        fixable=len(fixable),
        safe_fixes=tuple(one.fingerprint for one in fixable if one.suggestion and one.suggestion.is_safe)[
            :_MOST_FIXES
        ],
        other_fixes=tuple(
            one.fingerprint for one in fixable if one.suggestion and not one.suggestion.is_safe
        )[:_MOST_FIXES],
        files=dict(Counter(file.state for file in report.files)),
        usage=report.usage,
        degraded=report.degraded,
    )
