"""Repositories, refs, workflow files and their text."""

from __future__ import annotations

import base64
import binascii
import difflib
import re
from collections import OrderedDict
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from perdure.errors import (
    GitHubRefusedError,
    GitHubUnavailableError,
    InvalidRefError,
    WorkflowFileNotFoundError,
)
from perdure.github._calls import Calls
from perdure.github._transport import Transport, repository_path
from perdure.github.facts import RepositoryFacts, ResolvedRef, WorkflowFacts
from perdure.github.workflow_file import read_workflow_file
from perdure.model.workflow_files import WorkflowFileFacts

_KEPT_FILES = 500
# https://git-scm.com/docs/git-check-ref-format
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.-]|/\.|[/.]$|\.lock$")


class ContentCalls(Calls):
    """Calls about repositories and what is in them."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self._files: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    async def get_repository(self, repository: str) -> RepositoryFacts:
        """Read a repository.

        Raises:
            RepositoryNotFoundError: These credentials cannot see it.
        """
        try:
            body = await self._transport.read_object(repository, repository_path(repository))
        except GitHubRefusedError as error:
            if error.status == 404:
                raise await self._transport.credentials.not_found(repository) from None
            raise
        return RepositoryFacts(
            repository=str(body.get("full_name") or repository),
            default_branch=str(body.get("default_branch") or "main"),
            private=bool(body.get("private")),
            archived=bool(body.get("archived")),
            html_url=str(body.get("html_url") or ""),
        )

    async def resolve_ref(self, repository: str, ref: str) -> ResolvedRef:
        """Return the commit that a branch, else a tag, names now.

        Raises:
            InvalidRefError: There is no such branch or tag; GitHub dispatches on nothing else.
        """
        if not ref or _NO_REF.search(ref):
            raise InvalidRefError(
                f"{ref!r} can be no branch or tag", hint="name a branch or tag, such as main"
            )
        if ref.startswith(("refs/heads/", "refs/tags/")):
            places = [ref.removeprefix("refs/")]
        else:
            places = [f"heads/{ref}", f"tags/{ref}"]
        for place in places:
            if (found := await self._read_ref(repository, place)) is not None:
                name = place if ref.startswith("refs/") else ref
                return ResolvedRef(ref=ref, sha=await self._commit_of(repository, name, found))
        raise await self._unknown_ref(repository, ref)

    async def list_workflows(self, repository: str) -> list[WorkflowFacts]:
        """List the workflow files that GitHub knows in a repository."""
        try:
            found = await self._transport.read_pages(
                repository,
                repository_path(repository, "/actions/workflows"),
                {"per_page": 100},
                items="workflows",
            )
        except GitHubRefusedError as error:
            if error.status == 404:
                raise await self._transport.credentials.not_found(repository) from None
            raise
        return [_workflow_facts(each) for each in found]

    async def get_workflow(self, repository: str, workflow_file: str) -> WorkflowFacts:
        """Read a workflow file's registration. Whether it is disabled is the caller's matter.

        Raises:
            WorkflowFileNotFoundError: It is not on the default branch; the files that are there are named.
        """
        path = repository_path(repository, f"/actions/workflows/{quote(workflow_file, safe='')}")
        try:
            return _workflow_facts(await self._transport.read_object(repository, path))
        except GitHubRefusedError as error:
            if error.status != 404:
                raise
        names = sorted(each.path.rpartition("/")[2] for each in await self.list_workflows(repository))
        nearest = difflib.get_close_matches(workflow_file, names, n=1, cutoff=0.5)
        there = f"there are {', '.join(names[:20])}" if names else "there are no workflow files"
        raise WorkflowFileNotFoundError(
            f"{repository}: {workflow_file} is not on the default branch",
            hint=f"did you mean {nearest[0]}? {there}" if nearest else there,
            status=404,
        )

    async def enable_workflow(self, repository: str, workflow_file: str) -> None:
        """Enable a workflow file, as after 60 quiet days. Safe to repeat."""
        path = repository_path(repository, f"/actions/workflows/{quote(workflow_file, safe='')}/enable")
        answer = await self._transport.change(repository, path, method="PUT")
        if not answer.is_success:
            raise self._transport.error(answer, repository)

    async def read_file(self, repository: str, path: str, sha: str) -> str | None:
        """Return a file's text at a commit, or ``None`` where it is not there. Read once for each commit."""
        key = (repository.lower(), path, sha)
        if key in self._files:
            self._files.move_to_end(key)
            return self._files[key]
        text = await self._fetch_file(repository, path, sha)
        if text is None:
            # Not kept: what these credentials cannot see is not there either.
            return None
        self._files[key] = text
        while len(self._files) > _KEPT_FILES:
            self._files.popitem(last=False)
        return text

    async def read_workflow_file(self, repository: str, path: str, sha: str) -> WorkflowFileFacts | None:
        """Return what a workflow file says about being dispatched, or ``None`` where it is not there.

        Raises:
            InvalidInputError: It cannot be read as YAML.
        """
        text = await self.read_file(repository, path, sha)
        return None if text is None else read_workflow_file(text)

    async def _fetch_file(self, repository: str, path: str, sha: str) -> str | None:
        where = repository_path(repository, f"/contents/{quote(path)}")
        try:
            body = (await self._transport.read(repository, where, {"ref": sha})).json()
        except GitHubRefusedError as error:
            if error.status == 404:
                return None
            raise
        if not isinstance(body, dict) or body.get("type") != "file":
            return None
        try:
            return base64.b64decode(str(body.get("content", ""))).decode("utf-8-sig")
        except (binascii.Error, UnicodeDecodeError):
            raise GitHubUnavailableError(f"{repository}: {path} cannot be read as text") from None

    async def _read_ref(self, repository: str, place: str) -> dict[str, Any] | None:
        path = repository_path(repository, f"/git/ref/{quote(place)}")
        try:
            target = (await self._transport.read_object(repository, path)).get("object")
        except GitHubRefusedError as error:
            if error.status == 404:
                return None
            raise
        return target if isinstance(target, dict) else None

    async def _commit_of(self, repository: str, name: str, target: dict[str, Any]) -> str:
        if target.get("type") == "tag":
            # An annotated tag is an object of its own that names the commit.
            path = repository_path(repository, f"/commits/{quote(name)}")
            target = await self._transport.read_object(repository, path)
        return str(target.get("sha") or "")

    async def _unknown_ref(self, repository: str, ref: str) -> InvalidRefError:
        default_branch = (await self.get_repository(repository)).default_branch
        if re.fullmatch(r"[0-9a-f]{40}", ref):
            return InvalidRefError(
                f"{ref} is a commit: GitHub dispatches on branches and tags, not commits",
                hint=f"name a branch and the commit it must be on: --ref {default_branch} --expect-sha {ref}",
            )
        return InvalidRefError(
            f"{repository} has no branch or tag {ref!r}",
            hint=f"name one that exists; the default branch is {default_branch}",
        )


def _workflow_facts(body: dict[str, Any]) -> WorkflowFacts:
    try:
        return WorkflowFacts.model_validate(
            {
                "actions_workflow_id": body["id"],
                "name": body.get("name") or "",
                "path": body["path"],
                "state": body.get("state") or "active",
            }
        )
    except (KeyError, ValidationError):
        raise GitHubUnavailableError("GitHub described a workflow file in another shape") from None
