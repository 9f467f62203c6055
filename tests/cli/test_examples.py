import asyncio
import re
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

from cli.local_processes import environment, perdure, processes_of, record_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@asynccontextmanager
async def example(name, *arguments, address):
    """Start an example as its README says, against this test's server instead of port 7233."""
    code = (EXAMPLES / name).read_text().replace('"localhost:7233"', repr(address))
    assert address in code
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", code, *arguments),
        env=environment(PYTHONPATH=str(EXAMPLES)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_workflow_of_ones_own_runs_an_action(tmp_path):
    """The worker and the starter of the README do what it says."""
    ports = ("--port", "0", "--ui-port", "0", "--emulator-port", "0")
    async with perdure("up", "--folder", str(tmp_path / "data"), *ports, cwd=tmp_path) as run:
        address = (await record_of(run, tmp_path / "data"))["temporal"]["address"]
        async with (
            example("worker.py", address=address) as worker,
            example("starter.py", "Ada", address=address) as starter,
        ):
            said, _ = await asyncio.wait_for(starter.communicate(), 60)
            assert re.fullmatch(
                r"success: Hello Ada \(http://127\.0\.0\.1:\d+/acme/.*/\d+\)\n", said.decode()
            )
            assert starter.returncode == 0
            worker.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0
    assert processes_of(tmp_path) == []


def test_the_example_repository_is_the_one_that_is_installed():
    """There is one copy of it."""
    assert (EXAMPLES / "wait-then-echo").is_symlink()
    assert (EXAMPLES / "wait-then-echo/.github/workflows/wait-and-echo.yaml").is_file()
