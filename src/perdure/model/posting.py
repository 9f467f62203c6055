"""What a review posts at a pull request: what is asked for, and what came of it."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.findings import Severity
from perdure.model.names import RepositoryName
from perdure.model.review import ReviewReport, Verdict

MOST_COMMENTS = 25
CHECK_NAME = "perdure review"
MOST_LISTED = 50

_RANK = {Severity.NOTE: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class PublishPolicy(Model):
    """How a review shows at GitHub.

    Attributes:
        fail_on: Findings of this severity or a higher one keep the check run from passing.
        conclusion: What the check run says then.
        max_comments: Findings beyond are listed in the review's summary.
        check_name: What the check run is called: what a branch protection rule names.
    """

    fail_on: Severity = Severity.WARNING
    conclusion: Literal["failure", "action_required", "neutral"] = "failure"
    max_comments: int = Field(default=MOST_COMMENTS, ge=0, le=100)
    check_name: str = Field(default=CHECK_NAME, min_length=1, max_length=100)


class PublishInput(Model):
    """Input of ``publish_review``.

    Attributes:
        head_sha: The commit that was reviewed.
        report: The :class:`~perdure.model.review.ReviewReport` as JSON, in the content store.
        digest: Of its findings: what an approval is bound to, and a repeat is recognised by.
        note: A sentence of Perdure's own that ends the summary, such as how to approve. Markdown.
        details_url: Where the check run leads to.
    """

    repository: RepositoryName
    pull_number: int
    head_sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    report: StoredObject
    digest: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    policy: PublishPolicy = PublishPolicy()
    note: str = ""
    details_url: str | None = None


class PublishOutcome(StrEnum):
    """What became of a review that was to be published."""

    POSTED = "posted"
    FOUND = "found"
    """It was there already, from an attempt whose answer was lost."""
    UPDATED = "updated"
    """The commit had a review of other findings: its text was replaced."""
    NOTHING_NEW = "nothing-new"
    """The pull request shows everything already; only the check run was set."""
    STALE = "stale"
    """The pull request has moved on or is closed: nothing was posted."""


class Published(Model):
    """What ``publish_review`` did.

    Attributes:
        comments: Findings that this review comments on lines of.
        summarised: Findings that its summary lists instead.
        carried: Findings that an earlier review of the same pull request has said.
        fixed: Findings of earlier reviews that are no longer there.
        withheld: Texts that looked like they hold a secret and were not posted.
        conclusion: The check run's, or of the commit status that stands for one.
        head_sha: Where the pull request stands now, if it is stale.
        warnings: What a person should know although the review was published.
    """

    outcome: PublishOutcome
    review_id: int | None = None
    html_url: str = ""
    comments: int = 0
    summarised: int = 0
    carried: int = 0
    fixed: int = 0
    withheld: int = 0
    conclusion: str = ""
    check_run_id: int | None = None
    head_sha: str = ""
    warnings: tuple[str, ...] = ()


class SayInput(Model):
    """Input of ``say_rejected``: why nothing of a review is applied.

    Attributes:
        digest: Of the findings that were decided on; makes the comment the same one when repeated.
        reason: In the words of who decided, or of the rule that did.
        decided_by: Who rejected; empty where nobody did, as after a time-out.
    """

    repository: RepositoryName
    pull_number: int
    head_sha: str
    digest: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    reason: str
    decided_by: tuple[str, ...] = ()


class Said(Model):
    """A comment on a pull request."""

    comment_id: int
    html_url: str = ""


def conclusion_of(report: ReviewReport, policy: PublishPolicy) -> str:
    """Return the check run's conclusion: ``success`` only where everything was reviewed and is well."""
    if any(reaches(finding.severity, policy.fail_on) for finding in report.findings):
        return policy.conclusion
    return "neutral" if report.verdict is Verdict.PARTIAL else "success"


def reaches(severity: Severity, threshold: Severity) -> bool:
    """Say whether a severity is at least this one."""
    return _RANK[severity] >= _RANK[threshold]
