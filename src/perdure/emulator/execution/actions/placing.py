"""Puts what the emulator made, such as a clone, where the steps of a job will find it.

A step may have left a process behind that puts links in the way at the worst moment. So files are made where
no step can reach them, handed over at the top of the job's folder, and moved to their place from inside the
sandbox, where a link leads to nothing that the steps could not write themselves.
"""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.process import Process

_REPLACE = """
mkdir -p "$2" && find "$2" -mindepth 1 -maxdepth 1 -exec rm -rf {} + || exit 1
for made in "$1"/* "$1"/.[!.]* "$1"/..?*; do
  if [ -e "$made" ] || [ -L "$made" ]; then mv "$made" "$2"/ || exit 1; fi
done
rmdir "$1"
"""
_MERGE = 'mkdir -p "$2" && cp -R -p "$1"/. "$2"/ && rm -rf "$1"'


@contextmanager
def out_of_reach(invocation: Invocation) -> Iterator[Path]:
    """Give a new folder that no step can reach, and remove it in the end."""
    folder = invocation.job.run.request.work_dir.resolve() / "made" / str(uuid.uuid4())
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def place(invocation: Invocation, made: Path, target: Path, *, replace: bool) -> None:
    """Move the contents of a folder into another, in place of what is there or in addition to it.

    Raises:
        StepFailedError: They cannot be put there.
    """
    job = invocation.job
    handed_over = job.folder / f"made-{uuid.uuid4()}"
    os.rename(made, handed_over)
    script = ["sh", "-c", _REPLACE if replace else _MERGE, "place", str(handed_over), str(target)]
    command, cwd = await job.sandbox.command(script, job.folder)
    process = Process(command, env=invocation.variables(), cwd=cwd, wrapped=job.sandbox.wraps)
    if await process.finish(invocation.log, invocation.stop, (0.5, 0.5)) != 0:
        raise StepFailedError(f"the files cannot be put into '{target}'")
