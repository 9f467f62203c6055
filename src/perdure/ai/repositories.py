"""Code of other people's repositories on this machine, fetched once for each commit.

One bare repository for each of GitHub's holds what was fetched, and each commit that somebody asked for lies
beside it as a folder of plain files. Both are shared by all workers of a machine, and what was used longest
ago goes when they take too much room.
"""

import asyncio
import base64
import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from perdure.ai.cache_limit import mark_used, record_size, shrink
from perdure.ai.git import GitDirectory, GitError, run_git
from perdure.ai.trees import LISTING, ListedFile, write_tree
from perdure.config import Secret
from perdure.errors import GitHubUnavailableError, InvalidRepositoryError
from perdure.model.names import REPOSITORY_PATTERN

FOLDER_TREES: Final = "folder"
"""Stands in a tree's name for the repository, where the files come from a folder of this machine."""

_SHA = re.compile(r"[0-9a-f]{40}")
_DEEPER = (50, 500, 5000)
_FETCH_TIMEOUT = timedelta(minutes=10)
_LOCK_TIMEOUT = timedelta(minutes=15)
_REFUSED = re.compile(
    r"not found|Authentication failed|could not read (Username|Password)|error: 40[0-4]\b|denied"
    r"|not appear to be|does not exist|not our ref|couldn't find remote ref",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Origin:
    """Where repositories are fetched from.

    Attributes:
        url: What comes before ``/OWNER/NAME.git``.
        token: Gives a token that may read a repository; nothing is sent where it is left out.
        merge_base: Asks the other side where two commits parted; it answers ``None`` where it cannot tell.
    """

    url: str
    token: Callable[[str], Awaitable[Secret]] | None = None
    merge_base: Callable[[str, str, str], Awaitable[str | None]] | None = None


class RepositoryCache:
    """A folder of fetched repositories and their trees.

    A tree's name is ``OWNER/NAME@SHA``: any worker can fetch it again from its name alone.
    """

    def __init__(self, folder: Path, origin: Origin, *, limit: int = 20_000_000_000) -> None:
        """Use ``folder``, which is made when something is fetched.

        Args:
            folder: Shared by all workers of this machine.
            origin: Where to fetch from.
            limit: What the folder may take, in bytes.
        """
        self._folder = folder.absolute()
        self._origin = origin
        self._limit = limit
        self._busy: dict[str, asyncio.Lock] = {}

    async def resolve(self, repository: str, ref: str | None) -> str:
        """Return the commit that a branch, tag or commit names now; the default branch's where none is named.

        Raises:
            InvalidRepositoryError: There is no such repository or ref, or it cannot be seen.
            GitHubUnavailableError: There is no answer.
        """
        if ref and _SHA.fullmatch(ref):
            return ref
        # The commit of an annotated tag is listed under its name with ^{}.
        names = [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", ref] if ref else ["HEAD"]
        with explained(repository):
            answer = await run_git(
                *("ls-remote", "--quiet", "--", self._url(repository), *names),
                environment=await self._credentials(repository),
            )
        found = {
            name: sha for sha, _, name in (line.partition("\t") for line in answer.decode().splitlines())
        }
        for name in names:
            if name in found:
                return found[name]
        raise InvalidRepositoryError(
            f"{repository} has no branch, tag or commit {ref!r}" if ref else f"{repository} has no commits",
            hint="name one that is there, or leave it out for the default branch" if ref else None,
        )

    async def fetch(self, repository: str, *commits: str) -> GitDirectory:
        """Fetch commits without their history, where they are not here, and return where they are.

        Raises:
            InvalidRepositoryError: A commit, or the repository, does not exist or cannot be seen.
            GitHubUnavailableError: There is no answer.
        """
        async with self._alone(repository):
            git = await self._directory(repository)
            missing = [commit for commit in commits if not await git.has(commit)]
            if missing:
                await self._fetch(git, repository, "--depth=1", *missing)
            return git

    async def merge_base(self, repository: str, base: str, head: str) -> str | None:
        """Return the commit where two others parted, fetched; ``None`` where they have nothing in common.

        GitHub knows it without a single commit of history being fetched. Where it does not say, history is
        fetched until it shows.
        """
        git = await self.fetch(repository, base, head)
        if self._origin.merge_base is not None:
            told = await self._origin.merge_base(repository, base, head)
            if told is not None:
                await self.fetch(repository, told)
                return told
        async with self._alone(repository):
            for deeper in _DEEPER:
                if (found := await _common(git, base, head)) is not None:
                    return found
                if not (git.path / "shallow").exists():
                    return None
                await self._fetch(git, repository, f"--deepen={deeper}", base, head)
            return await _common(git, base, head)

    async def tree(self, name: str) -> Path:
        """Return the folder of a tree's files, fetched again where it is not here any more.

        Raises:
            InvalidRepositoryError: It cannot be fetched, or takes more room than allowed.
            GitHubUnavailableError: There is no answer.
        """
        place = self._place(name)
        if not (place / "listing.json").is_file():
            repository, _, sha = name.partition("@")
            if repository == FOLDER_TREES:
                raise InvalidRepositoryError(
                    f"the files of {name} are not on this machine (any more)", hint="start it again"
                )
            git = await self.fetch(repository, sha)
            await self.write(name, git)
        mark_used(place)
        return place / "files"

    async def listing(self, name: str) -> tuple[ListedFile, ...]:
        """Return what a tree holds, also what is not in its folder."""
        files = await self.tree(name)
        content = await asyncio.to_thread((files.parent / "listing.json").read_bytes)
        return LISTING.validate_json(content)

    async def write(
        self, name: str, git: GitDirectory, *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Copy a tree out of git's objects into its folder. Harmless where it is there already.

        Args:
            name: The tree's.
            git: Where its objects are.
            environment: Where git finds objects that are not its own.
        """
        place, sha = self._place(name), name.partition("@")[2]
        async with self._alone(f"tree {name}"):
            if (place / "listing.json").is_file():
                return
            place.parent.mkdir(parents=True, exist_ok=True)
            with (
                tempfile.TemporaryDirectory(dir=place.parent, prefix=".writing-") as beside,
                explained(name.partition("@")[0]),
            ):
                part = Path(beside) / "tree"
                listed = await asyncio.to_thread(
                    write_tree, git, sha, part / "files", limit=self._limit, environment=environment
                )
                (part / "listing.json").write_bytes(LISTING.dump_json(listed))
                await asyncio.to_thread(record_size, part)
                part.rename(place)
        await asyncio.to_thread(shrink, self._everything(), self._limit)

    async def scratch(self) -> GitDirectory:
        """Return a repository for the objects of folders on this machine."""
        git = GitDirectory(self._folder / "git" / f"{_below(FOLDER_TREES)}.git")
        async with self._alone(FOLDER_TREES):
            await git.create()
        return git

    def _url(self, repository: str) -> str:
        if not re.fullmatch(REPOSITORY_PATTERN, repository) or repository.partition("/")[2] in {".", ".."}:
            raise InvalidRepositoryError(f"{repository!r} is no repository", hint="write it as OWNER/NAME")
        return f"{self._origin.url}/{repository}.git"

    def _place(self, name: str) -> Path:
        repository, _, sha = name.partition("@")
        if not _SHA.fullmatch(sha):
            raise InvalidRepositoryError(f"{name!r} names no tree")
        if repository != FOLDER_TREES:
            self._url(repository)
        return self._folder / "trees" / _below(repository) / sha

    async def _directory(self, repository: str) -> GitDirectory:
        self._url(repository)
        git = GitDirectory(self._folder / "git" / f"{_below(repository)}.git")
        await git.create()
        mark_used(git.path)
        return git

    async def _fetch(self, git: GitDirectory, repository: str, *arguments: str) -> None:
        with explained(repository):
            await git.run(
                *("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
                *(arguments[0], "--", self._url(repository), *arguments[1:]),
                timeout=_FETCH_TIMEOUT,
                environment=await self._credentials(repository),
            )

    async def _credentials(self, repository: str) -> dict[str, str]:
        """Return what makes git send a token: in its environment, which other accounts cannot read."""
        if self._origin.token is None:
            return {}
        token = (await self._origin.token(repository)).reveal()
        encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self._origin.url}/.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {encoded}",
        }

    @asynccontextmanager
    async def _alone(self, what: str) -> AsyncIterator[None]:
        """Keep out other tasks, and other processes of this machine."""
        async with self._busy.setdefault(what.lower(), asyncio.Lock()):
            locks = self._folder / "locks"
            locks.mkdir(parents=True, exist_ok=True)
            handle = os.open(locks / re.sub(r"[^a-z0-9.-]", "_", what.lower()), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                await _locked(handle, what)
                yield
            finally:
                os.close(handle)

    def _everything(self) -> list[Path]:
        return [
            *(self._folder / "git").glob("*/*.git"),
            *(place for place in (self._folder / "trees").glob("*/*/*") if not place.name.startswith(".")),
        ]


def _below(repository: str) -> str:
    # No account is called _, so that a folder's trees are nobody else's.
    return f"_/{repository}" if repository == FOLDER_TREES else repository.lower()


async def _locked(handle: int, what: str) -> None:
    end = asyncio.get_running_loop().time() + _LOCK_TIMEOUT.total_seconds()
    while True:
        try:
            # Freed by the operating system when its holder is killed.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > end:
                raise GitHubUnavailableError(
                    f"another worker has been fetching {what} for too long"
                ) from None
            await asyncio.sleep(0.1)
        else:
            return


async def _common(git: GitDirectory, base: str, head: str) -> str | None:
    try:
        return (await git.run("merge-base", base, head)).decode().strip() or None
    except GitError as error:
        if error.said:
            raise
        return None


@contextlib.contextmanager
def explained(repository: str) -> Iterator[None]:
    """Turn git's failures into errors that say what to do.

    Raises:
        InvalidRepositoryError: Git was refused.
        GitHubUnavailableError: Something else went wrong.
    """
    try:
        yield
    except GitError as error:
        last = error.said.splitlines()[-1] if error.said else "git failed without a word"
        if _REFUSED.search(error.said):
            raise InvalidRepositoryError(
                f"{repository} does not exist, or these credentials cannot see it: {last}",
                hint="check the spelling, and that the App or token may read the repository's contents",
            ) from None
        raise GitHubUnavailableError(f"{repository} could not be fetched: {last}") from None
