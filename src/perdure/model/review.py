"""What a review is asked for, what it looked at, and what came of it."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from perdure.config.secret_references import check_reference
from perdure.model.actions import StoredObject
from perdure.model.base import Model
from perdure.model.findings import Finding


class ReviewTarget(Model):
    """What is to be reviewed: a pull request, a whole repository, or a folder on this machine.

    Attributes:
        repository: ``owner/name``; empty for a folder.
        pull_number: The pull request.
        ref: Branch, tag or commit of a whole repository; its default branch otherwise.
        folder: An absolute path of a git work tree on the worker's machine.
        base: For a folder: the revision that its changes are measured from; everything otherwise.
    """

    repository: str = ""
    pull_number: int | None = None
    ref: str | None = None
    folder: str = ""
    base: str | None = None

    def __str__(self) -> str:
        if self.folder:
            return self.folder
        return f"{self.repository}#{self.pull_number}" if self.pull_number else self.repository


class FileStatus(StrEnum):
    """What a change does to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    RENAMED = "renamed"
    REMOVED = "removed"


class LineRange(Model):
    """Lines of a file as it is after the change, both ends included, from 1."""

    start: int = Field(ge=1)
    end: int = Field(ge=1)


class ChangedFile(Model):
    """One file of a change.

    Attributes:
        path: From the repository's root; of the file as it is after the change.
        added: Lines that the change added or changed; all of them where a whole repository is reviewed.
        is_binary: Whether git takes it for one.
        size: In bytes, after the change.
        unreadable: Why it is not in the tree's folder, such as ``a submodule``; empty where it is.
    """

    path: str
    status: FileStatus = FileStatus.MODIFIED
    added: tuple[LineRange, ...] = ()
    is_binary: bool = False
    size: int = 0
    unreadable: str = ""


class Change(Model):
    """What a review looks at: files at one commit, and what was changed in them.

    It is kept in the content store, for it may list thousands of files.

    Attributes:
        head_sha: The commit; the digest of the files for a folder whose changes are not committed.
        base_sha: The merge base; empty where everything is reviewed.
        tree: Names the checked-out files in the cache of repositories.
        diff: The unified diff, in the content store; ``None`` where everything is reviewed.
    """

    target: ReviewTarget
    head_sha: str
    base_sha: str = ""
    tree: str
    files: tuple[ChangedFile, ...] = ()
    diff: StoredObject | None = None
    title: str = ""
    head_ref: str = ""
    head_repository: str = ""
    author: str = ""
    author_id: int | None = None


class UnitRef(Model):
    """One part of a change that is reviewed in one go.

    Attributes:
        unit_id: Digest of everything that a reviewer is shown: the same content is never paid for twice.
        path: Its file.
        content: The :class:`ReviewUnit`, in the content store.
    """

    unit_id: str
    path: str
    content: StoredObject


class RelatedChunk(Model):
    """A piece of code elsewhere that a reviewer is shown beside a change."""

    path: str
    symbol: str = ""
    start_line: int
    text: str


class ReviewUnit(Model):
    """What a reviewer is shown of one file.

    Attributes:
        language: tree-sitter's name of it; empty where it has none.
        symbol: The function or class around the change.
        start_line: Of ``text``, in the file as it is after the change.
        text: The enclosing code as it is after the change.
        hunks: The change itself, as unified diff; empty where everything is reviewed.
        added: The lines that findings may be about.
        related: Pieces of code elsewhere.
    """

    path: str
    language: str = ""
    symbol: str = ""
    start_line: int = 1
    text: str
    hunks: str = ""
    added: tuple[LineRange, ...] = ()
    related: tuple[RelatedChunk, ...] = ()


class Usage(Model):
    """What was paid for.

    Attributes:
        cost: In millionths of a US dollar.
        cached: Units whose result was there already.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    cached: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            requests=self.requests + other.requests,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost=self.cost + other.cost,
            cached=self.cached + other.cached,
        )


class FileState(StrEnum):
    """How a file of a change ended: every one of them ends in one of these."""

    REVIEWED = "reviewed"
    SKIPPED = "skipped"
    FAILED = "failed"


class UnitResult(Model):
    """What reviewing one unit came to.

    Attributes:
        stored: The findings, in the content store, where they are too many to travel.
        model: Who reviewed it: ``openai:gpt-5-mini prompt review-1``; empty where no model did.
        degraded: Why a cheaper reviewer was taken, or none.
        reason: Why it was not reviewed.
    """

    unit_id: str
    path: str
    state: FileState = FileState.REVIEWED
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    stored: StoredObject | None = None
    usage: Usage = Usage()
    model: str = ""
    degraded: str = ""


class FileOutcome(Model):
    """How one file ended, and why where it was not reviewed."""

    path: str
    state: FileState
    reason: str = ""


class Verdict(StrEnum):
    """What a review says as a whole.

    A partial review never passes: what nobody looked at is not known to be good.
    """

    PASSED = "passed"
    FINDINGS = "findings"
    PARTIAL = "partial"


class ReviewReport(Model):
    """A whole review. It is kept in the content store.

    Attributes:
        findings: Without repetitions, sorted by path and line.
        files: Every file of the change.
        reviewers: Who looked, with versions: ``ruff 0.17.6``, ``model openai:gpt-5-mini prompt review-1``.
        degraded: Why a cheaper reviewer was taken, where one was.
        still_present: Fingerprints of those findings that the review before had too.
        fixed: Findings of the review before that are gone.
    """

    target: ReviewTarget
    head_sha: str
    base_sha: str = ""
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    files: tuple[FileOutcome, ...] = ()
    reviewers: tuple[str, ...] = ()
    usage: Usage = Usage()
    degraded: tuple[str, ...] = ()
    still_present: tuple[str, ...] = ()
    fixed: tuple[Finding, ...] = ()


class RequireApproval(StrEnum):
    """When people are asked about a review."""

    NEVER = "never"
    ALWAYS = "always"
    WHEN = "when"


class ApprovalWhen(Model):
    """What makes a review ask people, where ``require_approval`` is ``when``. Any of it is enough.

    Attributes:
        categories: Findings about any of these.
        cost: More than this was paid, in millionths of a US dollar.
        low_confidence: A finding is of low confidence.
    """

    categories: tuple[str, ...] = ("security", "secret")
    cost: int | None = None
    low_confidence: bool = False


class ReviewPolicy(Model):
    """How a review is done.

    Attributes:
        analysers: Static reviewers, by name.
        use_model: Whether the configured language model reviews too; nothing happens where none is.
        related_chunks: How many pieces of code from elsewhere a model is shown at most; 0 is none.
        max_parallel: Units under review at the same time.
        budget: What one review may cost, in millionths of a US dollar.
        publish: Whether the review is posted at GitHub.
        fix: Whether chosen suggestions become a commit once they are approved.
        notify: Secret references of Slack-compatible webhooks, told when people are waited for.
    """

    analysers: tuple[str, ...] = ("ruff", "detect-secrets", "zizmor")
    use_model: bool = True
    related_chunks: int = Field(default=4, ge=0, le=20)
    max_parallel: int = Field(default=10, ge=1, le=500)
    budget: int | None = None
    publish: bool = True
    fix: bool = False
    require_approval: RequireApproval = RequireApproval.NEVER
    approval_when: ApprovalWhen = ApprovalWhen()
    approvers: tuple[str, ...] = ()
    quorum: int = Field(default=1, ge=1)
    approval_timeout: timedelta = timedelta(hours=24)
    remind: timedelta | None = None
    notify: tuple[Annotated[str, AfterValidator(check_reference)], ...] = Field(default=(), max_length=10)
