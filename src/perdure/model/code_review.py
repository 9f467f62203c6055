"""A code review as a workflow: what it is given, what it tells, and what it decides."""

import hashlib
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.approvals import Person, Reason
from perdure.model.base import Model
from perdure.model.findings import Severity
from perdure.model.fixing import AppliedFix
from perdure.model.posting import Published, PublishPolicy
from perdure.model.review import FileState, RequireApproval, ReviewPolicy, ReviewTarget, Usage, Verdict
from perdure.model.reviewing import ReviewSummary

UNITS_AT_ONCE = 200
"""Units that one workflow reviews itself; more are shared out among children of it."""


class ReviewStage(StrEnum):
    """What a review is at."""

    FETCHING = "fetching"
    INDEXING = "indexing"
    REVIEWING = "reviewing"
    PUBLISHING = "publishing"
    APPROVAL = "approval"
    APPLYING = "applying"
    DONE = "done"


class CodeReviewInput(Model):
    """A review to do.

    Attributes:
        publishing: How it shows at GitHub, where ``policy.publish`` says that it does.
        requester: Who asked for it.
        previous: The report of the last review of the same pull request: tells what was fixed since.
    """

    target: ReviewTarget
    policy: ReviewPolicy = ReviewPolicy()
    publishing: PublishPolicy = PublishPolicy()
    requester: Person | None = None
    previous: StoredObject | None = None


class HeadChanged(Model):
    """News that a pull request's branch has moved. It is a hint: the workflow reads where it is.

    Attributes:
        head_sha: Where it was seen; empty where that is not known.
    """

    head_sha: str = ""


class ReviewUnitsInput(Model):
    """A part of a review's units, for a child of it.

    Attributes:
        plan: The :class:`~perdure.model.reviewing.ReviewPlan`, in the content store.
        offset: The first unit.
        count: How many.
        review_id: Whose budget is used.
        granted: What a person allowed beyond it, in millionths of a US dollar.
    """

    plan: StoredObject
    offset: int
    count: int = Field(ge=1, le=UNITS_AT_ONCE)
    review_id: str
    organisation: str = ""
    policy: ReviewPolicy = ReviewPolicy()
    granted: int = 0


class ReviewedUnits(Model):
    """What became of a part of a review's units.

    Attributes:
        results: In the content store.
        needed: What the next unit costs at worst, where a budget stopped the rest: a person may allow it.
        limit: Which budget that was.
    """

    results: StoredObject | None = None
    done: int = 0
    failed: int = 0
    usage: Usage = Usage()
    needed: int = 0
    limit: str = ""


class CodeReviewProgress(Model):
    """Where a review stands.

    Attributes:
        rounds: How often it began because somebody pushed.
        units: How many parts are reviewed.
        done: How many of them have been.
        failed: How many of those could not be.
        approval_id: The workflow that waits for people.
        summary: What was found, once it is known.
    """

    target: ReviewTarget
    stage: ReviewStage = ReviewStage.FETCHING
    started_at: datetime
    head_sha: str = ""
    rounds: int = 1
    units: int = 0
    done: int = 0
    failed: int = 0
    usage: Usage = Usage()
    models: tuple[str, ...] = ()
    approval_id: str = ""
    html_url: str = ""
    summary: ReviewSummary | None = None


class CodeReviewResult(Model):
    """What a review came to.

    Attributes:
        published: What was posted; ``None`` where nothing was to be.
        approved: What people decided; ``None`` where nobody was asked.
        reason: Why they did, or ``timeout``.
        fix: What became of the suggestions that were to be applied.
        closed: Whether the pull request was closed before anything was reviewed.
    """

    target: ReviewTarget
    head_sha: str = ""
    summary: ReviewSummary | None = None
    published: Published | None = None
    approved: bool | None = None
    reason: str = ""
    fix: AppliedFix | None = None
    closed: bool = False
    html_url: str = ""


class RepositoryAnalysisInput(Model):
    """A whole repository to review.

    Attributes:
        repository: ``owner/name``.
        ref: Branch, tag or commit; the default branch otherwise.
        previous: The report of an earlier analysis: tells what was fixed since.
    """

    repository: str
    ref: str | None = None
    policy: ReviewPolicy = ReviewPolicy(publish=False)
    previous: StoredObject | None = None


class RepositoryAnalysisResult(Model):
    """What the review of a whole repository came to, in a few numbers: a fleet keeps thousands of them."""

    repository: str
    head_sha: str
    verdict: Verdict
    report: StoredObject
    sarif: StoredObject
    found: dict[Severity, int] = Field(default_factory=dict)
    files: dict[FileState, int] = Field(default_factory=dict)
    cost: int = 0


def asks_people(policy: ReviewPolicy, summary: ReviewSummary) -> bool:
    """Say whether a review has to be decided by people."""
    match policy.require_approval:
        case RequireApproval.NEVER:
            return False
        case RequireApproval.ALWAYS:
            return True
    when = policy.approval_when
    return (
        bool({category.value for category in summary.categories} & set(when.categories))
        or (when.cost is not None and summary.usage.cost > when.cost)
        or (when.low_confidence and summary.low_confidence)
    )


def subject_digest(head_sha: str, findings_digest: str) -> str:
    """Return what an approval is bound to: the commit and what was found on it."""
    return hashlib.sha256(f"{head_sha}\0{findings_digest}".encode()).hexdigest()


def approval_question(target: ReviewTarget, summary: ReviewSummary, *, fixes: int) -> str:
    """Ask about a review in words."""
    found = ", ".join(f"{count} {severity.value}" for severity, count in sorted(summary.found.items()))
    what = f"apply {fixes} fix{'es' if fixes != 1 else ''} to" if fixes else "accept the review of"
    return (
        f"{what[0].upper()}{what[1:]} {target} at {summary.head_sha[:12]}? Found: {found or 'nothing'}."
        f" Verdict: {summary.verdict.value}."
    )


def rejection_reason(comments: tuple[str, ...], reason: Reason) -> str:
    """Say why people rejected: in their words, else by the rule that did."""
    return "; ".join(comment for comment in comments if comment) or (
        "rejected" if reason is Reason.DECIDED else reason.value
    )


_SIGNS = {Verdict.PASSED: "✓", Verdict.FINDINGS: "✗", Verdict.PARTIAL: "◐"}


def review_markdown(progress: CodeReviewProgress) -> str:
    """Draw a review for its page in Temporal's UI."""
    lines = [f"**{progress.target}** at `{progress.head_sha[:12] or '?'}` · {progress.stage.value}"]
    if progress.units:
        failed = f", {progress.failed} failed" if progress.failed else ""
        lines.append(
            f"{progress.done} of {progress.units} units{failed}, cost ${progress.usage.cost / 1e6:.4f}"
        )
    if (summary := progress.summary) is not None:
        found = ", ".join(f"{count} {severity.value}" for severity, count in summary.found.items())
        lines.append(f"{_SIGNS[summary.verdict]} {summary.verdict.value}: {found or 'nothing found'}")
    if progress.html_url:
        lines.append(f"[review]({progress.html_url})")
    return "\n\n".join(lines)
