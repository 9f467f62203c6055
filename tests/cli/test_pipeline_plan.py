"""``perdure pipeline plan``, and ``perdure pipeline run --plan``, as people start them."""

import json

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = """
name: release
inputs: {version: {type: string, default: 1.2.3}}
concurrency: {group: planned-release}
steps:
  publish:
    action: acme/library/release.yml
    inputs: {version: '${{ inputs.version }}'}
    outputs: {tag: string}
    compensate: {action: acme/library/release.yml, inputs: {version: back}}
  approve: {needs: publish, if: 'inputs.version == "never"', approval: {approvers: [alice]}}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "release.yaml"
    path.write_text(TEXT)
    return path


async def test_a_plan_is_printed_and_run_as_it_was_written(scene, file, tmp_path):
    """What is printed is what runs, and the digest is recorded."""
    out = tmp_path / "release.plan.json"
    planned = await scene.run("pipeline", "plan", file, "--out", out)
    assert planned.process.returncode == 0, planned.output
    digest = json.loads(out.read_text())["digest"]
    for words in (digest, "acme/library/release.yml @ main", "1 of alice", "planned-release", "flowchart"):
        assert words in "".join(planned.stdout)
    ran = await scene.run("pipeline", "run", "--plan", out)
    assert ran.process.returncode == 0, ran.output
    assert digest[:12] in "".join(ran.stderr)
    assert scene.dispatched == 1


async def test_what_is_wrong_is_said_and_nothing_started(scene, file):
    """Exit status 2, each mistake on a line, and the nearest name."""
    before = scene.dispatched
    file.write_text(
        TEXT.replace("library/release.yml\n    inputs: {version", "library/release.yml\n    inputs: {versio")
    )
    wrong = await scene.run("pipeline", "run", file, "--dry-run")
    assert wrong.process.returncode == 2
    assert "publish: input versio is not known (did you mean version?" in wrong.output
    assert "publish: input version is required" in wrong.output
    neither = await scene.run("pipeline", "run")
    assert neither.process.returncode == 2
    assert (await scene.run("pipeline", "run", "--plan", file)).process.returncode == 2
    assert scene.dispatched == before
