"""Proposing changes by a pull request, against the emulated GitHub."""

import pytest

from perdure.emulator import Repository, commit_files
from perdure.emulator.repositories import git
from perdure.errors import GitHubUnavailableError
from perdure.github.auth import Scope
from perdure.model.proposals import Proposal

REPOSITORY = "octo-org/octo-repo"
PATH = ".github/workflows/new.yml"


def proposal(text="on: push\n", **changes):
    return Proposal(
        repository=REPOSITORY,
        base="main",
        branch="perdure/tidy",
        files={PATH: text.encode()},
        message="Tidy",
        title="Tidy up",
        body="Because.",
        **changes,
    )


@pytest.fixture
def repository(root):
    return Repository(REPOSITORY, root / f"{REPOSITORY}.git")


def content(repository, ref="perdure/tidy"):
    return git(repository.folder, "show", f"{ref}:{PATH}").decode()


async def test_a_change_is_proposed_once(client, repository):
    """The same proposal again makes no second branch, commit or pull request."""
    first = await client.propose(proposal())
    again = await client.propose(proposal())

    assert (first.is_new, again.is_new) == (True, False)
    assert again.pull_number == first.pull_number
    assert again.commit_sha == first.commit_sha == repository.resolve("refs/heads/perdure/tidy").sha
    assert content(repository) == "on: push\n"
    assert PATH not in git(repository.folder, "ls-tree", "-r", "--name-only", "main").decode()


async def test_what_differs_follows_what_is_there(client, repository):
    """What somebody pushed to the branch stays below a newer proposal."""
    first = await client.propose(proposal())
    theirs = commit_files(repository, {"note.txt": "mine\n"}, branch="perdure/tidy")

    newer = await client.propose(proposal("on: create\n"))

    assert (newer.pull_number, newer.is_new) == (first.pull_number, False)
    assert content(repository) == "on: create\n"
    assert git(repository.folder, "rev-parse", "perdure/tidy~1").decode().strip() == theirs


async def test_a_branch_left_from_a_merged_proposal_begins_anew(client, repository):
    """The commit follows the base branch, not the old branch, where that loses nothing."""
    first = await client.propose(proposal())
    git(repository.folder, "update-ref", "refs/heads/main", first.commit_sha)
    pull = f"/repos/{REPOSITORY}/pulls/{first.pull_number}"
    await client._transport.change(
        REPOSITORY, pull, method="PATCH", json={"state": "closed"}, scope=Scope.REVIEWS
    )
    head = commit_files(repository, {"more.txt": "x\n"})
    await client.propose(proposal("on: create\n"))

    assert git(repository.folder, "rev-parse", "perdure/tidy~1").decode().strip() == head


@pytest.mark.parametrize("after_effect", [False, True])
async def test_a_lost_answer_opens_no_second_pull_request(client, emulator, after_effect):
    """Whether it was opened is looked up; where it was not, the next try opens it."""
    emulator.faults.fail_next("POST", "/pulls", kind="drop", after_effect=after_effect)
    if after_effect:
        assert (await client.propose(proposal())).pull_number
    else:
        with pytest.raises(GitHubUnavailableError, match="whether the pull request was opened is not known"):
            await client.propose(proposal())

    again = await client.propose(proposal())

    assert again.is_new is not after_effect
    assert again.pull_number == 1


async def test_files_of_a_folder_and_tags_of_a_commit_are_listed(client, repository):
    """Everything below a folder, by its whole path; a folder that is not there is empty."""
    sha = commit_files(
        repository, {PATH: "x\n", ".github/actions/a/action.yml": "y\n", "run.sh": "#!/bin/sh\n"}
    )
    git(repository.folder, "tag", "v1", sha)
    git(repository.folder, "tag", "v1.2.3", sha)

    listed = await client.list_tree(REPOSITORY, sha, ".github")

    assert {PATH, ".github/actions/a/action.yml"} <= {each.path for each in listed}
    assert all(each.path.startswith(".github/") for each in listed)
    assert await client.list_tree(REPOSITORY, sha, "nowhere") == []
    assert sorted(await client.tags_of(REPOSITORY, sha)) == ["v1", "v1.2.3"]
    assert await client.tags_of(REPOSITORY, "0" * 40) == []
