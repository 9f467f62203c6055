"""Activities that turn approved suggestions into one commit.

It is computed against the files of the approved commit and follows that commit alone: GitHub moves the
branch to it only while the branch still stands there, so that a push in between is never built upon and never
lost. The commit names the findings that were approved; by that, and by what its files hold, a repeat
recognises it.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.saying import LOOK_INTERVALS, say_once
from perdure.activities.store import ContentStore
from perdure.errors import GitHubAuthenticationError, GitHubRefusedError
from perdure.github import GitHubClient, Moved
from perdure.model.findings import Finding
from perdure.model.fixed_text import fix_text, is_plain_path
from perdure.model.fixing import (
    AppliedFix,
    ApplyInput,
    ApplyOutcome,
    FixedFile,
    PreparedFixes,
    PrepareFixesInput,
    SkippedFix,
    VerifiedFix,
)
from perdure.model.plain_text import shown
from perdure.model.pull_requests import GitCommit, PullRequestFacts, PullRequestRef, TreeFile
from perdure.model.review import ReviewReport
from perdure.model.review_marks import key_of

TRAILER = "Perdure-Review"


class FixActivities:
    """Computes and commits fixes."""

    def __init__(
        self,
        github: GitHubClient,
        store: ContentStore,
        *,
        look_intervals: Sequence[float] = LOOK_INTERVALS,
    ) -> None:
        """Use the client and the store.

        Args:
            github: Its credentials may write contents and pull requests.
            store: Where reports and files are kept.
            look_intervals: Seconds before each look for a comment after a lost answer.
        """
        self._github = github
        self._store = store
        self._look_intervals = look_intervals

    @activity.defn
    async def prepare_fixes(self, input: PrepareFixesInput) -> PreparedFixes:
        """Compute what the chosen suggestions come to at the approved commit. Changes nothing at GitHub."""
        async with heartbeats():
            with as_application_errors():
                return await self._prepare(input)

    @activity.defn
    async def apply_fixes(self, input: ApplyInput) -> AppliedFix:
        """Commit prepared files to the pull request's branch. Safe to repeat: it finds its own commit.

        Where nothing may be or can be written, the pull request says why.
        """
        async with heartbeats():
            with as_application_errors():
                applied = await self._apply(input)
                if applied.reason:
                    await self._say(input.prepared, applied)
                return applied

    async def _prepare(self, input: PrepareFixesInput) -> PreparedFixes:
        report = ReviewReport.model_validate_json(self._store.get(input.report))
        commit = await self._github.get_git_commit(input.repository, input.head_sha)
        by_key = {key_of(finding): finding for finding in report.findings}
        names = {finding.fingerprint: key_of(finding) for finding in report.findings}
        chosen: dict[str, list[Finding]] = defaultdict(list)
        skipped: list[SkippedFix] = []
        for name in dict.fromkeys(input.chosen):
            finding = by_key.get(names.get(name, name))
            if finding is None:
                skipped.append(SkippedFix(fingerprint=name, reason="the review has no such finding"))
            else:
                chosen[finding.path].append(finding)
        files: list[FixedFile] = []
        applied: list[str] = []
        for path, findings in sorted(chosen.items()):
            file = await self._find(input.repository, commit, path)
            if file is None:
                reason = "it is about no plain file of the commit"
                skipped += [SkippedFix(fingerprint=key_of(each), reason=reason) for each in findings]
                continue
            before = await self._github.read_blob(input.repository, file.blob_sha)
            ordered = sorted(findings, key=lambda each: (each.start_line, key_of(each)))
            fixed = fix_text(before, ordered)
            applied += fixed.applied
            skipped += fixed.skipped
            if fixed.content != before:
                files.append(self._fixed_file(file, before, fixed.content))
        return PreparedFixes(
            repository=input.repository,
            pull_number=input.pull_number,
            head_sha=input.head_sha,
            digest=input.digest,
            files=tuple(files),
            applied=tuple(applied),
            skipped=tuple(skipped),
        )

    async def _find(self, repository: str, commit: GitCommit, path: str) -> TreeFile | None:
        if not is_plain_path(path):
            return None
        return await self._github.find_tree_file(repository, commit.tree_sha, path)

    def _fixed_file(self, file: TreeFile, before: bytes, after: bytes) -> FixedFile:
        return FixedFile(
            path=file.path,
            blob_sha=file.blob_sha,
            mode=file.mode,
            before=self._store.put(before),
            after=self._store.put(after),
        )

    async def _apply(self, input: ApplyInput) -> AppliedFix:
        prepared = input.prepared
        if not prepared.files:
            return _refused(ApplyOutcome.NOTHING, _why_nothing(prepared))
        if input.verified is not None and not input.verified.ok:
            return _refused(ApplyOutcome.REFUSED, _why_refused(input.verified))
        facts = await self._github.get_pull_request(_ref(prepared))
        if not facts.head_repository:
            return _refused(ApplyOutcome.REFUSED, "the repository of its branch is gone")
        if (found := await self._find_commit(facts, prepared)) is not None:
            return _applied(ApplyOutcome.FOUND, found, prepared)
        if (reason := _why_not(facts)) is not None:
            return _refused(ApplyOutcome.REFUSED, reason)
        if facts.head_sha != prepared.head_sha:
            return _moved(prepared)
        try:
            return await self._commit(input, facts)
        except GitHubAuthenticationError:
            raise
        except GitHubRefusedError as error:
            return _refused(ApplyOutcome.REFUSED, str(error))

    async def _commit(self, input: ApplyInput, facts: PullRequestFacts) -> AppliedFix:
        prepared, repository = input.prepared, facts.head_repository
        parent = await self._github.get_git_commit(repository, prepared.head_sha)
        files = {
            TreeFile(path=file.path, blob_sha=file.blob_sha, mode=file.mode): self._store.get(file.after)
            for file in prepared.files
        }
        commit = await self._github.commit_files(repository, parent, files, _message(input))
        match await self._github.advance_branch(repository, facts.head_ref, commit.sha):
            case Moved.YES:
                return _applied(ApplyOutcome.COMMITTED, commit, prepared)
            case Moved.GONE:
                return _refused(ApplyOutcome.REFUSED, f"the branch {facts.head_ref} is gone")
            case Moved.BEHIND:
                # Either somebody has pushed, or an attempt whose answer was lost came through.
                found = await self._find_commit(facts, prepared)
                return _applied(ApplyOutcome.FOUND, found, prepared) if found else _moved(prepared)

    async def _find_commit(self, facts: PullRequestFacts, prepared: PreparedFixes) -> GitCommit | None:
        """Return the commit of these fixes: by its trailer, which anybody can write, and by what it holds."""
        for commit in await self._github.list_commits(facts.head_repository, facts.head_ref):
            is_named = f"{TRAILER}: {prepared.digest}" in commit.message.splitlines()
            if is_named and commit.parents == (prepared.head_sha,):
                full = commit.model_copy(update={"html_url": _commit_page(facts, commit)})
                return full if await self._holds(facts.head_repository, commit, prepared) else None
        return None

    async def _holds(self, repository: str, commit: GitCommit, prepared: PreparedFixes) -> bool:
        for file in prepared.files:
            found = await self._github.find_tree_file(repository, commit.tree_sha, file.path)
            if found is None or found.blob_sha != _blob_sha(self._store.get(file.after)):
                return False
        return True

    async def _say(self, prepared: PreparedFixes, applied: AppliedFix) -> None:
        text = f"The approved fixes of {prepared.head_sha[:10]} were not applied: {shown(applied.reason)}."
        key = f"{applied.outcome}-{prepared.head_sha}-{prepared.digest}"
        await say_once(self._github, _ref(prepared), key, text, intervals=self._look_intervals)


def _ref(prepared: PreparedFixes) -> PullRequestRef:
    return PullRequestRef(repository=prepared.repository, pull_number=prepared.pull_number)


def _why_not(facts: PullRequestFacts) -> str | None:
    if facts.state != "open":
        return "the pull request is closed"
    if facts.is_from_fork and not facts.maintainer_can_modify:
        return f"its branch is in {facts.head_repository}, and its author does not let maintainers push to it"
    return None


def _why_nothing(prepared: PreparedFixes) -> str:
    reasons = sorted({each.reason for each in prepared.skipped})
    return "nothing of it can be applied" + (f" ({'; '.join(reasons)})" if reasons else "")


def _why_refused(verified: VerifiedFix) -> str:
    found = verified.new_findings
    first = f": {found[0].path}:{found[0].start_line} {found[0].rule}" if found else ""
    return f"with them the analysers find something new{first}"


def _moved(prepared: PreparedFixes) -> AppliedFix:
    reason = (
        f"the branch is no longer at {prepared.head_sha[:10]}, which was approved: what was pushed since has "
        "to be reviewed first"
    )
    return _refused(ApplyOutcome.MOVED, reason)


def _refused(outcome: ApplyOutcome, reason: str) -> AppliedFix:
    return AppliedFix(outcome=outcome, reason=reason)


def _applied(outcome: ApplyOutcome, commit: GitCommit, prepared: PreparedFixes) -> AppliedFix:
    return AppliedFix(
        outcome=outcome,
        commit_sha=commit.sha,
        html_url=commit.html_url,
        files=tuple(file.path for file in prepared.files),
    )


def _message(input: ApplyInput) -> str:
    count = len(input.prepared.applied)
    title = _one_line(input.title) or f"Apply {count} reviewed fix{'' if count == 1 else 'es'}"
    approved = ", ".join(map(_one_line, input.approved_by))
    checked = ", ".join(map(_one_line, input.checked_by))
    lines = [
        f"Of the review of {input.prepared.head_sha}.",
        f"Approved by {approved}." if approved else "",
        f"Looked at afterwards by {checked}." if checked else "",
    ]
    return "\n".join([title, "", *filter(None, lines), "", f"{TRAILER}: {input.prepared.digest}"])


def _one_line(text: str) -> str:
    """Return a name without what would begin a line, and so a trailer, of its own or mention somebody."""
    return " ".join(re.sub(r"[^\w .,+()/-]", " ", text).split())[:100]


def _commit_page(facts: PullRequestFacts, commit: GitCommit) -> str:
    return commit.html_url or f"{facts.html_url}/commits/{commit.sha}"


def _blob_sha(content: bytes) -> str:
    """Return git's name for a content: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
