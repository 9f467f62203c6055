import asyncio
import os
import subprocess
import sys

import pytest

CLIENT = """
import asyncio, sys
from perdure.engine.connection import connect
from perdure.engine.exits import leave
async def main():
    client = await connect(address=sys.argv[1], namespace="default")
    await client.count_workflows()
asyncio.run(main())
print("buffered")
leave(int(sys.argv[2]))
"""


@pytest.mark.parametrize("status", [0, 3])
async def test_a_process_that_used_the_sdk_ends_with_its_true_status(temporal_server, status):
    """No crash at the interpreter's end is ever taken for a failure, nor hides one: 20 times in a row."""

    async def once():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, temporal_server.address, str(status), stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return process.returncode, output

    seen = []
    for _ in range(5):
        seen += await asyncio.gather(once(), once())
    assert seen == [(status, b"buffered\n")] * 10


def leave_with(code, **options):
    command = [sys.executable, "-c", f"from perdure.engine.exits import leave\n{code}"]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, check=False, timeout=30, env=environment, **options)


def test_output_that_cannot_be_written_is_no_success():
    """A full disk under the output is not reported as a success."""
    with open("/dev/full", "w") as full:
        done = leave_with("print('x')\nleave(0)", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 74
