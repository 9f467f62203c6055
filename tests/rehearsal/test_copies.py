"""Copies of repositories: whole, their own, and the same every time."""

import subprocess

import pytest

from perdure.engine.rehearsal_repositories import Origins, copy_again, copy_repositories
from perdure.errors import UsageError


def git(folder, *arguments):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@localhost", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def source(tmp_path):
    """A work tree with a branch, a tag, and something that is not committed."""
    folder = tmp_path / "src" / "library"
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=trunk")
    (folder / "a.txt").write_text("a\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "Begin")
    git(folder, "tag", "v1")
    git(folder, "branch", "next")
    (folder / "a.txt").write_text("not committed\n")
    return folder


def refs(folder):
    return git(folder, "for-each-ref", "--format=%(objectname) %(refname)")


async def test_a_git_folder_is_copied_with_its_branches_tags_and_commits(source, tmp_path):
    """Commits keep their SHAs, the branch that is checked out is the default, and nothing leads back."""
    before = refs(source)
    (copied,) = await copy_repositories(tmp_path / "copies", ["acme/library"], Origins(below=source.parent))
    copy = tmp_path / "copies" / "acme" / "library.git"
    assert refs(copy) == before == refs(source)
    assert git(copy, "symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert "remote" not in (copy / "config").read_text()
    assert (copied.source, copied.origin, copied.uncommitted) == ("folder", str(source), 1)


async def test_a_room_s_own_copy_has_nothing_to_do_with_the_first(source, tmp_path):
    """What a rehearsal does to its copy is not seen in another's."""
    await copy_repositories(tmp_path / "copies", ["acme/library"], Origins(below=source.parent))
    for room in ("one", "two"):
        await copy_again(tmp_path / "copies", tmp_path / room)
    first, second = (tmp_path / room / "acme" / "library.git" for room in ("one", "two"))
    before = refs(second)
    git(first, "update-ref", "-d", "refs/heads/next")
    git(first, "tag", "v2", "trunk")
    assert refs(second) == before == refs(tmp_path / "copies" / "acme" / "library.git")


async def test_a_plain_folder_becomes_the_same_commit_every_time(tmp_path):
    """So that a rehearsal of the same files has the same digest."""
    folder = tmp_path / "src" / "library"
    (folder / ".github" / "workflows").mkdir(parents=True)
    (folder / ".github" / "workflows" / "test.yml").write_text("on: workflow_dispatch\n")
    found = []
    for name in ("one", "two"):
        origins = Origins(folders={"acme/library": folder})
        await copy_repositories(tmp_path / name, ["acme/library"], origins)
        copy = tmp_path / name / "acme" / "library.git"
        found.append(git(copy, "rev-parse", "main"))
        assert git(copy, "ls-tree", "-r", "--name-only", "main") == ".github/workflows/test.yml"
    assert found[0] == found[1]
    assert not (folder / ".git").exists()


@pytest.mark.parametrize("origins", [{}, {"folders": {"acme/library": "nowhere"}}])
async def test_a_repository_that_is_nowhere_is_named(tmp_path, origins):
    """With the option that says where it is."""
    folders = {name: tmp_path / path for name, path in origins.get("folders", {}).items()}
    with pytest.raises(UsageError, match="acme/library"):
        await copy_repositories(tmp_path / "copies", ["acme/library"], Origins(folders=folders))
