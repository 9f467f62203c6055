"""Applying suggestions that were approved: what its steps hand to each other."""

from enum import StrEnum

from pydantic import Field

from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.findings import Finding
from perdure.model.names import RepositoryName


class PrepareFixesInput(Model):
    """Input of ``prepare_fixes``.

    Attributes:
        head_sha: The commit that was approved.
        report: The :class:`~perdure.model.review.ReviewReport` as JSON, in the content store.
        chosen: Fingerprints of the findings whose suggestions were approved.
        digest: Of its findings: what the approval was bound to.
    """

    repository: RepositoryName
    pull_number: int
    head_sha: str = Field(pattern=r"^[0-9a-f]{40}$")
    report: StoredObject
    digest: str = Field(pattern=r"^[0-9a-f]{8,64}$")
    chosen: tuple[str, ...]


class SkippedFix(Model):
    """A suggestion that was chosen and is not applied."""

    fingerprint: str
    reason: str


class FixedFile(Model):
    """A file as it would be.

    Attributes:
        blob_sha: git's name for its content before.
        mode: git's mode of it, which stays.
        before: Its content at the approved commit, in the content store.
        after: What it would be.
    """

    path: str
    blob_sha: str
    mode: str = "100644"
    before: StoredObject
    after: StoredObject


class PreparedFixes(Model):
    """The chosen suggestions, computed against the approved commit. Nothing of it is at GitHub yet.

    Attributes:
        files: Empty where nothing can be applied.
        applied: Fingerprints.
        skipped: Those that were chosen and cannot be applied.
    """

    repository: RepositoryName
    pull_number: int
    head_sha: str
    digest: str
    files: tuple[FixedFile, ...] = ()
    applied: tuple[str, ...] = ()
    skipped: tuple[SkippedFix, ...] = ()


class VerifyFixInput(Model):
    """Input of ``verify_fix``, which a worker does that holds no write token.

    Attributes:
        report: What was reviewed: findings that are in it are not new.
        analysers: Which reviewers look at the files as they would be, by name.
    """

    prepared: PreparedFixes
    report: StoredObject
    analysers: tuple[str, ...] = ()


class VerifiedFix(Model):
    """Whether the files as they would be may be committed.

    Attributes:
        new_findings: What the reviewers say of them that they do not say of the files before.
    """

    ok: bool
    new_findings: tuple[Finding, ...] = ()


class ApplyInput(Model):
    """Input of ``apply_fixes``.

    Attributes:
        approved_by: Named in the commit's message.
        title: The commit's first line; Perdure's own words where it is left out.
        checked_by: Who looked at the result, named in the commit's message.
        verified: What they said; where they found something new, nothing is committed, and that is said.
    """

    prepared: PreparedFixes
    approved_by: tuple[str, ...] = ()
    title: str = ""
    checked_by: tuple[str, ...] = ()
    verified: VerifiedFix | None = None


class ApplyOutcome(StrEnum):
    """What became of fixes that were approved."""

    COMMITTED = "committed"
    FOUND = "found"
    """The commit was there already, from an attempt whose answer was lost."""
    MOVED = "moved"
    """The branch is no longer at the approved commit: nothing was written."""
    REFUSED = "refused"
    """GitHub, or the rules, do not let Perdure write there."""
    NOTHING = "nothing"
    """There was nothing to apply."""


class AppliedFix(Model):
    """What ``apply_fixes`` did.

    Attributes:
        reason: Why nothing was committed; it was said on the pull request too.
    """

    outcome: ApplyOutcome
    commit_sha: str = ""
    html_url: str = ""
    files: tuple[str, ...] = ()
    reason: str = ""
