"""Copies the repositories of a pipeline to where its rehearsal may do with them as it likes.

Nothing is ever written to where they come from: git only fetches from there, and what it fetches into is a
bare repository of the rehearsal's own.
"""

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from perdure.ai.git import GitError, run_git
from perdure.ai.repositories import explained
from perdure.errors import UsageError
from perdure.github import GitHubClient
from perdure.model.rehearsal import FOLDER, GITHUB, RehearsedRepository

_HEADS_AND_TAGS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_PLAIN_BRANCH = "main"
# The same files are the same commit, wherever and whenever they are rehearsed.
_AUTHOR = {
    "GIT_AUTHOR_NAME": "Perdure",
    "GIT_AUTHOR_EMAIL": "rehearsal@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Perdure",
    "GIT_COMMITTER_EMAIL": "rehearsal@localhost",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}


@dataclass(frozen=True, kw_only=True)
class Origins:
    """Where repositories are copied from.

    Attributes:
        folders: Of single repositories, by ``owner/name``.
        below: A folder that holds others, as ``owner/name`` or ``name``; each git's, or a plain one.
        github: Where the rest is.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    below: Path | None = None
    github: GitHubClient | None = None

    def folder_of(self, repository: str) -> Path | None:
        """Return the folder of a repository, where it has one."""
        if repository in self.folders:
            return self.folders[repository]
        if self.below is None:
            return None
        name = repository.partition("/")[2]
        tried = (repository, f"{repository}.git", name, f"{name}.git")
        return next((self.below / one for one in tried if (self.below / one).is_dir()), None)


async def copy_repositories(
    root: Path, repositories: Collection[str], origins: Origins
) -> tuple[RehearsedRepository, ...]:
    """Copy repositories below a folder, as the emulated GitHub serves them.

    Raises:
        UsageError: One has no origin, or cannot be read.
        GitHubError: GitHub does not hand it out.
    """
    return tuple([await _copied(root, repository, origins) for repository in repositories])


async def copy_again(root: Path, target: Path) -> None:
    """Copy all that was copied once more, with hard links to what never changes."""
    for folder in _copies(root):
        below = target / folder.relative_to(root)
        await run_git("clone", "--quiet", "--mirror", "--local", "--", str(folder), str(below))


def _copies(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.git"))


async def _copied(root: Path, repository: str, origins: Origins) -> RehearsedRepository:
    target = root / f"{repository}.git"
    folder = origins.folder_of(repository)
    if folder is not None:
        changed = await _from_folder(target, repository, folder)
        return RehearsedRepository(
            repository=repository, source=FOLDER, origin=str(folder), uncommitted=changed
        )
    if origins.github is None:
        where = f"{origins.below} has no folder for it" if origins.below else "no folder was named for it"
        raise UsageError(
            f"{repository} cannot be copied: {where}",
            hint=f"name one with --repository {repository}=PATH",
        )
    await _from_github(target, repository, origins.github)
    return RehearsedRepository(repository=repository, source=GITHUB, origin=origins.github.git_url)


async def _from_github(target: Path, repository: str, github: GitHubClient) -> None:
    facts = await github.get_repository(repository)
    token = (await github.git_token(repository)).reveal()
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    with explained(repository):
        await _create(target, facts.default_branch)
        await _fetch(
            target,
            f"{github.git_url}/{repository}.git",
            # In its environment, which other accounts cannot read.
            {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.{github.git_url}/.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Basic {encoded}",
            },
        )


async def _from_folder(target: Path, repository: str, folder: Path) -> int:
    """Copy a folder, and return how many of its files are not committed."""
    place = _absolute(folder, repository)
    try:
        if not _is_git(folder):
            await _import(target, place)
            return 0
        branch = (await run_git("-C", place, "symbolic-ref", "--short", "HEAD")).decode().strip()
        await _create(target, branch)
        await _fetch(target, place, {})
        if not (folder / ".git").exists():
            return 0
        # With --no-optional-locks not even the index's cache is written.
        status = ("--no-optional-locks", "-C", place, "status", "--porcelain")
        return len((await run_git(*status)).splitlines())
    except GitError as error:
        raise UsageError(f"{repository}: {folder} cannot be copied: {error.said}") from error


def _absolute(folder: Path, repository: str) -> str:
    if not folder.is_dir():
        raise UsageError(f"{repository}: {folder} is no folder")
    return str(folder.absolute())


def _is_git(folder: Path) -> bool:
    # A work tree's own folder, or the file that leads to it; or a bare repository.
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


async def _import(target: Path, place: str) -> None:
    """Make a repository of one commit from a folder that is none."""
    await _create(target, _PLAIN_BRANCH)
    git = (f"--git-dir={target}", f"--work-tree={place}", "-c", "core.bare=false")
    await run_git(*git, "add", "--force", "--all", ".")
    await run_git(*git, "commit", "--quiet", "--message", "Begin", environment=_AUTHOR)


async def _create(target: Path, branch: str) -> None:
    await run_git("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", str(target))


async def _fetch(target: Path, url: str, environment: Mapping[str, str]) -> None:
    await run_git(
        *(f"--git-dir={target}", "fetch", "--quiet", "--no-recurse-submodules", "--no-write-fetch-head"),
        *("--", url, *_HEADS_AND_TAGS),
        environment=environment,
    )
