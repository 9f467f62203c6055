"""``perdure`` as people start it: a process with an environment that says nothing of GitHub or Temporal."""

import asyncio
import json
import os
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil

_CONFIGURING = ("PERDURE_", "TEMPORAL_", "GITHUB_", "GH_")


def environment(**changes):
    """Return an environment without anything that configures Perdure."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(_CONFIGURING)}
    return kept | changes


@dataclass
class Perdure:
    """One run of the command."""

    process: asyncio.subprocess.Process
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)

    @property
    def output(self):
        return "".join(self.stdout + self.stderr)

    async def says(self, text, *, within=30.0):
        """Wait until it has printed the text."""
        await until(lambda: text in self.output or self.process.returncode is not None, within=within)
        assert text in self.output, self.output

    async def ends(self, *, within=30.0):
        """Wait for its end and return its status."""
        return await asyncio.wait_for(self.process.wait(), within)


@asynccontextmanager
async def perdure(*arguments, cwd, **variables):
    """Run the command, and kill it if it still runs at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "perdure", *arguments,
        cwd=cwd,
        env=environment(**variables),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    run = Perdure(process)
    readers = [
        asyncio.create_task(_read(process.stdout, run.stdout)),
        asyncio.create_task(_read(process.stderr, run.stderr)),
    ]
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*readers)


async def _read(stream, lines):
    async for line in stream:
        lines.append(line.decode())


async def until(condition, *, within=10.0):
    """Look until the condition holds."""
    give_up_at = time.monotonic() + within
    while not condition():
        assert time.monotonic() < give_up_at, "it never became true"
        await asyncio.sleep(0.05)


def processes_of(folder):
    """Return what runs with the folder in its command line or as its working folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            words = [*process.cmdline(), process.cwd()]
        except psutil.Error:
            continue
        if any(str(folder) in word for word in words):
            found.append(process)
    return found


async def record_of(run, folder):
    """Wait for what ``perdure up`` writes when everything runs."""
    path = folder / "up.json"
    await until(lambda: path.exists() or run.process.returncode is not None, within=120)
    assert path.exists(), run.output
    return json.loads(path.read_text())
