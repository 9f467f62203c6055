"""Reviews a change, says so at GitHub, asks people where that is wanted, and applies what they approve."""

import asyncio
from collections.abc import Coroutine

from temporalio import workflow
from temporalio.exceptions import ActivityError

from perdure.workflows import _calls, _review_calls
from perdure.workflows._reviewing import Reviewing
from perdure.workflows.building_blocks import first_complaint, request_approval

with workflow.unsafe.imports_passed_through():
    from datetime import timedelta

    from pydantic import ValidationError

    from perdure.activities.failures import application_error
    from perdure.activities.notifying import PostWebhookInput
    from perdure.errors import UsageError
    from perdure.model import queues
    from perdure.model.approval_progress import ApprovalNews
    from perdure.model.approvals import ApprovalRequest, ApprovalResult, Person
    from perdure.model.code_review import (
        CodeReviewInput,
        CodeReviewProgress,
        CodeReviewResult,
        HeadChanged,
        ReviewStage,
        approval_question,
        asks_people,
        rejection_reason,
        subject_digest,
    )
    from perdure.model.fixing import AppliedFix, ApplyInput, PrepareFixesInput, VerifyFixInput
    from perdure.model.forms import FormField, FormFieldType
    from perdure.model.notifications import Message
    from perdure.model.posting import Published, PublishInput, PublishOutcome, SayInput
    from perdure.model.pull_requests import PullRequestFacts, PullRequestRef
    from perdure.model.review import RequireApproval
    from perdure.model.reviewing import ReviewSummary

_LOOK_INTERVAL = timedelta(minutes=10)
"""How often a waiting review looks where its pull request stands, if nobody tells it."""

_APPROVAL_NEWS = "approval_news"
_FORM_FIELD = "fixes"
_SAFE, _ALL, _NONE = "safe", "all", "none"


class _Stale(Exception):
    """The branch has moved: what was done so far is about a commit that is not its head any more."""


@workflow.defn
class CodeReviewWorkflow:
    """Reviews one pull request, or a folder on the worker's machine, to its end.

    There is one for each pull request. When its branch moves, what is stale is cancelled, an approval too,
    and the new head is reviewed: units that are the same as before cost nothing. Ends when the head is
    reviewed and, where people are asked, decided. Messages: the signal ``head_changed``, which may come
    early, late, often or never; the query ``progress``. Survives the loss of worker and engine at any moment,
    and then pays for nothing twice and posts nothing twice.
    """

    @workflow.init
    def __init__(self, input: CodeReviewInput) -> None:
        """Begin."""
        self._input = input
        self._target = input.target
        self._policy = input.policy
        self._reviewing = Reviewing(input.target, input.policy, requester=input.requester)
        self._previous = input.previous
        self._moved = False
        self._rounds = 0
        self._notices: list[asyncio.Task[None]] = []

    @workflow.run
    async def run(self, input: CodeReviewInput) -> CodeReviewResult:
        """Review the head of the change, again whenever it moves."""
        while True:
            self._moved = False
            self._rounds += 1
            self._reviewing.update(rounds=self._rounds)
            try:
                result = await self._round()
            except _Stale:
                continue
            self._reviewing.update(stage=ReviewStage.DONE)
            return result

    @workflow.signal
    def head_changed(self, news: HeadChanged | None = None) -> None:
        """Look where the branch is."""
        if news is None or not news.head_sha or news.head_sha != self._reviewing.progress.head_sha:
            self._moved = True

    @workflow.signal
    def approval_news(self, news: ApprovalNews | None = None) -> None:
        """Tell whoever is to decide, beside everything else, that they are waited for."""
        if news is not None:
            self._notices += [
                asyncio.create_task(self._tell(news, webhook)) for webhook in self._policy.notify
            ]

    @workflow.query
    def progress(self) -> CodeReviewProgress:
        """Tell where the review stands."""
        return self._reviewing.progress

    async def _round(self) -> CodeReviewResult:
        if self._target.pull_number is None:
            return CodeReviewResult(
                target=self._target,
                summary=(summary := await self._reviewing.review(previous=self._previous)),
                head_sha=summary.head_sha,
            )
        facts = await self._facts()
        if facts.state != "open":
            return CodeReviewResult(target=self._target, head_sha=facts.head_sha, closed=True)
        self._check_who_decides(facts)
        return await self._unless_moved(facts, self._reviewed(facts))

    def _check_who_decides(self, facts: PullRequestFacts) -> None:
        """Fail before anything is paid for where nobody could decide in the end."""
        if self._policy.require_approval is RequireApproval.NEVER:
            return
        try:
            ApprovalRequest(
                approvers=self._policy.approvers,
                quorum=self._policy.quorum,
                requester=_author(facts) or self._input.requester,
                timeout=self._policy.approval_timeout,
                remind=self._policy.remind,
            )
        except ValidationError as invalid:
            raise application_error(UsageError(first_complaint(invalid))) from None

    async def _unless_moved(
        self, facts: PullRequestFacts, work: Coroutine[object, object, CodeReviewResult]
    ) -> CodeReviewResult:
        """Do the work, and give it up when the branch moves.

        Raises:
            _Stale: It has moved.
        """
        working = asyncio.create_task(work)
        try:
            await self._watch_head(facts, working)
            return await working
        except (Exception, asyncio.CancelledError):
            # And not where Python closes what a worker has left behind: see perdure.workflows.locking.
            if not working.done():
                working.cancel()
                # What it undoes at GitHub is done before the next round begins.
                await asyncio.gather(working, return_exceptions=True)
            raise

    async def _watch_head(self, facts: PullRequestFacts, working: asyncio.Task[CodeReviewResult]) -> None:
        while not working.done():
            try:
                await workflow.wait_condition(
                    lambda: working.done() or self._has_news, timeout=_LOOK_INTERVAL
                )
            except TimeoutError:
                self._moved = True
            if not working.done() and self._has_news:
                self._moved = False
                if (await self._facts()).head_sha != facts.head_sha:
                    raise _Stale

    @property
    def _has_news(self) -> bool:
        # The commit that applies fixes moves the branch itself; and it is refused on any other head.
        return self._moved and self._reviewing.progress.stage is not ReviewStage.APPLYING

    async def _reviewed(self, facts: PullRequestFacts) -> CodeReviewResult:
        summary = await self._reviewing.review(pull_request=facts, previous=self._previous)
        self._previous = summary.report
        result = CodeReviewResult(target=self._target, head_sha=facts.head_sha, summary=summary)
        asks = asks_people(self._policy, summary)
        if self._policy.publish:
            published = await self._publish(summary, is_asked=asks)
            result = result.model_copy(update={"published": published, "html_url": published.html_url})
            self._reviewing.update(html_url=published.html_url)
        fixes = summary.safe_fixes if self._policy.fix else ()
        if not asks:
            fix = await self._apply(summary, fixes, ()) if fixes else None
            return result.model_copy(update={"fix": fix})
        return await self._decided(result, summary, facts)

    async def _decided(
        self, result: CodeReviewResult, summary: ReviewSummary, facts: PullRequestFacts
    ) -> CodeReviewResult:
        decided = await self._ask(summary, facts)
        comments = tuple(one.comment for one in decided.decisions)
        if not decided.approved:
            reason = rejection_reason(comments, decided.reason)
            if self._policy.publish:
                await _review_calls.say_rejected(
                    SayInput(
                        repository=self._target.repository,
                        pull_number=facts.pull_number,
                        head_sha=summary.head_sha,
                        digest=summary.digest,
                        reason=reason,
                        decided_by=_logins(decided),
                    )
                )
            return result.model_copy(update={"approved": False, "reason": reason})
        fix = None
        if chosen := _chosen(decided, summary):
            fix = await self._apply(summary, chosen, _logins(decided))
        return result.model_copy(
            update={"approved": True, "reason": "; ".join(filter(None, comments)), "fix": fix}
        )

    async def _publish(self, summary: ReviewSummary, *, is_asked: bool) -> Published:
        self._reviewing.update(stage=ReviewStage.PUBLISHING)
        published = await _review_calls.publish_review(
            PublishInput(
                repository=self._target.repository,
                pull_number=self._target.pull_number or 0,
                head_sha=summary.head_sha,
                report=summary.report,
                digest=summary.digest,
                policy=self._input.publishing,
                note=self._note if is_asked else "",
            )
        )
        if published.outcome is PublishOutcome.STALE:
            raise _Stale
        return published

    @property
    def _approval_id(self) -> str:
        return f"approval/{workflow.info().workflow_id}/{self._rounds}"

    @property
    def _note(self) -> str:
        return f"Waits for a decision: `perdure approval approve {self._approval_id}`."

    async def _ask(self, summary: ReviewSummary, facts: PullRequestFacts) -> ApprovalResult:
        offered = len(summary.safe_fixes) + len(summary.other_fixes) if self._policy.fix else 0
        self._reviewing.update(stage=ReviewStage.APPROVAL, approval_id=self._approval_id)
        form = {
            _FORM_FIELD: FormField(
                type=FormFieldType.CHOICE,
                options=(_SAFE, _ALL, _NONE),
                default=_SAFE,
                description=f"{len(summary.safe_fixes)} safe, {len(summary.other_fixes)} others",
            )
        }
        return await request_approval(
            approval_question(self._target, summary, fixes=offered),
            id=self._approval_id,
            news_signal=_APPROVAL_NEWS if self._policy.notify else "",
            task_queue=queues.beside(workflow.info().task_queue, queues.WORKFLOWS),
            subject_digest=subject_digest(summary.head_sha, summary.digest),
            approvers=self._policy.approvers,
            quorum=self._policy.quorum,
            requester=_author(facts) or self._input.requester,
            timeout=self._policy.approval_timeout,
            remind=self._policy.remind,
            form=form if offered else {},
        )

    async def _apply(
        self, summary: ReviewSummary, chosen: tuple[str, ...], approved_by: tuple[str, ...]
    ) -> AppliedFix:
        self._reviewing.update(stage=ReviewStage.APPLYING)
        prepared = await _review_calls.prepare_fixes(
            PrepareFixesInput(
                repository=self._target.repository,
                pull_number=self._target.pull_number or 0,
                head_sha=summary.head_sha,
                report=summary.report,
                chosen=chosen,
                digest=summary.digest,
            )
        )
        verified = None
        if prepared.files:
            verified = await _review_calls.verify_fix(
                VerifyFixInput(prepared=prepared, report=summary.report, analysers=self._policy.analysers)
            )
        # Says on the pull request why nothing is committed, where nothing is.
        return await _review_calls.apply_fixes(
            ApplyInput(
                prepared=prepared,
                verified=verified,
                approved_by=approved_by,
                checked_by=self._policy.analysers,
            )
        )

    async def _tell(self, news: ApprovalNews, webhook: str) -> None:
        text = f"{news.message} Decide with: perdure approval approve {news.approval_id}"
        message = Message(text=text, sections=(text,), about=workflow.info().workflow_id)
        try:
            await _calls.post_webhook(PostWebhookInput(webhook=webhook, message=message))
        except ActivityError as failure:
            # Whoever is not told finds it in `perdure approval list`.
            workflow.logger.warning("could not tell %s: %s", webhook, failure.cause)

    async def _facts(self) -> PullRequestFacts:
        return await _review_calls.read_pull_request(
            PullRequestRef(repository=self._target.repository, pull_number=self._target.pull_number or 0)
        )


def _author(facts: PullRequestFacts) -> Person | None:
    """Return whoever may not approve what is said of their own change."""
    return Person(login=facts.author, user_id=facts.author_id) if facts.author else None


def _logins(decided: ApprovalResult) -> tuple[str, ...]:
    return tuple(one.approver.login for one in decided.decisions)


def _chosen(decided: ApprovalResult, summary: ReviewSummary) -> tuple[str, ...]:
    fixes = decided.form.get(_FORM_FIELD, _NONE)
    if fixes == _ALL:
        return summary.safe_fixes + summary.other_fixes
    return summary.safe_fixes if fixes == _SAFE else ()
