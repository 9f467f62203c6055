"""Other people's code on this machine: fetched once, as it is, and without obeying it."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from perdure.activities.fetching import FetchActivities
from perdure.activities.store import ContentStore
from perdure.ai.cache_limit import mark_used, record_size, shrink
from perdure.ai.changes import changed_files, read_diff
from perdure.ai.index import ChunkIndex
from perdure.ai.repositories import Origin, RepositoryCache
from perdure.ai.trees import LARGEST_FILE, is_inside
from perdure.config import Secret
from perdure.emulator import EmulatorSettings, create_repository, running_emulator
from perdure.emulator.repositories import commit_files, git
from perdure.errors import GitHubUnavailableError, InvalidRepositoryError
from perdure.github._git_access import git_url
from perdure.model.indexing import ChunkTreeInput, FetchInput
from perdure.model.pull_requests import PullRequestFacts
from perdure.model.review import Change, FileStatus, LineRange, ReviewTarget

TOKEN = "ghp_thisIsTheTokenOfThisTest"


async def any_token(repository: str) -> Secret:
    return Secret(TOKEN, reference="test")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "github"


@pytest.fixture
def repository(root):
    return create_repository(root, "acme/tools", {"app.py": "def f():\n    return 1\n", "notes.md": "# n\n"})


@pytest.fixture
async def emulator(root, repository):
    async with running_emulator(root, EmulatorSettings(timing="fast")) as running:
        yield running


@pytest.fixture
def cache(emulator, tmp_path):
    return RepositoryCache(tmp_path / "cache", Origin(emulator.api_url, token=any_token))


def head_of(repository, branch="main"):
    return repository.resolve(branch).sha


def commit_objects(repository, entries, **options):
    """Commit what no ordinary client would: (mode, path, content) each."""
    lines = []
    for mode, path, content in entries:
        blob = git(repository.folder, "hash-object", "-w", "--stdin", stdin=content).decode().strip()
        lines.append(f"{mode} {blob if mode != '160000' else '1' * 40}\t{path}\n")
    index = {"stdin": "".join(lines).encode()}
    folder = repository.folder
    os.environ["GIT_INDEX_FILE"] = str(folder / "odd-index")
    try:
        subprocess.run(
            ["git", "update-index", "--add", "--index-info"], cwd=folder, input=index["stdin"], check=True
        )
        tree = subprocess.check_output(["git", "write-tree", "--missing-ok"], cwd=folder, text=True).strip()
    finally:
        del os.environ["GIT_INDEX_FILE"]
    commit = git(folder, "commit-tree", tree, "-m", "odd").decode().strip()
    git(folder, "update-ref", "refs/heads/odd", commit)
    return commit


async def listed(cache, repository, commit):
    return {file.path: file for file in await cache.listing(f"{repository.full_name}@{commit}")}


async def test_a_commit_is_fetched_once_and_lies_there_as_files(cache, repository, emulator):
    """Whoever asks for the same commit again gets the same folder without a request."""
    name = f"acme/tools@{head_of(repository)}"
    folder = await cache.tree(name)
    asked = emulator.requests.count("POST", "/git-upload-pack")
    assert (folder / "app.py").read_text() == "def f():\n    return 1\n"
    assert await cache.tree(name) == folder
    assert emulator.requests.count("POST", "/git-upload-pack") == asked > 0


async def test_branches_tags_and_the_default_branch_are_resolved(cache, repository):
    """What people name is a commit before anything is fetched."""
    head = head_of(repository)
    git(repository.folder, "tag", "-a", "-m", "one", "v1", head)
    assert await cache.resolve("acme/tools", None) == head
    assert await cache.resolve("acme/tools", "main") == head
    assert await cache.resolve("acme/tools", "v1") == head
    assert await cache.resolve("acme/tools", head) == head


@pytest.mark.parametrize(
    ("name", "ref"),
    [("acme/unknown", None), ("acme/tools", "no-such-branch"), ("../etc", None), ("acme/tools", "1" * 40)],
)
async def test_what_does_not_exist_is_permanent(cache, name, ref):
    """Nobody waits for a repository, branch or commit that is not there."""
    with pytest.raises(InvalidRepositoryError) as refused:
        await cache.tree(f"{name}@{await cache.resolve(name, ref)}")
    assert refused.value.permanent


async def test_a_refused_token_is_permanent(emulator, tmp_path):
    """Without a right to read nothing is fetched, and the message says what to look at."""
    cache = RepositoryCache(tmp_path / "cache", Origin(emulator.api_url))
    with pytest.raises(InvalidRepositoryError, match="credentials"):
        await cache.resolve("acme/tools", None)


async def test_a_server_that_does_not_answer_is_worth_another_try(tmp_path):
    """An outage is no verdict on the repository."""
    cache = RepositoryCache(tmp_path / "cache", Origin("http://127.0.0.1:9", token=any_token))
    with pytest.raises(GitHubUnavailableError):
        await cache.resolve("acme/tools", None)


async def test_the_token_is_in_no_command_line_and_in_no_file(cache, repository, tmp_path, monkeypatch):
    """Command lines can be read by every account of the machine, and the cache is kept."""
    log, real = tmp_path / "commands.log", shutil.which("git")
    wrapper = tmp_path / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    await cache.tree(f"acme/tools@{head_of(repository)}")
    assert "fetch" in log.read_text()
    assert TOKEN not in log.read_text()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert kept
    assert not any(TOKEN.encode() in path.read_bytes() for path in kept)


async def test_only_what_the_branch_changed_counts(cache, repository):
    """The base branch has moved on: its changes are not the pull request's."""
    base = head_of(repository)
    head = commit_files(repository, {"app.py": "def f():\n    return 2\n"}, branch="topic")
    for number in range(60):
        commit_files(repository, {"notes.md": f"{number}\n"})
    found = await cache.merge_base("acme/tools", head_of(repository), head)
    assert found == base
    diff = await read_diff(
        await cache.fetch("acme/tools", head), found, head, await cache.listing(f"acme/tools@{head}")
    )
    [changed] = diff.files
    assert (changed.path, changed.added) == ("app.py", (LineRange(start=2, end=2),))


async def test_where_two_commits_parted_is_asked_before_history_is_fetched(emulator, repository, tmp_path):
    """One request saves fetching thousands of commits."""
    base = head_of(repository)
    head = commit_files(repository, {"app.py": "x = 1\n"}, branch="topic")
    commit_files(repository, {"notes.md": "moved on\n"})
    asked = []

    async def told(name: str, one: str, other: str) -> str:
        asked.append((name, one, other))
        return base

    cache = RepositoryCache(tmp_path / "cache", Origin(emulator.api_url, token=any_token, merge_base=told))
    assert await cache.merge_base("acme/tools", head_of(repository), head) == base
    assert asked == [("acme/tools", head_of(repository), head)]


async def test_commits_without_a_common_one_are_told(cache, repository):
    """A branch that was begun anew has no merge base."""
    tree = git(repository.folder, "mktree", stdin=b"").decode().strip()
    orphan = git(repository.folder, "commit-tree", tree, "-m", "orphan").decode().strip()
    git(repository.folder, "update-ref", "refs/heads/orphan", orphan)
    assert await cache.merge_base("acme/tools", head_of(repository), orphan) is None


async def test_links_submodules_and_attributes_of_strangers_do_nothing(cache, repository):
    """The folder holds the bytes of the commit and nothing that leads out of it."""
    commit = commit_objects(
        repository,
        [
            (
                "100644",
                ".gitattributes",
                b"*.py filter=evil working-tree-encoding=UTF-16 -diff export-ignore\n",
            ),
            ("100644", "seen.py", b"import os\n"),
            ("120000", "link", b"/etc/passwd"),
            ("120000", "up", b"../../../.."),
            ("160000", "module", b""),
            ("100644", "lfs.bin", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        ],
    )
    files = await listed(cache, repository, commit)
    folder = await cache.tree(f"acme/tools@{commit}")
    assert (folder / "seen.py").read_bytes() == b"import os\n"
    assert {path: file.unreadable for path, file in files.items() if file.unreadable} == {
        "link": "a symbolic link",
        "up": "a symbolic link",
        "module": "a submodule",
    }
    assert not any(path.is_symlink() for path in folder.rglob("*"))
    both = await cache.fetch("acme/tools", commit, head_of(repository))
    diff = await read_diff(both, head_of(repository), commit, list(files.values()))
    assert b"+import os" in diff.text


async def test_a_large_file_is_named_and_left_out(cache, repository):
    """Nobody reviews it, and everybody is told why."""
    commit = commit_objects(repository, [("100644", "big.txt", b"x" * (LARGEST_FILE + 1))])
    assert (await listed(cache, repository, commit))["big.txt"].unreadable == "larger than 5 MB"


async def test_a_repository_over_the_limit_is_refused(emulator, repository, tmp_path):
    """Before anything of it is written."""
    cache = RepositoryCache(tmp_path / "cache", Origin(emulator.api_url, token=any_token), limit=10)
    with pytest.raises(InvalidRepositoryError, match="MB are allowed"):
        await cache.tree(f"acme/tools@{head_of(repository)}")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a//b", ".git/config", "a/.GIT/hooks/x", "./a"])
def test_paths_that_lead_out_are_not_written(path):
    """A tree may name any path."""
    assert not is_inside(path)


def test_lines_that_look_like_a_diff_are_lines():
    """A file that holds a diff cannot pass its lines off as another file's."""
    text = (
        b"diff --git a/a.txt b/a.txt\nindex 1..2 100644\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,5 @@\n one\n"
        b"+diff --git a/b.txt b/b.txt\n+@@ -1 +1,9 @@\n++++ b/b.txt\n two\n"
        b"diff --git a/z.txt b/z.txt\n--- a/z.txt\n+++ b/z.txt\n@@ -7 +7 @@\n-old\n+new\n"
        b"\\ No newline at end of file\n"
    )
    raw = b":100644 100644 1 2 M\0a.txt\0:100644 100644 1 2 M\0z.txt\0"
    first, second = changed_files(raw, text, [])
    assert first.added == (LineRange(start=2, end=4),)
    assert (second.path, second.added) == ("z.txt", (LineRange(start=7, end=7),))


async def test_renamed_removed_and_binary_files_are_told_apart(cache, repository):
    """Each file of a change says what happened to it."""
    git(repository.folder, "update-ref", "refs/heads/odd", head_of(repository))
    text = "".join(f"line {number}\n" for number in range(30))
    before = commit_files(repository, {"old name.txt": text, "gone.txt": "bye\n"})
    commit = commit_objects(
        repository,
        [("100644", "new näme.txt", (text + "more\n").encode()), ("100644", "data.bin", b"\0\1\2")],
    )
    files = await cache.listing(f"acme/tools@{commit}")
    diff = await read_diff(await cache.fetch("acme/tools", before, commit), before, commit, files)
    found = {file.path: file for file in diff.files}
    assert found["new näme.txt"].status is FileStatus.RENAMED
    assert found["new näme.txt"].added == (LineRange(start=31, end=31),)
    assert found["gone.txt"].status is FileStatus.REMOVED
    assert found["data.bin"].is_binary
    assert found["data.bin"].added == ()


_FETCH = """
import asyncio, sys
from pathlib import Path
from perdure.ai.repositories import Origin, RepositoryCache
from perdure.config import Secret

async def token(repository):
    return Secret("any", reference="test")

cache = RepositoryCache(Path(sys.argv[1]), Origin(sys.argv[2], token=token))
print(asyncio.run(cache.tree(sys.argv[3])))
"""


async def test_processes_that_want_the_same_commit_share_it(emulator, repository, tmp_path):
    """Four workers of a machine start at once: one fetches, nobody fails, nobody sees half of it."""
    name = f"acme/tools@{head_of(repository)}"
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _FETCH, str(tmp_path / "cache"), emulator.api_url, name),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        )
        for _ in range(4)
    ]
    answers = await asyncio.gather(*(process.communicate() for process in processes))
    assert len({output for output, _ in answers}) == 1
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert emulator.requests.count("POST", "/git-upload-pack") <= 2


def test_what_was_used_longest_ago_goes_first(tmp_path):
    """The cache keeps to its size, and never takes away what somebody may be reading."""
    folders = []
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "file").write_bytes(b"x" * 100_000)
        mark_used(folder)
        os.utime(folder / ".used", (1_000_000 + number, 1_000_000 + number))
        folders.append(folder)
    mark_used(folders[0])
    record_size(folders[3])
    assert shrink(folders, 250_000) == [folders[1], folders[2]]
    assert [folder.exists() for folder in folders] == [True, False, False, True]


class TestFolders:
    """A folder of this machine, with what is not committed yet."""

    @pytest.fixture
    def work_tree(self, tmp_path):
        folder = tmp_path / "work"
        folder.mkdir()
        (folder / "kept.py").write_text("a = 1\n")
        (folder / ".gitignore").write_text("*.log\n")
        git(folder, "init", "--quiet", "--initial-branch=main", ".")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", "Begin")
        return folder

    @pytest.fixture
    def activities(self, cache, tmp_path):
        return FetchActivities(cache, ContentStore(tmp_path / "store"), ChunkIndex(tmp_path / "index"))

    async def fetch(self, activities, tmp_path, folder, base=None):
        target = ReviewTarget(folder=str(folder), base=base)
        fetched = await ActivityEnvironment().run(activities.fetch_change, FetchInput(target=target))
        store = ContentStore(tmp_path / "store")
        return fetched, Change.model_validate_json(store.get(fetched.change))

    async def test_uncommitted_changes_count(self, activities, work_tree, tmp_path):
        """What is about to be committed is reviewed; what git ignores is not."""
        (work_tree / "kept.py").write_text("a = 1\nb = 2\n")
        (work_tree / "new.py").write_text("c = 3\n")
        (work_tree / "noise.log").write_text("noise\n")
        fetched, change = await self.fetch(activities, tmp_path, work_tree, base="main")
        assert {file.path: file.added for file in change.files} == {
            "kept.py": (LineRange(start=2, end=2),),
            "new.py": (LineRange(start=1, end=1),),
        }
        assert fetched.added_lines == 2
        assert git(work_tree, "status", "--porcelain").decode() == " M kept.py\n?? new.py\n"

    async def test_without_a_base_everything_counts(self, activities, work_tree, tmp_path):
        """The whole folder is one change."""
        fetched, change = await self.fetch(activities, tmp_path, work_tree)
        assert sorted(file.path for file in change.files) == [".gitignore", "kept.py"]
        assert change.diff is None
        assert fetched.base_sha == ""

    async def test_a_folder_without_git_is_read_too(self, activities, tmp_path):
        """Only a base needs one."""
        folder = tmp_path / "plain"
        folder.mkdir()
        (folder / "a.py").write_text("a = 1\n")
        _, change = await self.fetch(activities, tmp_path, folder)
        assert [file.path for file in change.files] == ["a.py"]
        with pytest.raises(ApplicationError, match="no git work tree") as refused:
            await self.fetch(activities, tmp_path, folder, base="main")
        assert refused.value.non_retryable

    async def test_programs_that_its_configuration_names_are_not_run(self, activities, work_tree, tmp_path):
        """A folder that somebody sent may want to be looked at with a program of theirs."""
        proof = tmp_path / "proof"
        program = tmp_path / "evil.sh"
        program.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
        program.chmod(0o755)
        git(work_tree, "config", "core.fsmonitor", str(program))
        git(work_tree, "config", "filter.evil.clean", str(program))
        (work_tree / ".gitattributes").write_text("*.py filter=evil\n")
        (work_tree / "kept.py").write_text("a = 2\n")
        await self.fetch(activities, tmp_path, work_tree, base="HEAD")
        assert not proof.exists()

    @pytest.mark.parametrize(("folder", "base"), [("missing", None), ("work", "no-such-revision")])
    async def test_what_is_not_there_is_permanent(self, activities, work_tree, tmp_path, folder, base):
        """A slip of the pen is told at once."""
        with pytest.raises(ApplicationError) as refused:
            await self.fetch(activities, tmp_path, tmp_path / folder, base=base)
        assert (refused.value.type, refused.value.non_retryable) == ("InvalidRepositoryError", True)


async def test_a_pull_request_becomes_a_change(cache, repository, tmp_path):
    """Exactly the commit that GitHub told of is fetched, with its diff and its tree cut up."""
    base = head_of(repository)
    head = commit_files(repository, {"app.py": "def f():\n    return 2\n"}, branch="topic")
    store = ContentStore(tmp_path / "store")
    activities = FetchActivities(cache, store, ChunkIndex(tmp_path / "index"))
    facts = PullRequestFacts(
        repository="acme/tools", pull_number=1, title="Two", author="mona", author_id=7,
        head_sha=head, head_ref="topic", head_repository="acme/tools", base_sha=base, base_ref="main",
    )  # fmt: skip
    target = ReviewTarget(repository="acme/tools", pull_number=1)
    fetched = await ActivityEnvironment().run(
        activities.fetch_change, FetchInput(target=target, pull_request=facts)
    )
    change = Change.model_validate_json(store.get(fetched.change))
    assert (fetched.head_sha, fetched.base_sha, fetched.files, fetched.added_lines) == (head, base, 1, 1)
    assert (change.title, change.author_id, change.tree) == ("Two", 7, f"acme/tools@{head}")
    assert b"+    return 2" in store.get(change.diff)
    chunked = await ActivityEnvironment().run(activities.chunk_tree, ChunkTreeInput(tree=fetched.tree))
    assert (chunked.chunks, chunked.files, chunked.skipped) == (2, 2, 0)


@pytest.mark.parametrize(
    ("api", "expected"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://github.example.com/api/v3", "https://github.example.com"),
        ("https://api.octocorp.ghe.com", "https://octocorp.ghe.com"),
        ("http://127.0.0.1:8300", "http://127.0.0.1:8300"),
    ],
)
def test_git_is_where_the_api_is(api, expected):
    """Each kind of GitHub has its repositories beside its API."""
    assert git_url(api) == expected
