"""``perdure worker`` as a process of its own, beside an emulated GitHub."""

import asyncio
import itertools
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

ECHO = """
run-name: Echo [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      seconds: {type: number, default: 0}
      dispatch_id: {type: string, default: ''}
jobs:
  echo:
    runs-on: ubuntu-latest
    steps: [{run: sleep "$SECONDS_TO_WAIT", env: {SECONDS_TO_WAIT: '${{ inputs.seconds }}'}}]
"""

_NUMBERS = itertools.count()


@dataclass
class WorkerProcess:
    """A ``perdure worker`` of its own."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def kill(self) -> None:
        """End it as a crash does."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


async def start_worker_process(
    folder: Path, address: str, api_url: str, *, suffix: str, grace_time: str = "6s", **environment: str
) -> WorkerProcess:
    """Start a worker in a folder and return when it polls."""
    log = folder / f"worker{suffix}-{next(_NUMBERS)}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "perdure", "worker", "--address", address),
            stdout=output,
            stderr=output,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(folder),
                "GITHUB_TOKEN": "any-token",
                "PERDURE_GITHUB_URL": api_url,
                "PERDURE_GITHUB_GRACE_TIME": grace_time,
                "PERDURE_WATCH_SHORTEST_INTERVAL": "0.2s",
                "PERDURE_WATCH_LONGEST_INTERVAL": "1s",
                "PERDURE_WORKER_QUEUE_SUFFIX": suffix,
                "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
                **environment,
            },
        )
    worker = WorkerProcess(process, log)
    try:
        async with asyncio.timeout(60):
            while "worker ready" not in log.read_text():
                assert process.returncode is None, log.read_text()
                await asyncio.sleep(0.05)
    except BaseException:
        await worker.kill()
        raise
    return worker
