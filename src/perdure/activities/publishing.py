"""Activities that show a review at GitHub. They run where the token may write, and never ask a model.

A review is posted once for each commit, with all its comments or none. Whether it was is asked of the pull
request itself, by a hidden mark under Perdure's own login: after a crash, a lost answer or a retry nothing
stands there twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.saying import LOOK_INTERVALS, SEND_WITHIN, fresh_for, look_for, say_once
from perdure.activities.store import ContentStore
from perdure.errors import GitHubPermissionError, GitHubRefusedError
from perdure.github import GitHubClient, is_beside_the_diff
from perdure.model.drafting import Asked, Known, ReviewDraft, draft_review
from perdure.model.marks import CheckRun, CheckStatus, CommitStatus
from perdure.model.plain_text import Redact, redact, shown
from perdure.model.posting import Published, PublishInput, PublishOutcome, Said, SayInput
from perdure.model.pull_requests import (
    FilePatch,
    PostedComment,
    PostedReview,
    PullRequestFacts,
    PullRequestRef,
    ReviewToPost,
)
from perdure.model.review import ReviewReport
from perdure.model.review_marks import find_review, read_review_mark, what_was_said

_CHECK_ID = "perdure-review"
# A commit status knows no "neutral": what is not known to be good is none.
_STATES = {"success": "success", "failure": "failure", "action_required": "failure"}


@dataclass(frozen=True)
class _Shown:
    """What a pull request shows of Perdure's.

    Attributes:
        author: Perdure's own login.
        review: Its review of this very commit, if it is there.
        is_same: Whether that review is of the same findings.
        is_fresh: Says whether this is not too long ago to act upon.
    """

    author: str
    reviews: Sequence[PostedReview]
    comments: Sequence[PostedComment]
    review: PostedReview | None
    is_same: bool
    is_fresh: Callable[[], bool]

    def known(self, patches: Sequence[FilePatch]) -> Known:
        """Return what a review of this commit is drafted from: as if it were not there yet.

        A review of other findings keeps its comments and gets a new text: comments cannot be added to it, so
        that everything else is said in the summary.
        """
        mine = self.review.review_id if self.review else None
        others = [each for each in self.reviews if each.review_id != mine]
        if mine is None or self.is_same:
            comments = [each for each in self.comments if mine is None or each.review_id != mine]
            return Known(patches=tuple(patches), said=dict(what_was_said(others, comments, self.author)))
        blank = PostedReview(review_id=mine, author=self.author)
        return Known(said=dict(what_was_said([*others, blank], self.comments, self.author)))


class PublishingActivities:
    """Shows reviews at pull requests."""

    def __init__(
        self,
        github: GitHubClient,
        store: ContentStore,
        *,
        redacted: Redact = redact,
        look_intervals: Sequence[float] = LOOK_INTERVALS,
        send_within: timedelta = SEND_WITHIN,
    ) -> None:
        """Use the client and the store.

        Args:
            github: Its credentials may write pull requests, checks and statuses.
            store: Where reports are kept.
            redacted: Returns a text without its secrets; everything that is posted goes through it.
            look_intervals: Seconds before each look after a lost answer.
            send_within: A review that was not there is posted this long afterwards at most.
        """
        self._github = github
        self._store = store
        self._redacted = redacted
        self._look_intervals = look_intervals
        self._send_within = send_within

    @activity.defn
    async def read_pull_request(self, ref: PullRequestRef) -> PullRequestFacts:
        """Read a pull request. Only reads; one that is not there is a permanent error."""
        async with heartbeats():
            with as_application_errors():
                return await self._github.get_pull_request(ref)

    @activity.defn
    async def publish_review(self, input: PublishInput) -> Published:
        """Post a review of a commit, and set its check run. Safe to repeat: it looks before it posts.

        A pull request that has moved on, or is closed, gets nothing: ``stale``.
        """
        async with heartbeats():
            with as_application_errors():
                return await self._publish(input)

    @activity.defn
    async def say_rejected(self, input: SayInput) -> Said:
        """Say on the pull request why the review's fixes are not applied. Safe to repeat: said once."""
        who = ", ".join(shown(name, limit=100) for name in input.decided_by)
        by = f" by {who}" if who else ""
        text = (
            f"The fixes of the review of {input.head_sha[:10]} were rejected{by}: "
            f"{shown(self._redacted(input.reason), limit=2_000)}"
        )
        async with heartbeats():
            with as_application_errors():
                key = f"rejected-{input.head_sha}-{input.digest}"
                return await say_once(self._github, _ref(input), key, text, intervals=self._look_intervals)

    async def _publish(self, input: PublishInput) -> Published:
        ref = _ref(input)
        facts = await self._github.get_pull_request(ref)
        if _is_stale(facts, input):
            return Published(outcome=PublishOutcome.STALE, head_sha=facts.head_sha)
        report = ReviewReport.model_validate_json(self._store.get(input.report))
        patches = await self._github.list_patches(ref)
        there = await self._look(input)
        draft = self._draft(report, there.known(patches), input)
        try:
            done = await self._post(input, draft, there)
        except GitHubRefusedError as error:
            if error.status != 422:
                raise
            facts = await self._github.get_pull_request(ref)
            if _is_stale(facts, input):
                return Published(outcome=PublishOutcome.STALE, head_sha=facts.head_sha)
            if not is_beside_the_diff(error):
                raise
            # GitHub sees another diff than it shows: without comments it has nothing to refuse.
            draft = self._draft(report, there.known(()), input)
            done = await self._post(input, draft, there)
        return await self._mark(input, draft, done)

    async def _look(self, input: PublishInput) -> _Shown:
        ref = _ref(input)
        author = await self._github.own_login()
        comments = await self._github.list_review_comments(ref)
        # The last thing before posting: what is posted is what was not there just now.
        is_fresh = fresh_for(self._send_within)
        reviews = await self._github.list_reviews(ref)
        review = find_review(reviews, author, input.head_sha)
        mark = read_review_mark(review.body) if review else None
        return _Shown(
            author=author,
            reviews=reviews,
            comments=comments,
            review=review,
            is_fresh=is_fresh,
            is_same=mark is not None and mark.digest == input.digest,
        )

    def _draft(self, report: ReviewReport, known: Known, input: PublishInput) -> ReviewDraft:
        asked = Asked(policy=input.policy, digest=input.digest, note=input.note)
        return draft_review(report, known, asked, redacted=self._redacted)

    async def _post(self, input: PublishInput, draft: ReviewDraft, there: _Shown) -> Published:
        done = Published(
            outcome=PublishOutcome.POSTED,
            comments=len(draft.comments),
            summarised=draft.summarised,
            carried=draft.carried,
            fixed=draft.fixed,
            withheld=draft.withheld,
            conclusion=draft.conclusion,
        )
        if there.review is not None:
            if there.is_same:
                return _of(there.review, done, PublishOutcome.FOUND)
            updated = await self._github.update_review(_ref(input), there.review.review_id, draft.body)
            return _of(updated, done, PublishOutcome.UPDATED)
        if not draft.is_news:
            return done.model_copy(update={"outcome": PublishOutcome.NOTHING_NEW})
        wanted = ReviewToPost(head_sha=input.head_sha, body=draft.body, comments=draft.comments)
        posting = await self._github.post_review(_ref(input), wanted, may_send=there.is_fresh)
        if posting.made is not None:
            return _of(posting.made, done, PublishOutcome.POSTED)
        review = await look_for(lambda: self._find(input, there.author), self._look_intervals, posting.reason)
        return _of(review, done, PublishOutcome.FOUND)

    async def _find(self, input: PublishInput, author: str) -> PostedReview | None:
        return find_review(await self._github.list_reviews(_ref(input)), author, input.head_sha)

    async def _mark(self, input: PublishInput, draft: ReviewDraft, done: Published) -> Published:
        check = CheckRun(
            name=input.policy.check_name,
            head_sha=input.head_sha,
            external_id=_CHECK_ID,
            status=CheckStatus.COMPLETED,
            conclusion=draft.conclusion,
            title=draft.title,
            summary=draft.summary,
            details_url=input.details_url or done.html_url or None,
        )
        try:
            placed = await self._github.put_check_run(input.repository, check)
        except GitHubPermissionError:
            return await self._mark_by_status(input, check, done)
        return done.model_copy(update={"check_run_id": placed.mark_id})

    async def _mark_by_status(self, input: PublishInput, check: CheckRun, done: Published) -> Published:
        """Set a commit status, which a plain token may: check runs are for Apps alone."""
        status = CommitStatus(
            context=check.name,
            sha=input.head_sha,
            state=_STATES.get(check.conclusion or "", "error"),
            description=check.title,
            target_url=check.details_url,
        )
        try:
            await self._github.put_commit_status(input.repository, status)
        except GitHubPermissionError as error:
            warning = f"neither a check run nor a commit status shows the verdict: {error}"
            return done.model_copy(update={"conclusion": "", "warnings": (*done.warnings, warning)})
        return done


def _ref(input: PublishInput | SayInput) -> PullRequestRef:
    return PullRequestRef(repository=input.repository, pull_number=input.pull_number)


def _is_stale(facts: PullRequestFacts, input: PublishInput) -> bool:
    return facts.head_sha != input.head_sha or facts.state != "open"


def _of(review: PostedReview, counts: Published, outcome: PublishOutcome) -> Published:
    return counts.model_copy(
        update={"outcome": outcome, "review_id": review.review_id, "html_url": review.html_url}
    )
