"""Check runs and commit statuses, as PyGithub makes them."""

import asyncio

import pytest
from github import Auth, GithubException, GithubIntegration

from emulator.workflow_texts import REPOSITORY
from perdure.emulator import running_emulator


@pytest.fixture
async def as_app(root, app, private_key):
    """Run a function with PyGithub's repository, as an App that is installed there."""
    async with running_emulator(root, apps=(app,)) as served:

        def used(function):
            integration = GithubIntegration(auth=Auth.AppAuth(app.id, private_key), base_url=served.url)
            installation = integration.get_repo_installation(*REPOSITORY.split("/"))
            with integration.get_github_for_installation(installation.id) as github:
                return function(github.get_repo(REPOSITORY))

        yield lambda function: asyncio.to_thread(used, function)


async def test_a_check_run_is_made_changed_and_listed(as_app):
    """The list shows the latest of each name, or all where that is asked for."""

    def use(repository):
        sha = repository.get_branch("main").commit.sha
        first = repository.create_check_run("release", sha, external_id="1", status="in_progress")
        repository.create_check_run("release", sha, external_id="2")
        first.edit(conclusion="cancelled", output={"title": "Stopped", "summary": "by a person"})
        commit = repository.get_commit(sha)
        found = repository.get_check_run(first.id)
        return (
            (found.status, found.conclusion, found.output.summary),
            [one.external_id for one in commit.get_check_runs()],
            {one.external_id for one in commit.get_check_runs(filter="all")},
            [one.external_id for one in commit.get_check_runs(filter="all", status="completed")],
        )

    changed, latest, every, completed = await as_app(use)
    assert changed == ("completed", "cancelled", "by a person")
    assert (latest, every, completed) == (["2"], {"1", "2"}, ["1"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"conclusion": "good"}, "is not a member of"),
        ({"status": "begun"}, "is not a member of"),
        ({"status": "completed"}, "conclusion"),
        ({"details_url": "ftp://ui.example.com"}, "details_url"),
        ({"output": {"title": "t", "summary": "s" * 65_536}}, "characters are allowed"),
    ],
    ids=["conclusion", "status", "no-conclusion", "details_url", "summary"],
)
async def test_a_check_run_that_github_would_refuse_is_refused(as_app, wrong, said):
    """422, with what is wrong in the message."""

    def use(repository):
        sha = repository.get_branch("main").commit.sha
        with pytest.raises(GithubException) as caught:
            repository.create_check_run("release", sha, **wrong)
        return caught.value

    error = await as_app(use)
    assert error.status == 422
    assert said in str(error)


@pytest.mark.parametrize(
    "wrong",
    [{"description": "x" * 141}, {"target_url": "ftp://ui.example.com"}, {"state": "running"}],
    ids=lambda value: next(iter(value)),
)
async def test_a_status_that_github_would_refuse_is_refused(as_app, wrong):
    """422, with the field."""

    def use(repository):
        with pytest.raises(GithubException) as caught:
            repository.get_branch("main").commit.create_status(
                **{"state": "pending", "context": "c", **wrong}
            )
        return caught.value

    error = await as_app(use)
    assert error.status == 422
    assert next(iter(wrong)) in str(error.data)


async def test_the_newest_status_of_a_context_counts(as_app):
    """The combined one is the worst of the newest."""

    def use(repository):
        commit = repository.get_branch("main").commit
        for state in ("failure", "success"):
            commit.create_status(state, context="release", description=state)
        commit.create_status("pending", context="other")
        combined = commit.get_combined_status()
        return combined.state, {one.context: one.state for one in combined.statuses}

    assert await as_app(use) == ("pending", {"release": "success", "other": "pending"})
