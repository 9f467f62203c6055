import getpass
import json
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from cli.local_processes import until
from cli.pipeline_files import GATED, LONG, RELEASE, write
from cli.scenes import REPOSITORY

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def released(scene, tmp_path_factory):
    """Run a pipeline to its end, and return its id."""
    file = write(tmp_path_factory.mktemp("released"), release=RELEASE)
    run = await scene.run("pipeline", "run", file, "-f", "version=1", "--id", "watched")
    assert run.process.returncode == 0, run.output
    return "pipeline/release/watched"


async def test_a_gate_opens_with_the_second_person_and_a_cancel_undoes_what_succeeded(scene, tmp_path):
    """Whoever watches reads who is missing; who started it may not decide; a cancel reaches the run."""
    before = scene.dispatched
    file = write(tmp_path, gated=GATED)
    detached = await scene.run("pipeline", "run", file, "--id", "gate", "--detach")
    assert detached.stdout == ["pipeline/gated/gate\n"], detached.output
    gate = "approval/pipeline/gated/gate/gate"
    async with scene.start("run", "watch", "gated/gate") as watching:
        await watching.says(f"waits for 2 of alice, bob: perdure approval approve {gate}")
        own = await scene.run("approval", "approve", gate)
        assert own.process.returncode == 2, own.output
        await scene.run("approval", "approve", gate, "--as", "alice", "--comment", "fine")
        await watching.says("waits for 1 of bob")
        shown = await scene.run("run", "show", "gated/gate", "--exit-status")
        assert shown.process.returncode == 3
        assert f"started by: {getpass.getuser()}" in shown.output
        assert "gate: running, waits for 1 of bob" in shown.output
        await scene.run("approval", "approve", gate, "--as", "bob")
        await watching.says("long: running, running")
        cancelled = await scene.run("run", "cancel", "gated/gate")
        assert "asked pipeline/gated/gate to cancel what runs, and to undo what succeeded" in cancelled.output
        assert await watching.ends(within=60) == 1
    assert "conclusion: cancelled\n" in watching.stdout
    assert "  undid build with acme/library/release.yml: success" in watching.output
    runs = scene.emulator.runs[before:]
    assert [(run.inputs["version"], run.conclusion) for run in runs] == [
        ("gated", "success"),
        ("long", "cancelled"),
        ("undone", "success"),
    ]

    audit = await scene.run("run", "audit", "gated/gate", "--json")
    entries = [json.loads(line) for line in audit.stdout]
    told = [(entry["kind"], entry["actor"], entry["job"]) for entry in entries]
    assert told[0] == ("started", getpass.getuser(), "")
    assert ("approval", "alice", "gate") in told
    assert ("approval", "bob", "gate") in told
    assert ("dispatch", "perdure", "build") in told
    assert ("compensation", "perdure", "build/compensate-1") in told
    assert any(kind == "cancel" for kind, _, _ in told)
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    [alice] = [entry for entry in entries if (entry["kind"], entry["actor"]) == ("approval", "alice")]
    assert alice["reason"] == "approved (local): fine"


async def test_what_is_being_undone_is_stopped_by_a_second_cancel_that_asks_for_it(scene, tmp_path):
    """A second one alone changes nothing, and says how to stop it; what GitHub goes on with is named."""
    before = scene.dispatched
    file = write(tmp_path, long=LONG)
    await scene.run("pipeline", "run", file, "--id", "stopped", "--detach")
    async with scene.start("run", "watch", "long/stopped") as watching:
        await watching.says("long: running, running")
        scene.emulator.faults.fail_next("POST", "cancel", status=403, times=2)
        await scene.run("run", "cancel", "long/stopped")
        await until(lambda: scene.dispatched == before + 3, within=60)
        again = await scene.run("run", "cancel", "long/stopped")
        assert again.process.returncode == 0, again.output
        assert "pipeline/long/stopped was cancelled before, and is not through with it" in again.output
        assert "perdure run cancel pipeline/long/stopped --no-compensate" in again.output
        last = await scene.run("run", "cancel", "long/stopped", "--no-compensate")
        assert "asked pipeline/long/stopped to cancel what runs, and to undo nothing more" in last.output
        assert await watching.ends(within=60) == 1
    left = scene.emulator.runs[before + 1]
    assert "may go on at GitHub:\n" in watching.stdout
    assert "error: the pipeline was cancelled, but a run may go on at GitHub: http" in watching.output
    assert f"/actions/runs/{left.id}: " in watching.output
    assert "undid build with acme/library/release.yml: cancelled (stopped: " in watching.output
    audit = await scene.run("run", "audit", "long/stopped")
    assert "nothing is to be undone" in audit.output


async def test_an_action_undoes_nothing(scene):
    """It is told apart from a pipeline before anything is cancelled."""
    options = ("-f", "version=1", "-f", "wait=60", "--id", "not-undone", "--detach")
    started = await scene.run("action", "run", REPOSITORY, "release.yml", *options)
    assert started.process.returncode == 0, started.output
    refused = await scene.run("run", "cancel", "not-undone", "--no-compensate")
    assert refused.process.returncode == 2
    assert "error: action/not-undone is no pipeline: it undoes nothing" in refused.output
    assert (await scene.run("run", "cancel", "not-undone")).process.returncode == 0


async def test_watching_one_that_has_ended_prints_how(scene, released):
    """As text the jobs, as JSON its progress a line and then the result."""
    text = await scene.run("run", "watch", released)
    assert text.process.returncode == 0, text.output
    assert "".join(text.stdout).startswith("conclusion: success\noutputs:\n  tag: v1\njobs:\n")
    lines = [json.loads(line) for line in (await scene.run("run", "watch", released, "--json")).stdout]
    assert lines[0]["jobs"][0]["state"] == "success"
    assert lines[-1]["id"] == released
    assert lines[-1]["outputs"] == {"tag": "v1"}


async def test_a_pipeline_is_shown_by_its_name_and_key(scene, released):
    """Its end, its jobs and where they are to be seen; the exit status says how it ended."""
    shown = await scene.run("run", "show", "release/watched", "--exit-status")
    assert shown.process.returncode == 0, shown.output
    assert f"id: {released}\nstate: succeeded\n" in "".join(shown.stdout)
    assert "✓ check[2]  success" in shown.output
    known = json.loads((await scene.run("run", "show", released, "--json")).stdout[0])
    assert (known["state"], known["progress"]["conclusion"]) == ("succeeded", "success")


async def test_a_job_of_a_pipeline_is_shown_as_the_action_that_it_is(scene, released):
    """By the id that the pipeline gives it."""
    shown = await scene.run("run", "show", f"{released}/build")
    assert shown.process.returncode == 0, shown.output
    assert "action: acme/library release.yml" in shown.output


async def test_lists_hold_both_kinds_or_one(scene, released):
    """--kind leaves the other one out."""
    both = [json.loads(line) for line in (await scene.run("run", "list", "-L", "200", "--json")).stdout]
    kinds = {run["id"]: run["kind"] for run in both}
    assert kinds[released] == "pipeline"
    assert kinds[f"{released}/build"] == "action"
    only = await scene.run("run", "list", "--kind", "pipeline", "--status", "completed")
    assert all(line.startswith("pipeline/") and line.endswith("\tpipeline\n") for line in only.stdout)
    assert any(line.startswith(f"{released}\tcompleted") for line in only.stdout)
    assert f"{released}/build" not in only.output


async def test_the_graph_has_the_states_in_mermaid_and_in_svg(scene, released, tmp_path):
    """The drawing is well-formed and needs no other tool."""
    path = tmp_path / "graph.svg"
    graph = await scene.run("run", "graph", released, "--svg", str(path))
    assert graph.process.returncode == 0, graph.output
    assert graph.stdout[0] == "flowchart LR\n"
    assert any("class step_build,step_check success" in line for line in graph.stdout)
    drawing = ElementTree.parse(path).getroot()  # our own file
    titles = [title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")]
    assert titles == ["build: success", "check: success"]


@pytest.mark.parametrize("command", ["graph", "audit"])
async def test_an_action_has_no_graph_and_no_account_of_its_own(scene, released, command):
    """The message says what it is, and where to look."""
    refused = await scene.run("run", command, f"{released}/build")
    assert refused.process.returncode == 2
    assert f"{released}/build is no pipeline" in refused.output


@pytest.mark.parametrize("command", ["show", "watch", "cancel", "graph", "audit"])
async def test_a_pipeline_that_is_not_there_is_said(scene, command):
    """With where to look for it."""
    refused = await scene.run("run", command, "pipeline/nowhere/1")
    assert refused.process.returncode == 2
    assert "there is no pipeline 'pipeline/nowhere/1'" in refused.output
    assert "perdure run list" in refused.output


async def test_a_pipeline_that_is_retried_keeps_what_succeeded(scene, released):
    """Started again from its end, nothing is dispatched; from a step, that step and what needs it."""
    before = scene.dispatched
    kept = await scene.run("run", "retry", released)
    assert kept.process.returncode == 0, kept.output
    assert scene.dispatched == before
    unknown = await scene.run("run", "retry", released, "--from", "nowhere")
    assert unknown.process.returncode == 2, unknown.output
    assert "nowhere" in unknown.output


async def test_an_action_is_not_retried_as_a_pipeline(scene):
    """The error says what to type instead."""
    await scene.run("action", "run", "acme/library", "release.yml", "-f", "version=1", "--id", "no-pipeline")
    refused = await scene.run("run", "retry", "no-pipeline")
    assert refused.process.returncode == 2, refused.output
    assert "perdure action run" in refused.output
