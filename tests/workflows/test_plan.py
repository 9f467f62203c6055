"""Plans: everything that can be known of a pipeline before it runs, and that it then runs as planned."""

import httpx2
import pytest

from perdure.config import GitHubSettings
from perdure.emulator import GitHubEmulator, Repository, commit_files, create_repository
from perdure.engine.pipelines import start_plan
from perdure.engine.plans import make_plan
from perdure.errors import PipelineFailedError, PlanError
from perdure.github import open_github_client
from perdure.pipeline import compile_pipeline, read_pipeline
from perdure.pipeline.plan import read_plan
from workflows.conftest import WAIT_AND_ECHO

RELEASE = """
name: release
inputs: {version: {type: string, default: v1}, wait: {type: integer, default: 1}}
defaults: {owner: acme}
concurrency: {group: 'release-${{ inputs.version }}', policy: refuse}
steps:
  publish:
    action: tools/echo.yml
    matrix: {n: [1, 2]}
    inputs: {message: '${{ inputs.version }} ${{ string(matrix.n) }}'}
    outputs: {message: string}
    compensate: [{action: tools/echo.yml, inputs: {message: one}}, {action: tools/echo.yml}]
  approve: {needs: publish, approval: {approvers: [alice, 'team:acme/release'], quorum: 2}}
  deploy:
    needs: approve
    action: tools/echo.yml
    ref: '${{ steps.publish.jobs[0].outputs.message }}'
    inputs: {message: '${{ steps.publish.jobs[1].outputs.message }}'}
    concurrency: 'deploy-${{ steps.publish.jobs[0].outputs.message }}'
    compensate: {action: tools/echo.yml, inputs: {message: back}}
  child: {needs: deploy, pipeline: child.yaml, inputs: {message: hi}}
"""
CHILD = """
name: child
inputs: {message: {type: string}}
steps: {say: {action: acme/tools/echo.yml, inputs: {message: '${{ inputs.message }}'}}}
"""
SLOW = CHILD.replace("inputs: {message: '$", "inputs: {wait_time: '30', message: '$")
WRONG = """
name: wrong
steps:
  one: {action: acme/tools/eco.yml}
  two: {action: acme/tools/echo.yml, ref: mane}
  three: {action: acme/tools/echo.yml, inputs: {mesage: hi, fail: perhaps, wait_time: long}}
  four: {action: acme/tols/echo.yml}
  five: {needs: one, action: acme/tools/push.yml}
  six: {action: acme/tools/echo.yml, expect-sha: '0123456789012345678901234567890123456789'}
"""


@pytest.fixture
async def github(tmp_path, monkeypatch):
    """GitHub's client, of an emulator in this process."""
    monkeypatch.setenv("PLAN_TOKEN", "any-token")
    files = {
        ".github/workflows/echo.yml": WAIT_AND_ECHO,
        ".github/workflows/push.yml": "on: push\njobs: {}\n",
    }
    create_repository(tmp_path, "acme/tools", files)
    settings = GitHubSettings(url="http://localhost", token="env:PLAN_TOKEN")
    async with GitHubEmulator(tmp_path, timing="fast") as emulator:
        transport = httpx2.ASGITransport(app=emulator.app)
        async with open_github_client(settings, transport=transport) as client:
            yield client


def compiled(text, inputs=None):
    return compile_pipeline(read_pipeline(text), inputs)


async def test_a_plan_names_commits_approvers_groups_and_what_undoes_it(github):
    """What is known before the run is resolved; the rest says which step makes it known."""
    plan = await make_plan(github, compiled(RELEASE), {"child.yaml": read_pipeline(CHILD)})
    sha = (await github.resolve_ref("acme/tools", "main")).sha
    first, second, deploy, child = plan.actions
    assert (first.ref, first.sha, first.inputs) == ("main", sha, {"message": "v1 1"})
    assert (deploy.sha, deploy.known_after, deploy.late_inputs) == ("", "publish", {"message": "publish"})
    assert child.key == "child/say"
    assert plan.pins == {first.key: sha, second.key: sha, "child/say": sha}
    assert plan.dispatches == 4
    assert plan.approvals[0].approvers == ("alice", "team:acme/release")
    assert (plan.groups[0].group, plan.groups[0].known_after) == ("release-v1", "")
    assert plan.groups[1].known_after == "publish"
    assert [one.inputs.get("message", "") for one in plan.compensations] == ["back", "one", "", "one", ""]
    asked = [route for (method, route), count in github.requests_sent.items() for _ in range(count)]
    assert len(asked) < 8


async def test_a_plan_survives_a_file_and_nothing_else(github):
    """It is read back as it was; a changed one is refused."""
    plan = await make_plan(github, compiled(RELEASE), {"child.yaml": read_pipeline(CHILD)})
    text = plan.model_dump_json()
    assert read_plan(text) == plan
    with pytest.raises(PlanError, match="changed"):
        read_plan(text.replace("alice", "mallory"))
    with pytest.raises(PlanError, match="no plan"):
        read_plan("{")


async def test_the_digest_is_of_everything(github):
    """Other inputs are another plan; the same are the same."""
    files = {"child.yaml": read_pipeline(CHILD)}
    first, again, other = [
        (await make_plan(github, compiled(RELEASE, {"version": version}), files)).digest
        for version in ("v1", "v1", "v2")
    ]
    assert first == again != other


async def test_everything_that_is_wrong_is_said_at_once(github):
    """Each mistake names its job and what is allowed."""
    with pytest.raises(PlanError) as caught:
        await make_plan(github, compiled(WRONG))
    said = [(problem["job"], problem["message"]) for problem in caught.value.problems]
    for job, words in (
        ("one", "did you mean echo.yml?"),
        ("two", "no branch or tag 'mane'"),
        ("three", "did you mean message?"),
        ("three", "input fail may not be 'perhaps'"),
        ("three", "input wait_time has to be a number"),
        ("four", "acme/tols"),
        ("five", "no workflow_dispatch trigger"),
        ("six", "not at the expected 0123"),
    ):
        assert any(job == at and words in message for at, message in said), (job, words, said)


async def test_a_planned_pipeline_refuses_a_branch_that_has_moved(house):
    """What was approved is what runs: on another commit it is not dispatched, or cancelled and failed."""
    async with open_github_client(house.settings.github) as client:
        plan = await make_plan(client, compiled(CHILD, {"message": "hi"}))
        slow = await make_plan(client, compiled(SLOW, {"message": "hi"}))
    first = await start_plan(house.client, plan, task_queue=house.task_queue)
    assert (await first.result()).digest == plan.digest
    repository = Repository("acme/tools", house.root / "acme/tools.git")
    commit_files(repository, {"README.md": "pushed meanwhile"})
    # The worker may not have looked at the branch again: then the run itself tells, and must not be over yet.
    again = await start_plan(house.client, slow, task_queue=house.task_queue)
    with pytest.raises(PipelineFailedError, match=r"not (at|on) the expected"):
        await again.result()
    assert [one.conclusion for one in house.emulator.runs[1:]] in ([], ["cancelled"])


async def test_what_is_known_later_is_pinned_before_its_dispatch(house):
    """A ref that a step returns runs on the commit that it names at that moment."""
    text = """
name: later
steps:
  first: {action: acme/tools/echo.yml, inputs: {message: main}, outputs: {message: string}}
  second: {needs: first, action: acme/tools/echo.yml, ref: '${{ steps.first.outputs.message }}'}
"""
    async with open_github_client(house.settings.github) as client:
        plan = await make_plan(client, compiled(text))
    assert list(plan.pins) == ["first"]
    handle = await start_plan(house.client, plan, task_queue=house.task_queue)
    await handle.result()
    second = house.client.get_workflow_handle(f"{handle.id}/second")
    started = await anext(second.fetch_history_events())
    assert (
        plan.pins["first"].encode()
        in started.workflow_execution_started_event_attributes.input.payloads[0].data
    )
