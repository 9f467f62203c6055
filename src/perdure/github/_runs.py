"""Actions runs and their jobs: list, find, read, cancel, re-run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from perdure.errors import (
    ActionsRunNotFoundError,
    GitHubError,
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from perdure.github._calls import Calls
from perdure.github._transport import repository_path
from perdure.model.actions import ActionsJob, ActionsRun, ActionsRunRef
from perdure.model.dispatch import Correlation, carries

_JOB_READS_AT_ONCE = 5


class RunCalls(Calls):
    """Calls about Actions runs."""

    async def list_actions_runs(  # noqa: PLR0913 - one keyword for each of GitHub's filters
        self,
        repository: str,
        *,
        workflow_file: str | None = None,
        since: datetime | None = None,
        event: str | None = "workflow_dispatch",
        branch: str | None = None,
        per_page: int = 100,
    ) -> list[ActionsRun]:
        """List runs, the newest first: all pages where ``since`` is given, else the first.

        Costs no quota while nothing changes.
        """
        filters = {"event": event, "branch": branch, "per_page": per_page, "created": _created(since)}
        return [
            actions_run_of(repository, found)
            for found in await self._list(repository, workflow_file, filters, all_pages=since is not None)
        ]

    async def find_actions_runs(
        self,
        repository: str,
        workflow_file: str,
        dispatch_id: str,
        since: datetime,
        correlation: Correlation,
    ) -> list[ActionsRun]:
        """Return every run that carries the dispatch id, whole, where its workflow file shows it.

        A run name costs one list call for all runs. A step name costs one more for each candidate, and is
        there only once a runner has picked the job up.
        """
        if not dispatch_id or correlation is Correlation.NONE:
            return []
        filters = {"event": "workflow_dispatch", "per_page": 100, "created": _created(since)}
        candidates = await self._list(repository, workflow_file, filters, all_pages=True)
        found = [each for each in candidates if _carries(each, dispatch_id)]
        if not found and correlation is Correlation.STEP_NAME:
            found = await self._by_step_name(repository, candidates, dispatch_id)
        return [actions_run_of(repository, each) for each in found]

    async def get_actions_run(self, ref: ActionsRunRef) -> ActionsRun:
        """Read one run.

        Raises:
            ActionsRunNotFoundError: It was deleted, or never existed.
            RepositoryNotFoundError: Its repository cannot be seen any more.
        """
        try:
            body = await self._transport.read_object(ref.repository, _run_path(ref))
        except GitHubRefusedError as error:
            raise await self._explain_missing(ref, error) from None
        return actions_run_of(ref.repository, body)

    async def list_jobs(self, ref: ActionsRunRef, attempt: int | None = None) -> list[ActionsJob]:
        """List the jobs of an attempt, or of the last one."""
        path = _run_path(ref, f"/attempts/{attempt}/jobs" if attempt else "/jobs")
        query: dict[str, object] = {"per_page": 100} if attempt else {"filter": "latest", "per_page": 100}
        try:
            found = await self._transport.read_pages(ref.repository, path, query, items="jobs")
        except GitHubRefusedError as error:
            raise await self._explain_missing(ref, error) from None
        return [_actions_job(job) for job in found]

    async def cancel_actions_run(self, ref: ActionsRunRef, *, force: bool = False) -> str | None:
        """Ask GitHub to cancel a run; return ``None`` where it will, else why it will not.

        Safe to repeat. Nothing may rest on it: some runs refuse every cancellation.

        Raises:
            GitHubError: GitHub could not be asked.
        """
        path = _run_path(ref, "/force-cancel" if force else "/cancel")
        answer = await self._transport.change(ref.repository, path)
        if answer.is_success:
            return None
        if answer.status in {409, 422}:
            return answer.message or f"GitHub answered {answer.status}"
        raise await self._explain_missing(ref, self._transport.error(answer, ref.repository))

    async def rerun_failed_jobs(self, ref: ActionsRunRef) -> None:
        """Re-run what failed: the same run, its next attempt.

        Raises:
            GitHubRefusedError: GitHub will not, and says why.
        """
        await self._rerun(ref, "/rerun-failed-jobs")

    async def rerun(self, ref: ActionsRunRef) -> None:
        """Re-run all jobs: the same run, its next attempt.

        Raises:
            GitHubRefusedError: GitHub will not, and says why.
        """
        await self._rerun(ref, "/rerun")

    async def _rerun(self, ref: ActionsRunRef, end: str) -> None:
        answer = await self._transport.change(ref.repository, _run_path(ref, end))
        if not answer.is_success:
            raise await self._explain_missing(ref, self._transport.error(answer, ref.repository))

    async def _list(
        self, repository: str, workflow_file: str | None, filters: Mapping[str, object], *, all_pages: bool
    ) -> list[dict[str, Any]]:
        query = {name: value for name, value in filters.items() if value is not None}
        # The pull requests of a run make an answer many times larger.
        query["exclude_pull_requests"] = "true"
        path = "/actions/runs"
        if workflow_file is not None:
            path = f"/actions/workflows/{quote(workflow_file, safe='')}/runs"
        try:
            return await self._read_runs(repository, path, query, all_pages=all_pages)
        except GitHubRefusedError as error:
            if error.status != 404:
                raise
            if workflow_file is None:
                raise await self._transport.credentials.not_found(repository) from None
        # The file was renamed or removed since: its runs are still on the repository's own list.
        found = await self._list(repository, None, filters, all_pages=all_pages)
        return [each for each in found if str(each.get("path", "")).endswith(f"/{workflow_file}")]

    async def _read_runs(
        self, repository: str, path: str, query: Mapping[str, object], *, all_pages: bool
    ) -> list[dict[str, Any]]:
        return await self._transport.read_pages(
            repository,
            repository_path(repository, path),
            query,
            items="workflow_runs",
            max_pages=None if all_pages else 1,
        )

    async def _by_step_name(
        self, repository: str, candidates: list[dict[str, Any]], dispatch_id: str
    ) -> list[dict[str, Any]]:
        limit = asyncio.Semaphore(_JOB_READS_AT_ONCE)

        async def carried(candidate: dict[str, Any]) -> bool:
            ref = ActionsRunRef(repository=repository, actions_run_id=candidate["id"])
            async with limit:
                try:
                    jobs = await self.list_jobs(ref)
                except ActionsRunNotFoundError:
                    return False
            return any(carries(step.name, dispatch_id) for job in jobs for step in job.steps)

        found = await asyncio.gather(*(carried(candidate) for candidate in candidates))
        return [candidate for candidate, carries_it in zip(candidates, found, strict=True) if carries_it]

    async def _explain_missing(self, ref: ActionsRunRef, error: GitHubError) -> GitHubError:
        if error.status != 404 or isinstance(error, RepositoryNotFoundError):
            return error
        try:
            await self._transport.read(ref.repository, repository_path(ref.repository))
        except GitHubRefusedError as refusal:
            if refusal.status == 404:
                return await self._transport.credentials.not_found(ref.repository)
        return ActionsRunNotFoundError(
            f"{ref} does not exist: it was deleted, or its retention is over", status=404
        )


def _run_path(ref: ActionsRunRef, end: str = "") -> str:
    return repository_path(ref.repository, f"/actions/runs/{ref.actions_run_id}{end}")


def _created(since: datetime | None) -> str | None:
    return f">={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if since else None


def _carries(found: Mapping[str, Any], dispatch_id: str) -> bool:
    titles = (found.get("display_title"), found.get("name"))
    return any(isinstance(title, str) and carries(title, dispatch_id) for title in titles)


def actions_run_of(repository: str, body: Mapping[str, Any]) -> ActionsRun:
    """Read GitHub's description of a run. Words that are not known yet are kept as they are.

    Raises:
        GitHubUnavailableError: It has another shape.
    """
    try:
        return ActionsRun.model_validate(
            {
                **{name: body[name] for name in _RUN_FIELDS if body.get(name) is not None},
                "repository": repository,
                "actions_run_id": body["id"],
                # The schema allows none; a run that says nothing has not begun.
                "status": body.get("status") or "requested",
                "actions_run_attempt": body.get("run_attempt") or 1,
                "actions_run_number": body.get("run_number") or 0,
                "actions_workflow_id": body.get("workflow_id") or 0,
                # A reusable workflow's path carries its ref.
                "path": str(body.get("path") or "").partition("@")[0],
            }
        )
    except (KeyError, ValidationError):
        raise GitHubUnavailableError(f"{repository}: GitHub described a run in another shape") from None


_RUN_FIELDS = (
    "display_title",
    "conclusion",
    "html_url",
    "head_sha",
    "head_branch",
    "event",
    "created_at",
    "run_started_at",
    "updated_at",
)


def _actions_job(body: Mapping[str, Any]) -> ActionsJob:
    steps = body.get("steps")
    try:
        return ActionsJob.model_validate(
            {**body, "actions_job_id": body["id"], "steps": steps if isinstance(steps, list) else []}
        )
    except (KeyError, ValidationError):
        raise GitHubUnavailableError("GitHub described a job in another shape") from None
