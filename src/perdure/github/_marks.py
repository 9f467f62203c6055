"""Check runs and commit statuses: made once, and changed from then on.

GitHub takes a second check run of the same name without a word, and a commit then shows both, the first one
running for ever. So whoever repeats a request whose answer was lost looks for the first before making
another.
"""

from __future__ import annotations

import re
from typing import Any, Final

from perdure.errors import GitHubError, GitHubPermissionError, GitHubUnavailableError
from perdure.github._answers import Answer
from perdure.github._contents import ContentCalls
from perdure.github._transport import repository_path
from perdure.github.auth import Scope
from perdure.model.marks import (
    MAX_DESCRIPTION,
    MAX_SUMMARY,
    CheckRun,
    CheckStatus,
    CommitStatus,
    PlacedMark,
)

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_APPS_ONLY: Final = "authenticate via a GitHub App"
_NEEDS: Final = {Scope.CHECKS: "checks: write", Scope.STATUSES: "statuses: write"}


class MarkCalls(ContentCalls):
    """Calls about check runs and commit statuses."""

    async def head_of(self, repository: str, ref: str | None) -> str:
        """Return the commit that a ref names now.

        Args:
            repository: ``owner/name``.
            ref: A branch, a tag or a commit; the default branch where it is left out.

        Raises:
            InvalidRefError: There is no such branch or tag.
        """
        if ref is not None and _COMMIT.fullmatch(ref):
            return ref
        name = ref or (await self.get_repository(repository)).default_branch
        return (await self.resolve_ref(repository, name)).sha

    async def put_check_run(self, repository: str, check: CheckRun) -> PlacedMark:
        """Make a check run, or change the one that is there. Safe to repeat.

        https://docs.github.com/rest/checks/runs#create-a-check-run

        Raises:
            GitHubPermissionError: These credentials lack ``checks: write``, or are no App's.
            GitHubError: GitHub refused, or could not be asked.
        """
        found = await self._find_check_run(repository, check)
        body = _check_body(check)
        if found is None:
            answer = await self._change(repository, "/check-runs", "POST", body, Scope.CHECKS)
        else:
            # Neither can be changed: https://docs.github.com/rest/checks/runs#update-a-check-run
            body = {name: value for name, value in body.items() if name not in {"head_sha", "started_at"}}
            answer = await self._change(repository, f"/check-runs/{found}", "PATCH", body, Scope.CHECKS)
        return _placed(answer, check.head_sha, page="html_url")

    async def put_commit_status(self, repository: str, status: CommitStatus) -> PlacedMark:
        """Add a commit status, unless the newest of its context says the same. Safe to repeat.

        https://docs.github.com/rest/commits/statuses#create-a-commit-status

        Raises:
            GitHubPermissionError: These credentials lack ``statuses: write``.
            GitHubError: GitHub refused, or could not be asked.
        """
        body = {
            "context": status.context,
            "state": status.state,
            "description": _cut(status.description, MAX_DESCRIPTION),
            "target_url": status.target_url,
        }
        newest = await self._newest_status(repository, status)
        if newest is not None and all((newest.get(name) or None) == (body[name] or None) for name in body):
            return PlacedMark(sha=status.sha, mark_id=int(newest["id"]))
        answer = await self._change(repository, f"/statuses/{status.sha}", "POST", body, Scope.STATUSES)
        return _placed(answer, status.sha)

    async def _find_check_run(self, repository: str, check: CheckRun) -> int | None:
        path = repository_path(repository, f"/commits/{check.head_sha}/check-runs")
        query = {"check_name": check.name, "filter": "all", "per_page": 100}
        try:
            found = await self._transport.read_pages(
                repository, path, query, items="check_runs", scope=Scope.CHECKS
            )
        except GitHubError as error:
            raise _named(error, Scope.CHECKS) from None
        same = [one for one in found if one.get("external_id") == check.external_id]
        return int(min(one["id"] for one in same)) if same else None

    async def _newest_status(self, repository: str, status: CommitStatus) -> dict[str, Any] | None:
        path = repository_path(repository, f"/commits/{status.sha}/status")
        try:
            found = await self._transport.read_pages(
                repository, path, {"per_page": 100}, items="statuses", scope=Scope.STATUSES
            )
        except GitHubError as error:
            raise _named(error, Scope.STATUSES) from None
        return next((one for one in found if one.get("context") == status.context), None)

    async def _change(
        self, repository: str, end: str, method: str, body: dict[str, Any], scope: Scope
    ) -> Answer:
        answer = await self._transport.change(
            repository, repository_path(repository, end), method=method, json=body, scope=scope
        )
        if not answer.is_success:
            raise _named(self._transport.error(answer, repository), scope)
        return answer


def _check_body(check: CheckRun) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": check.name,
        "head_sha": check.head_sha,
        "external_id": check.external_id,
        "status": check.status.value,
        "details_url": check.details_url,
        "started_at": check.started_at and check.started_at.isoformat(),
        "output": {"title": check.title, "summary": _cut(check.summary or check.title, MAX_SUMMARY)},
    }
    if check.status is CheckStatus.COMPLETED:
        body["conclusion"] = check.conclusion
        body["completed_at"] = check.completed_at and check.completed_at.isoformat()
    return {name: value for name, value in body.items() if value is not None}


def _placed(answer: Answer, sha: str, *, page: str = "") -> PlacedMark:
    body = answer.json_object()
    if not isinstance(body.get("id"), int):
        msg = f"{answer.asked} answered {answer.status} without an id"
        raise GitHubUnavailableError(msg, status=answer.status)
    return PlacedMark(sha=sha, mark_id=body["id"], html_url=str(body.get(page) or "") if page else "")


def _named(error: GitHubError, scope: Scope) -> GitHubError:
    """Return the error with the permission in it, which some hosts leave out."""
    needs = _NEEDS[scope]
    if _APPS_ONLY in str(error):
        hint = "set app_id and private_key in [github], or use commit-status, which a plain token may write"
        return GitHubPermissionError(
            f"{error}: only a GitHub App can make check runs", hint=hint, status=error.status
        )
    if not isinstance(error, GitHubPermissionError) or needs in str(error):
        return error
    # Reading was refused already, and GitHub names no more than that needs.
    said = str(error).partition("; it needs")[0]
    return GitHubPermissionError(
        f"{said}; it needs the permission {needs}",
        hint=f"grant the App or token {needs}, and accept the change where the App is installed",
        status=error.status,
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
