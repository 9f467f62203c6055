"""PyGithub works against the emulator."""

import asyncio

import pytest
from github import Auth, Github, GithubException, GithubIntegration, InputGitTreeElement

from emulator.pull_scenes import BRANCH, branch_off
from emulator.workflow_texts import REPOSITORY
from perdure.emulator import running_emulator


@pytest.fixture
def github(served):
    with Github(auth=Auth.Token("x"), base_url=served.url, retry=None) as opened:
        yield opened


async def test_pygithub_dispatches_and_reads_a_run(github, served):
    """A run is dispatched and read with PyGithub's objects."""

    def use():
        repository = github.get_repo(REPOSITORY)
        workflow = repository.get_workflow("echo.yml")
        assert workflow.create_dispatch("main", {"message": "hello"})
        return repository, workflow

    repository, workflow = await asyncio.to_thread(use)
    await served.idle()

    def read():
        run = workflow.get_runs()[0]
        assert (run.status, run.conclusion, run.event) == ("completed", "success", "workflow_dispatch")
        assert next(iter(run.jobs())).steps[0].name == "Set up job"
        assert [one.name for one in run.get_artifacts()] == ["perdure-outputs"]
        assert repository.get_contents("README.md").decoded_content == b"# Octo\n"
        assert repository.default_branch == "main"
        assert run.rerun()

    await asyncio.to_thread(read)


async def test_pygithub_sees_the_refusals(github):
    """A refused dispatch raises with GitHub's own text."""

    def use():
        workflow = github.get_repo(REPOSITORY).get_workflow("echo.yml")
        with pytest.raises(GithubException, match="Unexpected inputs provided"):
            workflow.create_dispatch("main", {"message": "x", "colour": "red"}, throw=True)

    await asyncio.to_thread(use)


async def test_pygithub_reviews_and_commits(github, root):
    """A pull request is opened, reviewed, talked about and committed to with PyGithub's objects."""
    head = branch_off(root)

    def use():
        repository = github.get_repo(REPOSITORY)
        pull = repository.create_pull(base="main", head=BRANCH, title="Tidy", body="Some text")
        assert [file.filename for file in pull.get_files()] == ["README.md", "src/app.py", "src/new.py"]
        assert [commit.sha for commit in pull.get_commits()] == [head]
        review = pull.create_review(
            body="Said", event="COMMENT", comments=[{"path": "src/app.py", "line": 3, "body": "Why?"}]
        )
        assert [one.id for one in pull.get_reviews()] == [review.id]
        assert [(one.path, one.body) for one in pull.get_review_comments()] == [("src/app.py", "Why?")]
        pull.create_issue_comment("Hello")
        assert [one.body for one in pull.get_issue_comments()] == ["Hello"]
        blob = repository.create_git_blob("x = 2\n", "utf-8")
        parent = repository.get_git_commit(head)
        element = InputGitTreeElement("src/new.py", "100644", "blob", sha=blob.sha)
        tree = repository.create_git_tree([element], parent.tree)
        commit = repository.create_git_commit("Fix", tree, [parent])
        repository.get_git_ref(f"heads/{BRANCH}").edit(commit.sha)
        pull.update()
        assert pull.head.sha == commit.sha
        pull.edit(state="closed")
        assert pull.state == "closed"

    await asyncio.to_thread(use)


async def test_pygithub_works_as_an_app(root, app, private_key):
    """An App finds its installation and works with its token."""
    async with running_emulator(root, apps=(app,)) as served:

        def use():
            integration = GithubIntegration(auth=Auth.AppAuth(app.id, private_key), base_url=served.url)
            installation = integration.get_repo_installation(*REPOSITORY.split("/"))
            with integration.get_github_for_installation(installation.id) as github:
                return [repository.full_name for repository in installation.get_repos()], github.get_repo(
                    REPOSITORY
                ).id

        names, number = await asyncio.to_thread(use)

    assert REPOSITORY in names
    assert number > 0
