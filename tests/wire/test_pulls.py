"""The client's calls about pull requests, reviews and commits, against the emulated GitHub."""

import pytest

from perdure.emulator import EmulatorSettings, GitHubEmulator, Repository, commit_files
from perdure.emulator.pull_requests import NewPull
from perdure.errors import (
    GitHubPermissionError,
    GitHubRateLimitedError,
    GitHubRefusedError,
    GitHubUnavailableError,
    InvalidRepositoryError,
)
from perdure.github import Moved, is_beside_the_diff
from perdure.model.pull_requests import DraftComment, PullRequestRef, ReviewToPost

REPOSITORY = "octo-org/octo-repo"
REF = PullRequestRef(repository=REPOSITORY, pull_number=1)
FILES = {"src/app.py": "import os\n\nx = 1\n", "docs/a/b.txt": "one\n", "run.sh": "#!/bin/sh\n"}
REVIEWS = "/pulls/1/reviews"


@pytest.fixture
def head(root):
    found = Repository(REPOSITORY, root / f"{REPOSITORY}.git")
    return commit_files(found, FILES, branch="feature/one", message="Add files")


@pytest.fixture
async def emulator(root, app, head):
    settings = EmulatorSettings(apps=(app,), tokens={"person": "octocat"})
    async with GitHubEmulator(root, settings) as running:
        wanted = NewPull(head="feature/one", base="main", title="Add files", author="octocat")
        running.open_pull_request(REPOSITORY, wanted)
        yield running


def note(line=1, path="src/app.py", body="Hm."):
    return DraftComment(path=path, line=line, body=body)


def draft(head, *comments):
    return ReviewToPost(head_sha=head, body="Body", comments=comments)


async def test_a_pull_request_and_its_patches_are_read(client, head):
    """Branches with slashes, the author's number, and what GitHub shows of each file."""
    facts = await client.get_pull_request(REF)
    patches = {one.path: one.patch for one in await client.list_patches(REF)}

    assert (facts.head_sha, facts.head_ref, facts.head_repository) == (head, "feature/one", REPOSITORY)
    assert (facts.author, facts.author_id, facts.state, facts.base_ref) == ("octocat", 583231, "open", "main")
    assert patches["docs/a/b.txt"] == "@@ -0,0 +1 @@\n+one"
    assert facts.html_url == f"http://localhost/{REPOSITORY}/pull/1"


async def test_a_pull_request_that_is_not_there_is_said(client):
    """A number that nobody knows is a permanent error with a hint."""
    with pytest.raises(InvalidRepositoryError, match=f"{REPOSITORY}#7: there is no such") as failed:
        await client.get_pull_request(REF.model_copy(update={"pull_number": 7}))
    assert failed.value.permanent


async def test_a_review_is_posted_listed_and_changed(client, head):
    """What was posted is what is listed, by the App's own login."""
    posting = await client.post_review(REF, draft(head, note(), note(3)))
    changed = await client.update_review(REF, posting.made.review_id, "Better")

    [review] = await client.list_reviews(REF)
    assert review == changed
    assert (review.author, review.body, review.commit_id) == (await client.own_login(), "Better", head)
    comments = await client.list_review_comments(REF)
    assert [(one.path, one.review_id) for one in comments] == [("src/app.py", review.review_id)] * 2


async def test_more_than_a_page_of_comments_is_listed(client, head):
    """Every page is read: a comment that is overlooked would be posted again."""
    for count in (100, 30):
        await client.post_review(REF, draft(head, *[note(body=f"{number}") for number in range(count)]))

    assert len(await client.list_review_comments(REF)) == 130


async def test_a_comment_beside_the_diff_refuses_the_review(client, head):
    """The refusal is told apart from others by GitHub's words."""
    with pytest.raises(GitHubRefusedError, match="Line could not be resolved") as line:
        await client.post_review(REF, draft(head, note(99)))
    with pytest.raises(GitHubRefusedError, match="not part of the pull request") as commit:
        await client.post_review(REF, draft("0" * 40))

    assert is_beside_the_diff(line.value)
    assert not is_beside_the_diff(commit.value)


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 408}, {"kind": "html", "status": 200}, {"kind": "empty"}, {"kind": "drop"}],
    ids=str,
)
async def test_a_lost_answer_is_nobodys_knowledge(emulator, client, head, fault, after_effect):
    """One POST, and no claim about what came of it: neither made nor refused."""
    emulator.faults.fail_next("POST", REVIEWS, after_effect=after_effect, **fault)

    posting = await client.post_review(REF, draft(head))

    assert (posting.made, bool(posting.reason)) == (None, True)
    assert [one.method for one in emulator.requests.served if one.path.endswith(REVIEWS)] == ["POST"]
    assert len(await client.list_reviews(REF)) == after_effect


async def test_what_comes_too_late_is_not_sent(emulator, client, head):
    """The caller is asked when the request is about to be written."""
    for post in (
        client.post_review(REF, draft(head), may_send=lambda: False),
        client.post_talk(REF, "Hello", may_send=lambda: False),
    ):
        with pytest.raises(GitHubUnavailableError, match="nothing was sent"):
            await post

    assert "POST" not in {one.method for one in emulator.requests.served if "/1/" in one.path}


async def test_a_limit_certainly_made_nothing(emulator, client, head):
    """It says how long to wait, and the caller may post again then."""
    emulator.faults.fail_next("POST", REVIEWS, kind="secondary_limit")

    with pytest.raises(GitHubRateLimitedError):
        await client.post_review(REF, draft(head))


async def test_talk_is_posted_and_listed(client):
    """Comments on the whole pull request carry author and text."""
    posting = await client.post_talk(REF, "Hello")

    [said] = await client.list_talk(REF)
    assert said == posting.made
    assert (said.author, said.body) == ("perdure-test[bot]", "Hello")


async def test_a_token_posts_as_its_owner(emulator, connect, monkeypatch):
    """An App posts as its bot, a person's token as the person."""
    monkeypatch.setenv("PERSON", "person")
    async with connect(emulator, token="env:PERSON", app_id=None, private_key=None) as client:
        assert await client.own_login() == "octocat"


async def test_a_token_that_belongs_to_nobody_posts_as_githubs_own(emulator, connect, monkeypatch):
    """The tokens of GitHub's jobs may not ask who they are."""
    monkeypatch.setenv("PERSON", "person")
    emulator.faults.fail_next(
        "GET", "/user", status=403, body='{"message": "Resource not accessible by integration"}'
    )
    async with connect(emulator, token="env:PERSON", app_id=None, private_key=None) as client:
        assert await client.own_login() == "github-actions[bot]"


async def test_a_commit_is_made_and_its_branch_moved(client, head):
    """Only the named files change; modes stay; the branch leads to the commit."""
    parent = await client.get_git_commit(REPOSITORY, head)
    file = await client.find_tree_file(REPOSITORY, parent.tree_sha, "docs/a/b.txt")
    assert await client.read_blob(REPOSITORY, file.blob_sha) == b"one\n"
    commit = await client.commit_files(REPOSITORY, parent, {file: b"two\n"}, "Fix\n\nA-Trailer: 1")

    assert await client.advance_branch(REPOSITORY, "feature/one", commit.sha) is Moved.YES
    [last, *_] = await client.list_commits(REPOSITORY, "feature/one")
    assert (last.sha, last.parents, last.message) == (commit.sha, (head,), "Fix\n\nA-Trailer: 1")
    again = await client.find_tree_file(REPOSITORY, last.tree_sha, "docs/a/b.txt")
    assert await client.read_blob(REPOSITORY, again.blob_sha) == b"two\n"
    script = await client.find_tree_file(REPOSITORY, last.tree_sha, "run.sh")
    assert script.mode == "100755"


async def test_a_branch_that_moved_or_is_gone_is_not_forced(client, root, head):
    """A commit beside the head of its branch changes nothing."""
    parent = await client.get_git_commit(REPOSITORY, head)
    file = await client.find_tree_file(REPOSITORY, parent.tree_sha, "run.sh")
    commit = await client.commit_files(REPOSITORY, parent, {file: b"#!/bin/bash\n"}, "Fix")
    commit_files(Repository(REPOSITORY, root / f"{REPOSITORY}.git"), {"x": "y"}, branch="feature/one")

    assert await client.advance_branch(REPOSITORY, "feature/one", commit.sha) is Moved.BEHIND
    assert await client.advance_branch(REPOSITORY, "nowhere", commit.sha) is Moved.GONE
    assert await client.list_commits(REPOSITORY, "nowhere") == []


@pytest.mark.parametrize("path", ["docs", "docs/none.txt", "none/b.txt", "run.sh/x"])
async def test_what_is_no_plain_file_is_none(client, head, path):
    """Folders and missing paths are not files."""
    parent = await client.get_git_commit(REPOSITORY, head)

    assert await client.find_tree_file(REPOSITORY, parent.tree_sha, path) is None


async def test_each_token_may_do_one_thing(emulator, client, head):
    """A token for reviews commits nothing, and one for commits reviews nothing."""
    await client.post_talk(REF, "Hello")
    parent = await client.get_git_commit(REPOSITORY, head)
    file = await client.find_tree_file(REPOSITORY, parent.tree_sha, "run.sh")
    await client.commit_files(REPOSITORY, parent, {file: b"#!/bin/bash\n"}, "Fix")

    tokens = client._transport.credentials._tokens
    granted = {key[3].value: dict(token.permissions) for key, token in tokens.items()}
    assert granted["reviews"] == {"pull_requests": "write", "metadata": "read"}
    assert granted["commits"] == {"contents": "write", "metadata": "read"}
    assert "write" not in granted["read"].values()


async def test_a_missing_permission_is_named(root, app, connect, head):
    """Who may not review is told which permission it takes."""
    poor = app.__class__(**{**vars(app), "permissions": {"contents": "read", "metadata": "read"}})
    async with GitHubEmulator(root, EmulatorSettings(apps=(poor,))) as emulator:
        wanted = NewPull(head="feature/one", base="main", title="Add files", author="octocat")
        emulator.open_pull_request(REPOSITORY, wanted)
        async with connect(emulator) as client:
            with pytest.raises(GitHubPermissionError, match="pull_requests: write"):
                await client.post_review(REF, draft(head))


async def test_an_answer_of_another_shape_is_an_outage(emulator, client):
    """A gateway's page is no pull request."""
    emulator.faults.fail_next("GET", "/pulls/1", status=200, body='{"head": null}')

    with pytest.raises(GitHubUnavailableError, match="another shape"):
        await client.get_pull_request(REF)
