"""Marks at GitHub as a worker makes them, on an emulated GitHub in this process."""

import dataclasses

import pytest
from temporalio.exceptions import ApplicationError

from perdure.activities.notifying import MarkActivities, PutMarkInput
from perdure.emulator import commit_files

REPOSITORY = "acme/tools"
BEGUN = PutMarkInput(
    kind="commit-status", repository=REPOSITORY, name="release", about="pipeline/release/7", title="started"
)


@pytest.fixture
def marks(github):
    return MarkActivities(github, page_of=lambda id: f"https://temporal.example.com/{id}")


def push(emulator):
    """Move the default branch."""
    commit_files(emulator.services.repositories.find("acme", "tools"), {"NEW.md": "new\n"})


def statuses(emulator):
    return [(one.sha, one.state, one.target_url) for one in emulator.services.state.statuses.values()]


async def test_a_mark_leads_to_the_workflows_page(marks, emulator, environment):
    """And stands at the commit that the branch names."""
    placed = await environment.run(marks.put_mark, BEGUN)
    assert statuses(emulator) == [
        (placed.sha, "pending", "https://temporal.example.com/pipeline/release/7"),
    ]


async def test_a_branch_that_moves_between_two_attempts_gets_no_second_mark(marks, emulator, environment):
    """The commit that the first attempt found is in its heartbeat."""
    placed = await environment.run(marks.put_mark, BEGUN)
    [found] = environment.beats[0]
    push(emulator)
    environment.info = dataclasses.replace(environment.info, attempt=2, heartbeat_details=[found])
    again = await environment.run(marks.put_mark, BEGUN)
    assert again.sha == placed.sha == found
    assert len(statuses(emulator)) == 1


async def test_a_mark_that_is_placed_stays_at_its_commit(marks, emulator, environment):
    """The workflow says where it is, so that the end stands beside the beginning."""
    placed = await environment.run(marks.put_mark, BEGUN)
    push(emulator)
    ended = BEGUN.model_copy(update={"sha": placed.sha, "state": "success", "title": "succeeded"})
    await environment.run(marks.put_mark, ended)
    assert {sha for sha, _, _ in statuses(emulator)} == {placed.sha}


async def test_what_github_refuses_for_good_is_not_tried_again(marks, environment):
    """A plain token may make no check runs."""
    with pytest.raises(ApplicationError, match="only a GitHub App") as caught:
        await environment.run(marks.put_mark, BEGUN.model_copy(update={"kind": "check-run"}))
    assert caught.value.non_retryable
