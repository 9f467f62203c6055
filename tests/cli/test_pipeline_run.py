import json

import pytest

from cli.local_processes import perdure
from cli.pipeline_files import BROKEN_LATE, CHILD, PARENT, RELEASE, write

pytestmark = pytest.mark.asyncio(loop_scope="module")


def versions(scene, *, since=0):
    return [run.inputs["version"] for run in scene.emulator.runs[since:]]


async def test_a_pipeline_is_followed_to_its_end_and_every_job_is_printed(scene, tmp_path):
    """Data on stdout, one line per change on stderr, exit status 0."""
    before = scene.dispatched
    run = await scene.run("pipeline", "run", write(tmp_path, release=RELEASE), "-f", "version=1.2")
    assert run.process.returncode == 0, run.output
    lines = "".join(run.stdout).splitlines()
    assert lines[:4] == ["conclusion: success", "outputs:", "  tag: v1.2", "jobs:"]
    assert [line.split()[1] for line in lines[4:]] == ["build", "check[1]", "check[2]"]
    assert all("/acme/library/actions/runs/" in line for line in lines[4:])
    assert "started pipeline/release/" in run.output
    assert "build: success, http" in "".join(run.stderr)
    assert sorted(versions(scene, since=before)) == ["1.2", "v1.2 1", "v1.2 2"]


async def test_json_is_one_object_on_stdout(scene, tmp_path):
    """A program reads the result, and never has to look at stderr."""
    file = write(tmp_path, release=RELEASE)
    run = await scene.run("pipeline", "run", file, "-f", "version=1.3", "--json")
    [line] = run.stdout
    result = json.loads(line)
    assert (result["conclusion"], result["outputs"]) == ("success", {"tag": "v1.3"})
    assert result["id"].startswith("pipeline/release/")


async def test_the_same_id_attaches_and_another_plan_is_refused(scene, tmp_path):
    """A CI job that is retried starts nothing again, and is told when it means something else."""
    command = ("pipeline", "run", write(tmp_path, release=RELEASE), "--id", "once")
    first = await scene.run(*command, "-f", "version=2")
    before = scene.dispatched
    second = await scene.run(*command, "-f", "version=2")
    other = await scene.run(*command, "-f", "version=3")
    assert (first.process.returncode, second.process.returncode) == (0, 0), first.output + second.output
    assert first.stdout == second.stdout
    assert "attached to pipeline/release/once, started 20" in second.output
    assert other.process.returncode == 2
    assert "was used before, for another plan" in other.output
    assert scene.dispatched == before


async def test_a_failure_is_undone_and_exits_with_1(scene, tmp_path):
    """What failed, why and where is printed, and what was undone; no traceback."""
    before = scene.dispatched
    run = await scene.run("pipeline", "run", write(tmp_path, late=BROKEN_LATE))
    assert run.process.returncode == 1, run.output
    shown = "".join(run.stdout)
    assert shown.startswith("conclusion: failure\njobs:\n")
    assert "✗ smoke  failure" in shown
    assert "undone:\n  undid build with acme/library/release.yml: success  http" in shown
    assert "error: pipeline broken-late failed: smoke failure" in "".join(run.stderr)
    assert "Traceback" not in run.output
    assert versions(scene, since=before) == ["built", "smoke", "undone"]


async def test_nothing_is_undone_where_that_was_asked(scene, tmp_path):
    """--no-compensate leaves everything as it is."""
    before = scene.dispatched
    run = await scene.run("pipeline", "run", write(tmp_path, late=BROKEN_LATE), "--no-compensate", "--json")
    assert run.process.returncode == 1, run.output
    assert json.loads(run.stdout[0])["error"]["failed_steps"][0]["job"] == "smoke"
    assert versions(scene, since=before) == ["built", "smoke"]


async def test_a_pipeline_runs_the_files_beside_it(scene, tmp_path):
    """Each path is relative to the file that names it, wherever the command is typed."""
    write(tmp_path / "parts", child=CHILD, grandchild=RELEASE)
    run = await scene.run("pipeline", "run", write(tmp_path, parent=PARENT))
    assert run.process.returncode == 0, run.output
    assert "  tag: v7\n" in run.stdout


async def test_all_mistakes_of_all_files_are_said_and_nothing_is_started(tmp_path):
    """Each mistake as file:line:column, exit status 2, and no engine is needed for it."""
    broken = {
        "child": CHILD.replace("version: {type: string}", "version: {type: text}"),
        "other": RELEASE.replace("needs: build", "needs: biuld"),
    }
    write(tmp_path / "parts", **broken)
    file = write(tmp_path, parent=PARENT.replace("steps:", "steps:\n  other: {pipeline: parts/other.yaml}"))
    async with perdure("pipeline", "run", file, cwd=tmp_path) as run:
        assert await run.ends() == 2
    lines = "".join(run.stderr).splitlines()
    for name, line in (("child", 3), ("other", 13)):
        assert any(said.startswith(f"{tmp_path}/parts/{name}.yaml:{line}:") for said in lines), run.output
    assert "Traceback" not in run.output


async def test_files_that_run_each_other_in_a_circle_are_refused(tmp_path):
    """The circle is named, and nothing is started."""
    again = "name: child\nsteps:\n  again: {pipeline: ../parent.yaml}\n"
    write(tmp_path / "parts", child=again)
    async with perdure("pipeline", "run", write(tmp_path, parent=PARENT), cwd=tmp_path) as run:
        assert await run.ends() == 2
    assert "in a circle: parent.yaml -> parts/child.yaml -> parent.yaml" in run.output


@pytest.mark.parametrize("fields", [(), ("-f", "version=1", "-f", "verison=2")], ids=["missing", "unknown"])
async def test_inputs_that_do_not_fit_start_nothing(tmp_path, fields):
    """The input is named, and what the file asks for; no engine is needed for it."""
    async with perdure("pipeline", "run", write(tmp_path, release=RELEASE), *fields, cwd=tmp_path) as run:
        assert await run.ends() == 2
    assert "version" in run.output
    assert "Traceback" not in run.output


async def test_a_file_that_is_not_there_is_said(tmp_path):
    """With the command that writes a first one."""
    async with perdure("pipeline", "run", "nowhere.yaml", cwd=tmp_path) as run:
        assert await run.ends() == 2
    assert "error: nowhere.yaml cannot be read" in run.output
    assert "perdure pipeline init" in run.output
