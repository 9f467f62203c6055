"""The release example: its pipeline's decisions, its workflow files on an emulated GitHub."""

import asyncio
import io
import json
import zipfile
from pathlib import Path

import httpx2
import pytest

from perdure.emulator import create_repository, running_emulator
from perdure.pipeline import (
    ApprovalStep,
    Conclusion,
    JobResult,
    Sequencer,
    action_input,
    compile_pipeline,
    read_pipeline,
    typed_outputs,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "release"
VERSION = {"authorization": "Bearer any", "x-github-api-version": "2026-03-10"}


@pytest.fixture
async def github(tmp_path):
    """Serve the example's three repositories."""
    for repository in ("library", "service", "deploy"):
        folder = EXAMPLE / repository
        files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.yml")}
        create_repository(tmp_path, f"acme/{repository}", files)
    async with (
        running_emulator(tmp_path, timing="fast") as emulator,
        httpx2.AsyncClient(base_url=emulator.api_url, headers=VERSION) as client,
    ):
        yield client


async def run_action(github, action, dispatch_id):
    """Dispatch an action, wait for its end, and return its run, title and outputs."""
    base = f"/repos/{action.repository}/actions"
    inputs = {**action.inputs, "dispatch_id": dispatch_id}
    answer = await github.post(
        f"{base}/workflows/{action.workflow_file}/dispatches", json={"ref": action.ref, "inputs": inputs}
    )
    assert answer.status_code == 200, answer.text
    run_url = f"{base}/runs/{answer.json()['workflow_run_id']}"
    async with asyncio.timeout(30):
        while (run := (await github.get(run_url)).json())["status"] != "completed":
            await asyncio.sleep(0.02)
    outputs = {}
    for artifact in (await github.get(f"{run_url}/artifacts")).json()["artifacts"]:
        archive = await github.get(artifact["archive_download_url"], follow_redirects=True)
        with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
            outputs = json.loads(opened.read("perdure-outputs.json"))
    return run, outputs


async def end_of(github, sequencer, step, key):
    """Do what a job asks for, and return how it ended."""
    if isinstance(step, ApprovalStep):
        return JobResult(conclusion=Conclusion.SUCCESS, form={"percent": 25})
    run, outputs = await run_action(github, action_input(step, sequencer.contexts(key)), f"id-{key}")
    assert run["conclusion"] == "success"
    assert f"[id-{key}]" in run["display_title"]
    return JobResult(conclusion=Conclusion.SUCCESS, outputs=typed_outputs(step.outputs, outputs))


async def test_the_release_runs_to_its_end(github):
    """What one repository returns reaches the next; every file shows the dispatch id in its run's name."""
    text = (EXAMPLE / "pipeline.yaml").read_text(encoding="utf-8")
    pipeline = compile_pipeline(read_pipeline(text), {"version": "v1.2.3"})
    sequencer = Sequencer(pipeline, {"id": "release/1"})
    steps = {job.key: step.definition for step in pipeline.steps for job in step.jobs}
    while (moves := sequencer.moves()).conclusion is None:
        ends = [end_of(github, sequencer, steps[key], key) for key in moves.start]
        for key, result in zip(moves.start, await asyncio.gather(*ends), strict=True):
            sequencer.finish(key, result)
    assert moves.conclusion is Conclusion.SUCCESS
    assert sequencer.results["build"].outputs == {"image": "registry.example.com/service:1.2.3"}
    for undo in sequencer.compensations():
        run, _ = await run_action(github, action_input(undo.call, sequencer.contexts(undo.job_key)), "undo")
        assert run["conclusion"] == "success"
    assert [undo.call.action for undo in sequencer.compensations()] == [
        "acme/deploy/rollback.yml",
        "acme/library/yank.yml",
    ]
