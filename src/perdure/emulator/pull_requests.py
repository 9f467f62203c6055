"""Pull requests, kept in step with their branches.

The repositories are plain git: whoever pushes to one tells nobody. So before an answer, and every now and
then while a pull request is open, the branches are looked at; one that has moved is a push.
"""

import asyncio
import contextlib
import logging
import subprocess
from dataclasses import dataclass

from perdure.emulator.diffs import DiffFile, diff_files, diff_text, merge_base, merges_cleanly
from perdure.emulator.pull_records import PullRequest
from perdure.emulator.repositories import Repositories, Repository, git
from perdure.emulator.state import State
from perdure.emulator.webhooks import Webhooks

LOOK_INTERVAL = 0.2
_log = logging.getLogger(__name__)


class PullRefusedError(Exception):
    """A pull request cannot be opened; has GitHub's field and code, or its text."""

    def __init__(self, field: str, message: str = "") -> None:
        super().__init__(message or f"{field} is invalid")
        self.field = field
        self.message = message


@dataclass(frozen=True, kw_only=True)
class NewPull:
    """A pull request that somebody wants to open; ``head`` is ``branch`` or ``owner:branch``."""

    head: str
    base: str
    title: str
    author: str
    body: str | None = None
    head_repository: str | None = None
    is_draft: bool = False
    maintainer_can_modify: bool = True


class PullRequests:
    """Every pull request of one emulator."""

    def __init__(self, state: State, repositories: Repositories, webhooks: Webhooks) -> None:
        self._state = state
        self._repositories = repositories
        self._webhooks = webhooks
        self._looking: asyncio.Task[None] | None = None

    def open(self, repository: Repository, wanted: NewPull) -> PullRequest:
        """Open a pull request.

        Raises:
            PullRefusedError: GitHub would answer 422.
        """
        base = repository.resolve(f"refs/heads/{wanted.base}")
        if base is None:
            raise PullRefusedError("base")
        source, branch = self._head(repository, wanted)
        head = source.resolve(f"refs/heads/{branch}")
        if head is None:
            raise PullRefusedError("head")
        for other in self.of(repository, state="open"):
            if (other.head_repository, other.head_ref, other.base_ref) == (
                source.full_name,
                branch,
                wanted.base,
            ):
                text = f"A pull request already exists for {source.owner}:{branch}."
                raise PullRefusedError("", text)
        self._fetch(repository, source, head.sha)
        if merge_base(repository.folder, base.sha, head.sha) == head.sha:
            raise PullRefusedError("", f"No commits between {wanted.base} and {wanted.head}")
        now = self._state.now()
        pull = PullRequest(
            id=self._state.next_id("pull"),
            repository=repository.full_name,
            number=self._state.next_number(repository.full_name),
            title=wanted.title,
            body=wanted.body,
            author=wanted.author,
            is_draft=wanted.is_draft,
            head_repository=source.full_name,
            head_ref=branch,
            head_sha=head.sha,
            base_ref=wanted.base,
            base_sha=base.sha,
            maintainer_can_modify=wanted.maintainer_can_modify and source is not repository,
            created_at=now,
            updated_at=now,
        )
        self._point(repository, pull)
        self._keep(pull)
        self._webhooks.pull_request("opened", pull, pull.author)
        self.watch()
        return pull

    def find(self, repository: Repository, number: int) -> PullRequest | None:
        """Return a pull request as it is now."""
        self.look(repository.full_name)
        return next((pull for pull in self.of(repository) if pull.number == number), None)

    def of(self, repository: Repository, *, state: str = "all") -> list[PullRequest]:
        """Return a repository's pull requests, newest first."""
        found = [pull for pull in self._state.pulls.values() if pull.repository == repository.full_name]
        return [pull for pull in reversed(found) if state in ("all", pull.state)]

    def set_state(self, pull: PullRequest, state: str, sender: str) -> None:
        """Close a pull request, or open it again."""
        if pull.state == state:
            return
        pull.state = state
        pull.closed_at = self._state.now() if state == "closed" else None
        self.changed(pull)
        self._webhooks.pull_request("closed" if state == "closed" else "reopened", pull, sender)
        self.watch()

    def changed(self, pull: PullRequest) -> None:
        """Note that a pull request is different now."""
        pull.updated_at = self._state.now()
        self._keep(pull)

    def look(self, repository: str | None = None, *, sender: str | None = None) -> None:
        """Take note of what was pushed to the branches of open pull requests."""
        for pull in list(self._state.pulls.values()):
            if pull.state == "open" and repository in (None, pull.repository, pull.head_repository):
                self._look_at(pull, sender or pull.author)

    def watch(self) -> None:
        """Look every now and then from now on, for as long as a pull request is open."""
        if self._looking is None or self._looking.done():
            with contextlib.suppress(RuntimeError):
                self._looking = asyncio.get_running_loop().create_task(self._look_on())

    async def close(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def repository(self, pull: PullRequest) -> Repository:
        """Return the repository that a pull request belongs to."""
        found = self._repositories.find(*pull.repository.split("/"))
        if found is None:
            raise LookupError(f"{pull.repository} is gone, and pull request {pull.number} with it")
        return found

    def diff(self, pull: PullRequest, head: str | None = None) -> str:
        """Return a pull request's unified diff."""
        return diff_text(self.repository(pull).folder, pull.base_sha, head or pull.head_sha)

    def files(self, pull: PullRequest, head: str | None = None) -> tuple[DiffFile, ...]:
        """Return the files of its diff, up to one of its commits or to its head."""
        return diff_files(self.repository(pull).folder, pull.base_sha, head or pull.head_sha)

    def is_mergeable(self, pull: PullRequest) -> bool:
        """Say whether it could be merged without a conflict."""
        return merges_cleanly(self.repository(pull).folder, pull.base_sha, pull.head_sha)

    def _head(self, repository: Repository, wanted: NewPull) -> tuple[Repository, str]:
        owner, colon, branch = wanted.head.rpartition(":")
        name = wanted.head_repository or (f"{owner}/{repository.name}" if colon else repository.full_name)
        source = self._repositories.find(*name.split("/")) if name.count("/") == 1 else None
        if source is None:
            raise PullRefusedError("head")
        return (repository if source.full_name == repository.full_name else source), branch

    def _look_at(self, pull: PullRequest, sender: str) -> None:
        repository = self._repositories.find(*pull.repository.split("/"))
        source = self._repositories.find(*pull.head_repository.split("/"))
        if repository is None:
            return
        head = source.resolve(f"refs/heads/{pull.head_ref}") if source else None
        if source is None or head is None:
            self.set_state(pull, "closed", sender)
            return
        if head.sha == pull.head_sha:
            return
        # First what may fail: a push that is not whole yet is looked at again.
        self._fetch(repository, source, head.sha)
        base = repository.resolve(f"refs/heads/{pull.base_ref}")
        before, pull.head_sha = pull.head_sha, head.sha
        pull.base_sha = base.sha if base else pull.base_sha
        self._point(repository, pull)
        self.changed(pull)
        self._webhooks.pull_request("synchronize", pull, sender, before=before)

    async def _look_on(self) -> None:
        while any(pull.state == "open" for pull in self._state.pulls.values()):
            try:
                self.look()
            except (OSError, KeyError, subprocess.CalledProcessError):
                # A push that is being written: its objects are there at the next look.
                _log.debug("looking at the branches failed", exc_info=True)
            await asyncio.sleep(LOOK_INTERVAL)

    def _fetch(self, repository: Repository, source: Repository, sha: str) -> None:
        if source is not repository:
            git(repository.folder, "fetch", "--quiet", "--no-tags", str(source.folder), sha)

    def _point(self, repository: Repository, pull: PullRequest) -> None:
        """Let ``refs/pull/N/head`` lead to the head, as ``gh pr checkout`` expects."""
        git(repository.folder, "update-ref", f"refs/pull/{pull.number}/head", pull.head_sha)

    def _keep(self, pull: PullRequest) -> None:
        self._state.pulls[pull.id] = pull
        self._state.store.put(pull)
        self._state.store.flush()
