"""``perdure pipeline rehearse``, as people start it."""

import json

import pytest

from cli.local_processes import perdure
from docs.pages import ROOT
from perdure.emulator import create_repository, running_emulator
from perdure.emulator.execution.sandbox import available_isolation

FILE = """
on:
  workflow_dispatch:
    inputs:
      version: {type: string, required: true}
      dispatch_id: {type: string}
run-name: Release ${{ inputs.version }} [${{ inputs.dispatch_id }}]
jobs:
  release:
    runs-on: ubuntu-latest
    steps:
      - run: echo released
"""
PIPELINE = """
name: release
inputs: {version: {type: string, required: true}}
notify: [{on: [success], webhook: 'env:NO_SUCH_HOOK'}]
steps:
  publish:
    action: acme/library/release.yml
    inputs: {version: '${{ inputs.version }}'}
    compensate: {action: acme/library/release.yml, inputs: {version: back}}
  tell: {needs: publish, run: 'no.such:module', outputs: {heard: boolean}}
  approve:
    needs: tell
    if: steps.tell.outputs.heard
    approval: {approvers: ['team:acme/release'], quorum: 2}
  deploy: {needs: approve, action: acme/library/release.yml, inputs: {version: '${{ inputs.version }}'}}
"""


@pytest.fixture
def pipeline(tmp_path):
    path = tmp_path / "release.yaml"
    path.write_text(PIPELINE)
    return path


@pytest.fixture
def folders(tmp_path):
    """A folder with the repository's files, as somebody works on them."""
    workflows = tmp_path / "src" / "library" / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "release.yml").write_text(FILE)
    return tmp_path / "src"


async def rehearse(folder, *arguments, within=90, **variables):
    # A machine that cannot isolate steps runs these harmless ones all the same.
    words = ("pipeline", "rehearse", *arguments, "--unisolated")
    async with perdure(*map(str, words), cwd=folder, **variables) as run:
        await run.ends(within=within)
    return run


def everything_in(root):
    """Return each file of the repositories with its content."""
    return {path: path.read_bytes() for path in root.rglob("*.git/**/*") if path.is_file()}


async def test_a_rehearsal_changes_nothing_real_and_says_what_it_left_out(tmp_path, pipeline):
    """Not one request changes anything at GitHub, and the repositories are the same byte for byte."""
    root = tmp_path / "github"
    create_repository(root, "acme/library", {".github/workflows/release.yml": FILE})
    before = everything_in(root)
    async with running_emulator(root) as github:
        run = await rehearse(
            tmp_path, pipeline, "-f", "version=v1.2.3", "--json",
            PERDURE_GITHUB_URL=github.api_url, PERDURE_GITHUB_TOKEN="env:REAL_TOKEN", REAL_TOKEN="any",
        )  # fmt: skip
        changing = {
            (one.method, one.path)
            for one in github.requests.served
            if one.method != "GET" and not one.path.endswith("/git-upload-pack")
        }
        assert github.runs == []
    assert run.process.returncode == 0, run.output
    assert changing == set()
    assert everything_in(root) == before
    report = json.loads("".join(run.stdout))
    assert report["succeeded"]
    assert report["compared"]
    assert report["differences"] == []
    assert {job["key"]: job["conclusion"] for job in report["jobs"]} == dict.fromkeys(
        ("publish", "tell", "approve", "deploy"), "success"
    )
    assert report["left_out"] == [
        "tell does not run no.such:module: its outputs are made up",
        "nobody is notified: 1 entry of notify",
    ]


async def test_each_step_fails_in_turn(tmp_path, pipeline, folders):
    """A row for each, the first of them of nothing failing; from a folder that is no repository yet."""
    run = await rehearse(tmp_path, pipeline, "-f", "version=v1.2.3", "--from", folders, "--explore")
    assert run.process.returncode == 0, run.output
    rows = [line.split("  ") for line in "".join(run.stdout).splitlines()]
    assert [row[0].strip() for row in rows[1:6]] == [
        "nothing fails",
        "publish fails",
        "tell fails",
        "approve is rejected",
        "deploy fails",
    ]
    assert ["succeeds" in row for row in rows[1:6]] == [True, False, False, False, False]
    undone = [" ".join(row).split()[-3] for row in rows[1:6]]
    assert undone == ["-", "-", "publish", "publish", "publish"]


async def test_what_cannot_be_rehearsed_is_refused_before_anything_starts(tmp_path, pipeline, folders):
    """A scenario about another pipeline, a repository that is nowhere, credentials that are missing."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("steps: {publsh: fail}\n")
    base = (pipeline, "-f", "version=v1.2.3")
    wrong = await rehearse(tmp_path, *base, "--from", folders, "--scenario", scenario)
    assert wrong.process.returncode == 2
    assert "did you mean publish?" in wrong.output
    nowhere = await rehearse(tmp_path, *base, "--from", tmp_path)
    assert nowhere.process.returncode == 2
    assert "--repository acme/library=PATH" in nowhere.output
    nobody = await rehearse(tmp_path, *base)
    assert nobody.process.returncode == 2
    assert "--from" in nobody.output


@pytest.mark.faults
async def test_the_release_example_is_explored_within_a_minute(tmp_path):
    """The table that the guide shows."""
    example = ROOT / "examples" / "release"
    run = await rehearse(
        tmp_path, example / "pipeline.yaml", "-f", "version=v1.2.3", "--from", example, "--explore", "--json"
    )
    assert run.process.returncode == 0, run.output
    found = json.loads("".join(run.stdout))
    assert found["seconds"] < 60
    undone = {one["scenario"]: [step["key"] for step in one["undone"]] for one in found["variants"]}
    assert undone == {
        "": [],
        "test fails": [],
        "publish fails": [],
        "build fails": ["publish"],
        "approve is rejected": ["publish"],
        "deploy fails": ["publish"],
        "smoke fails": ["deploy", "publish"],
    }


@pytest.mark.faults
@pytest.mark.timeout(300)
async def test_every_outcome_of_a_scenario_comes_about(tmp_path):
    """Flaky passes at its second attempt; what hangs, expires or times out ends; what undoes may fail."""
    example = ROOT / "examples" / "release"
    scenario = tmp_path / "scenario.yaml"
    base = (example / "pipeline.yaml", "-f", "version=v1.2.3", "--from", example, "--scenario", scenario)
    for text, ended, attempts in (
        ("steps: {publish: flaky}", "success", 2),
        ("steps: {publish: {outcome: fail, times: 1}}", "success", 2),
        ("steps: {publish: hang}", "failure", 1),
        ("steps: {publish: timeout}", "failure", 1),
        ("steps: {publish: never-starts}", "failure", 2),
    ):
        scenario.write_text(text)
        report = json.loads("".join((await rehearse(tmp_path, *base, "--json")).stdout))
        (job,) = (one for one in report["jobs"] if one["key"] == "publish")
        assert (job["conclusion"], job["attempts"]) == (ended, attempts), text
    scenario.write_text("approvals: {approve: expire}\ncompensations: {publish: fail}\n")
    report = json.loads("".join((await rehearse(tmp_path, *base, "--json")).stdout))
    assert report["error"].startswith("approve")
    assert [(one["key"], one["conclusion"]) for one in report["undone"]] == [("publish", "failure")]


CHILD = """
name: ship
inputs: {version: {type: string, required: true}}
defaults: {owner: acme}
steps:
  pause: {wait: 1h}
  publish:
    needs: pause
    action: library/release.yml
    inputs: {version: '${{ inputs.version }}'}
    compensate: {action: library/release.yml, inputs: {version: back}}
  sure: {needs: publish, approval: {approvers: [dan], form: {sure: {type: boolean, required: true}}}}
"""
PARENT = """
name: top
concurrency: {group: rehearsed-top}
steps:
  ship: {pipeline: ship.yaml, inputs: {version: v1}}
  late: {needs: ship, wait: 1h}
"""


@pytest.mark.faults
async def test_pipelines_that_a_pipeline_runs_are_rehearsed_with_it(tmp_path, folders):
    """Their jobs, approvals and what they undo stand in the report, named with the step that runs them."""
    (tmp_path / "top.yaml").write_text(PARENT)
    (tmp_path / "ship.yaml").write_text(CHILD)
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("approvals: {ship/sure: reject}\n")
    base = (tmp_path / "top.yaml", "--from", folders, "--json")
    fine = json.loads("".join((await rehearse(tmp_path, *base)).stdout))
    keys = ["ship", "ship/pause", "ship/publish", "ship/sure", "late"]
    assert [(job["key"], job["conclusion"]) for job in fine["jobs"]] == [(key, "success") for key in keys]
    rejected = json.loads("".join((await rehearse(tmp_path, *base, "--scenario", scenario)).stdout))
    assert [one["key"] for one in rejected["undone"]] == ["ship/publish"]
    (sure,) = (job for job in rejected["jobs"] if job["key"] == "ship/sure")
    assert (sure["conclusion"], sure["scripted"]) == ("failure", "reject")


EVIL = """
on: {workflow_dispatch: {inputs: {version: {type: string}, dispatch_id: {type: string}}}}
run-name: Evil [${{ inputs.dispatch_id }}]
jobs:
  push:
    runs-on: ubuntu-latest
    steps:
      - name: Push to the source
        run: |
          git init -q own && cd own
          git -c user.name=a -c user.email=a@localhost commit -q --allow-empty -m evil
          git push -q SOURCE HEAD:refs/heads/evil
  read:
    runs-on: ubuntu-latest
    steps:
      - name: Read credentials
        run: env | grep -e TOKEN_VALUE -e REAL_TOKEN || cat HOME/canary
  reach:
    runs-on: ubuntu-latest
    steps:
      - name: Reach the network
        run: python3 -c "import urllib.request; urllib.request.urlopen('URL', timeout=5)"
"""


@pytest.mark.faults
@pytest.mark.skipif(not all(vars(available_isolation()).values()), reason="steps cannot be isolated here")
async def test_an_evil_workflow_file_fails_and_is_reported(tmp_path, pipeline):
    """It can neither push to the source nor read a credential nor reach a server of this machine."""
    root = tmp_path / "github"
    home = tmp_path / "home"
    home.mkdir()
    (home / "canary").write_text("secret\n")
    async with running_emulator(root) as github:
        evil = EVIL.replace("SOURCE", str(root / "acme" / "library.git")).replace("HOME", str(home))
        create_repository(
            root, "acme/library", {".github/workflows/release.yml": evil.replace("URL", github.url)}
        )
        before = everything_in(root)
        run = await rehearse(
            tmp_path, pipeline, "-f", "version=v1", "--json", HOME=str(home), REAL_TOKEN="TOKEN_VALUE",
            PERDURE_GITHUB_URL=github.api_url, PERDURE_GITHUB_TOKEN="env:REAL_TOKEN",
        )  # fmt: skip
    assert run.process.returncode == 1, run.output
    (publish,) = (job for job in json.loads("".join(run.stdout))["jobs"] if job["key"] == "publish")
    for step in ("Push to the source", "Read credentials", "Reach the network"):
        assert step in publish["reason"]
    assert everything_in(root) == before
