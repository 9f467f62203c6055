import asyncio
import json
import os
import signal

import pytest

from cli.local_processes import perdure
from cli.scenes import FILES, REPOSITORY
from perdure.emulator import create_repository, running_emulator
from perdure.engine.local import LocalServer


@pytest.mark.faults
async def test_a_wait_outlasts_an_engine_that_is_away_for_a_while(tmp_path):
    """The engine is killed: the wait says so, goes on once it is back, and ends as the action does."""
    create_repository(
        tmp_path / "github", REPOSITORY, {".github/workflows/release.yml": FILES["release.yml"]}
    )
    async with LocalServer(tmp_path / "engine") as server, running_emulator(tmp_path / "github") as emulator:
        variables = {
            "TEMPORAL_ADDRESS": server.address,
            "PERDURE_GITHUB_URL": emulator.api_url,
            "PERDURE_GITHUB_TOKEN": "env:EMULATED_TOKEN",
            "EMULATED_TOKEN": "any",
        }
        arguments = ("action", "run", REPOSITORY, "release.yml", "-f", "version=1", "-f", "wait=5", "--json")
        async with (
            perdure("worker", cwd=tmp_path, **variables) as worker,
            perdure(*arguments, cwd=tmp_path, **variables) as run,
        ):
            await worker.says("worker ready")
            await run.says("running, waiting on GitHub")
            os.kill(server.pid, signal.SIGKILL)
            await server.wait()
            await run.says("warning: the engine does not answer", within=60)
            await server.start()
            assert await asyncio.wait_for(run.ends(within=60), 60) == 0, run.output
        [line] = run.stdout
        assert json.loads(line)["conclusion"] == "success"
        assert len(emulator.runs) == 1
