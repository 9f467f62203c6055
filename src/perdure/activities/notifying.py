"""Activities that tell people and GitHub how a pipeline goes."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from pydantic import Field
from temporalio import activity

from perdure.activities.failures import as_application_errors
from perdure.activities.heartbeats import heartbeats
from perdure.activities.webhooks import WebhookPoster
from perdure.github import GitHubClient
from perdure.model.base import Model
from perdure.model.marks import CheckRun, CheckStatus, CommitStatus, PlacedMark
from perdure.model.names import RepositoryName
from perdure.model.notification_texts import payload_of
from perdure.model.notifications import Message


class PostWebhookInput(Model):
    """Input of :meth:`WebhookActivities.post_webhook`.

    Attributes:
        webhook: Secret reference to the webhook's address, as the worker resolves it.
        message: What is told.
    """

    webhook: str
    message: Message


class PutMarkInput(Model):
    """Input of :meth:`MarkActivities.put_mark`.

    Attributes:
        kind: Which of GitHub's two ways.
        name: What it is called at GitHub.
        ref: The branch, tag or commit that carries it; the default branch where it is left out.
        sha: The commit, where an earlier call has found it: a branch may have moved since.
        about: The workflow that it stands for, and that its link leads to.
        state: A commit status's state.
        conclusion: A check run's; ``None`` while it is in progress.
        title: One line.
        summary: Markdown.
    """

    kind: Literal["check-run", "commit-status"]
    repository: RepositoryName
    name: str = Field(min_length=1)
    ref: str | None = None
    sha: str = ""
    about: str
    state: str = "pending"
    conclusion: str | None = None
    title: str
    summary: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None


class WebhookActivities:
    """Tells people through webhooks. Runs beside the workflows: it needs no right to anything at GitHub."""

    def __init__(
        self, poster: WebhookPoster, *, page_of: Callable[[str], str | None] = lambda _: None
    ) -> None:
        """Post through ``poster``; ``page_of`` returns a workflow's page for people, where it is known."""
        self._poster = poster
        self._page_of = page_of

    @activity.defn
    async def post_webhook(self, input: PostWebhookInput) -> None:
        """Post a message. Repeated where no answer came: people may then read it twice, but never not at all.

        A webhook that is gone or may not be reached is a permanent error.
        """
        page = self._page_of(input.message.about) if input.message.about else None
        async with heartbeats():
            with as_application_errors():
                await self._poster.post(input.webhook, payload_of(input.message, page))


class MarkActivities:
    """Shows pipelines beside commits at GitHub."""

    def __init__(
        self, github: GitHubClient, *, page_of: Callable[[str], str | None] = lambda _: None
    ) -> None:
        """Write through ``github``; ``page_of`` returns a workflow's page for people, where it is known."""
        self._github = github
        self._page_of = page_of

    @activity.defn
    async def put_mark(self, input: PutMarkInput) -> PlacedMark:
        """Make a check run or a commit status, or change it. Safe to repeat: it looks for what is there.

        A permission that is lacking is a permanent error, which names it.
        """
        sha = input.sha or _found_before()
        async with heartbeats(lambda: sha):
            with as_application_errors():
                sha = sha or await self._github.head_of(input.repository, input.ref)
                # The next attempt has to find what this one may be making: the branch may have moved by then.
                activity.heartbeat(sha)
                if input.kind == "check-run":
                    return await self._github.put_check_run(input.repository, self._check(input, sha))
                return await self._github.put_commit_status(input.repository, self._status(input, sha))

    def _check(self, input: PutMarkInput, sha: str) -> CheckRun:
        return CheckRun(
            name=input.name,
            head_sha=sha,
            external_id=input.about,
            status=CheckStatus.IN_PROGRESS if input.conclusion is None else CheckStatus.COMPLETED,
            conclusion=input.conclusion,
            title=input.title,
            summary=input.summary,
            details_url=self._page_of(input.about),
            started_at=input.started_at,
            completed_at=input.completed_at,
        )

    def _status(self, input: PutMarkInput, sha: str) -> CommitStatus:
        return CommitStatus(
            context=input.name,
            sha=sha,
            state=input.state,
            description=input.title,
            target_url=self._page_of(input.about),
        )


def _found_before() -> str:
    """Return the commit that an earlier attempt of this activity has found."""
    details = activity.info().heartbeat_details
    return str(details[0]) if details else ""
