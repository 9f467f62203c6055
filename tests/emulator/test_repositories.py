"""Git repositories, read as git itself reads them."""

import subprocess

import pytest

from perdure.emulator import commit_files, create_repository
from perdure.emulator.repositories import Repositories, git


@pytest.fixture
def repository(tmp_path):
    return create_repository(tmp_path, "o/r", {"a/b.txt": "hello\n", "run.sh": "#!/bin/sh\n"})


def test_the_same_files_make_the_same_commit(tmp_path, repository):
    """A repository for tests is the same on every machine, whatever git's configuration says."""
    again = create_repository(tmp_path, "o/again", {"a/b.txt": "hello\n", "run.sh": "#!/bin/sh\n"})

    assert again.resolve("main").sha == repository.resolve("main").sha


def test_packed_and_loose_objects_and_refs_are_read_alike(repository):
    """After git has packed everything, branches, tags, files and history are the same."""
    commit_files(repository, {"c.txt": "c"}, branch="work/x")
    git(repository.folder, "tag", "-a", "v1", "-m", "one", "main")
    before = (repository.refs("refs/"), repository.resolve("v1"), repository.find_commit("work/x"))
    git(repository.folder, "gc", "--quiet")
    packed = Repositories(repository.folder.parent.parent).find("o", "r")

    assert (packed.refs("refs/"), packed.resolve("v1"), packed.find_commit("work/x")) == before
    assert packed.read(packed.resolve("work/x").sha, "a/b.txt") == b"hello\n"
    assert packed.resolve("v1").sha == packed.resolve("main").sha
    assert len(packed.history(packed.resolve("work/x").sha, 10)) == 2


def test_a_push_is_seen_at_once(repository):
    """Nothing about a branch is remembered from one look to the next."""
    first = repository.resolve("main").sha
    second = commit_files(repository, {"a/b.txt": "changed\n"})

    assert repository.resolve("main").sha == second != first
    assert repository.read(second, "a/b.txt") == b"changed\n"
    assert repository.entry(second, "run.sh").mode == "100755"


def test_a_folder_with_a_work_tree_is_a_repository_too(tmp_path):
    """People keep checkouts where the emulator looks; they are served as they are."""
    folder = tmp_path / "o" / "checkout"
    folder.mkdir(parents=True)
    (folder / "x.txt").write_text("x")
    for command in (("init", "-q", "-b", "trunk"), ("add", "."), ("commit", "-q", "-m", "one")):
        git(folder, *command)
    found = Repositories(tmp_path).find("o", "checkout")

    assert found.default_branch == "trunk"
    assert found.read(found.resolve("trunk").sha, "x.txt") == b"x"
    assert [one.full_name for one in Repositories(tmp_path).all()] == ["o/checkout"]


def test_names_ignore_case_as_at_github(repository):
    """A repository is found however its name is written, and answers with its own."""
    found = Repositories(repository.folder.parent.parent).find("O", "R")

    assert found.full_name == "o/r"


@pytest.mark.parametrize(
    ("owner", "name"), [("..", "o"), ("o", ".."), ("o", "r/../r"), (".git", "x"), ("o", "")]
)
def test_names_cannot_leave_the_root(repository, owner, name):
    """A name with a path in it is no repository."""
    assert Repositories(repository.folder.parent.parent).find(owner, name) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "refs/heads/../../HEAD", "refs/notes/x", "nope"])
def test_odd_refs_are_none(repository, name):
    """A ref that is no branch and no tag resolves to nothing."""
    assert repository.resolve(name) is None


def test_a_missing_object_is_an_error(repository):
    """Asking for a hash that does not exist raises, and never hangs on git."""
    with pytest.raises(KeyError):
        repository.object("0" * 40)
    with pytest.raises(subprocess.CalledProcessError):
        git(repository.folder, "no-such-command")
