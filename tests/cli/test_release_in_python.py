"""The release example written in Python: the same work as its pipeline, done by a worker of one's own."""

import asyncio
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from cli.local_processes import environment, perdure, record_of
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.connection import connect_local
from perdure.errors import ApprovalNotKnownError, EngineError
from perdure.model.approvals import Verdict

EXAMPLE = Path(__file__).parents[2] / "examples" / "release" / "release.py"
GITHUB = {"authorization": "Bearer any", "x-github-api-version": "2026-03-10"}
# Two whole releases, each on a machine that may be busy.
pytestmark = [pytest.mark.faults, pytest.mark.timeout(480)]


@asynccontextmanager
async def example(argument, address):
    """Start the example as its README says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(EXAMPLE), argument),
        env=environment(TEMPORAL_ADDRESS=address),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def approve(client, id):
    """Do what two people do with ``perdure approval approve``."""
    approval = get_approval(client, id)
    for login in ("alice", "bob"):
        while not (progress := await asked(approval)) or not progress.waiting_on:
            await asyncio.sleep(0.1)
        await approval.decide(local_decision(progress, login, Verdict.APPROVED, form={"percent": 25}))


async def asked(approval):
    try:
        return await approval.progress()
    except (ApprovalNotKnownError, EngineError):
        return None


async def released(client, address, version):
    """Release a version, approve it, and return exit status, stdout and stderr."""
    approving = asyncio.create_task(approve(client, f"approval/release-{version}/approve"))
    try:
        async with example(version, address) as starter:
            said, complained = await asyncio.wait_for(starter.communicate(), 150)
    finally:
        approving.cancel()
        await asyncio.wait({approving})
    return starter.returncode, said.decode(), complained.decode()


async def runs(github, *repositories):
    """Return the runs of repositories: their titles without the dispatch id, and how they ended."""
    found = []
    for name in repositories:
        listed = (await github.get(f"/repos/acme/{name}/actions/runs")).raise_for_status().json()
        found += [
            (run["display_title"].partition(" [")[0], run["conclusion"]) for run in listed["workflow_runs"]
        ]
    return sorted(found)


async def test_the_release_in_python_does_what_its_pipeline_does(tmp_path):
    """Tests, publishes, builds, asks two people, deploys; takes all of it back where the smoke test fails."""
    ports = ("--port", "0", "--ui-port", "0", "--emulator-port", "0")
    async with perdure("up", "--folder", str(tmp_path / "data"), *ports, cwd=tmp_path) as up:
        record = await record_of(up, tmp_path / "data")
        address = record["temporal"]["address"]
        url = re.search(r"github +(\S+) \(emulated", up.output)[1]
        client = await connect_local(address)
        async with (
            httpx2.AsyncClient(base_url=url, headers=GITHUB) as github,
            example("work", address) as worker,
        ):
            code, said, complained = await released(client, address, "v1.2.3")
            assert said == "released registry.example.com/service:1.2.3, deployed for 25% of the users\n"
            assert (code, complained) == (0, "started release-v1.2.3\n")
            assert await runs(github, "library", "service", "deploy") == RELEASED

            broken = {"name": "SMOKE_TEST", "value": "fail"}
            (await github.post("/repos/acme/deploy/actions/variables", json=broken)).raise_for_status()
            code, said, complained = await released(client, address, "v1.2.4")
            assert (code, said) == (1, "")
            assert "smoke.yml" in complained
            assert ("Roll back", "success") in await runs(github, "deploy")
            assert ("Yank v1.2.4", "success") in await runs(github, "library")

            worker.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(worker.wait(), 60) == 0
        up.process.send_signal(signal.SIGTERM)
        assert await up.ends(within=60) == 0


RELEASED = [
    ("Build with library-1.2.3.tar.gz", "success"),
    ("Deploy registry.example.com/service:1.2.3", "success"),
    ("Publish v1.2.3", "success"),
    ("Smoke test", "success"),
    ("Test with 3.11 on linux", "success"),
    ("Test with 3.11 on mac", "success"),
    ("Test with 3.13 on linux", "success"),
    ("Test with 3.13 on mac", "success"),
]


async def test_what_is_no_version_starts_nothing():
    """It is said at once, and how a version is written."""
    async with example("1.2.3", "127.0.0.1:1") as starter:
        said, complained = await asyncio.wait_for(starter.communicate(), 60)
    assert (starter.returncode, said) == (2, b"")
    assert complained.decode() == "error: '1.2.3' is no version\n\nhint: write one such as v1.2.3\n"
