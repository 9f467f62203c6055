"""Code in a folder of this machine, with what is not committed yet."""

import asyncio
import os
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from perdure.ai.git import GitDirectory, GitError, run_git
from perdure.ai.repositories import FOLDER_TREES, RepositoryCache
from perdure.errors import InvalidRepositoryError

_TIMEOUT = timedelta(minutes=5)


@dataclass(frozen=True)
class Snapshot:
    """A folder's files as they were at one moment.

    Attributes:
        git: Holds its objects.
        tree: Its name in the cache.
        sha: Git's digest of the files.
        base: The commit that changes are measured from; empty where there is none.
        environment: Lets git find the folder's own objects.
    """

    git: GitDirectory
    tree: str
    sha: str
    base: str
    environment: dict[str, str]


async def take_snapshot(cache: RepositoryCache, folder: str, base: str | None) -> Snapshot:
    """Copy a folder's files into the cache: all that git does not ignore, committed or not.

    The folder's own git configuration may name programs, so git reads it only where it runs none of them. Its
    objects are read, and nothing is written there.

    Raises:
        InvalidRepositoryError: There is no such folder, or it has no such revision.
    """
    path = Path(folder)
    if not await asyncio.to_thread(path.is_dir):
        raise InvalidRepositoryError(f"there is no folder {folder}", hint="name a folder of this machine")
    git = await cache.scratch()
    top, environment = await _objects(path)
    if base is not None and not environment:
        raise InvalidRepositoryError(
            f"{folder} is no git work tree, so there is no {base}",
            hint="leave --base out to review all files",
        )
    common = await _merge_base(top, base) if base is not None else ""
    sha = await _write(git, top, environment)
    tree = f"{FOLDER_TREES}@{sha}"
    await cache.write(tree, git, environment=environment)
    return Snapshot(git, tree, sha, common, environment)


async def _objects(folder: Path) -> tuple[Path, dict[str, str]]:
    """Return the work tree's top and where its objects are; the folder alone where it is none of git's."""
    try:
        answer = await run_git(
            "-C",
            str(folder),
            "rev-parse",
            "--path-format=absolute",
            "--show-toplevel",
            "--git-path",
            "objects",
        )
    except GitError:
        return folder, {}
    top, objects = answer.decode(errors="surrogateescape").rstrip("\n").split("\n")
    quoted = objects.replace("\\", "\\\\").replace('"', '\\"')
    return Path(top), {"GIT_ALTERNATE_OBJECT_DIRECTORIES": f'"{quoted}"'}


async def _merge_base(top: Path, base: str) -> str:
    try:
        named = await run_git(
            "-C", str(top), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"
        )
    except GitError:
        raise InvalidRepositoryError(
            f"{top} has no revision {base}", hint="name a branch, tag or commit of it, such as HEAD or main"
        ) from None
    commit = named.decode().strip()
    try:
        return (await run_git("-C", str(top), "merge-base", commit, "HEAD")).decode().strip()
    except GitError:
        # Nothing in common: what the base holds counts as it stands.
        return commit


async def _write(git: GitDirectory, top: Path, environment: dict[str, str]) -> str:
    excluded = top / ".git" / "info" / "exclude"
    ignoring = ("-c", f"core.excludesFile={excluded}") if excluded.is_file() else ()
    with tempfile.TemporaryDirectory(prefix="perdure-index-") as place:
        index = {**environment, "GIT_INDEX_FILE": os.path.join(place, "index")}
        try:
            await run_git(
                *(*ignoring, f"--git-dir={git.path}", f"--work-tree={top}", "-C", str(top)),
                *("add", "--all", "--ignore-errors", "."),
                timeout=_TIMEOUT,
                environment=index,
            )
            return (await git.run("write-tree", environment=index)).decode().strip()
        except GitError as error:
            raise InvalidRepositoryError(f"{top} could not be read: {error.said}") from None
