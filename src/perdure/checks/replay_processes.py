"""Spreads replays over several processes."""

import asyncio
import os
import sys
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import cast

from perdure.checks.command_recording import CommandRecorder
from perdure.checks.named_workflows import workflows_named
from perdure.checks.replaying import Outcome, ReplayedHistory, new_replayer, replay_files

_WORTH_A_PROCESS = 50
"""A process takes about as long to start as these take to replay."""


def processes_for(histories: int) -> int:
    """Return how many processes are worth it."""
    return max(1, min(os.cpu_count() or 1, histories // _WORTH_A_PROCESS))


async def replay_everywhere(
    paths: Sequence[Path], *, references: Sequence[str] = (), namespace: str, processes: int | None = None
) -> AsyncIterator[ReplayedHistory]:
    """Replay files, and yield what became of each, in no order.

    Args:
        paths: The files.
        references: Workflow types beside Perdure's own: see :func:`workflows_named`.
        namespace: That the histories come from.
        processes: How many replay; as many as are worth it where it is left out.

    Raises:
        UsageError: A reference leads to no workflow, or the settings cannot be used.
    """
    workflows = workflows_named(references)
    wanted = min(processes or processes_for(len(paths)), len(paths))
    if wanted <= 1:
        async for replayed in replay_files(paths, workflows=workflows, namespace=namespace):
            yield replayed
        return
    # Whatever keeps the others from starting is said once, and by this process.
    new_replayer(workflows, namespace, CommandRecorder())
    answers: asyncio.Queue[ReplayedHistory] = asyncio.Queue()
    shares = [paths[number::wanted] for number in range(wanted)]
    async with asyncio.TaskGroup() as group:
        for share in shares:
            group.create_task(_replay_beside(share, [namespace, *references], answers))
        for _ in paths:
            yield await answers.get()


async def _replay_beside(
    paths: Sequence[Path], arguments: Sequence[str], answers: asyncio.Queue[ReplayedHistory]
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "perdure.checks.replay_process", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        stdin, stdout = cast(StreamWriter, process.stdin), cast(StreamReader, process.stdout)
        stdin.write("".join(f"{path}\n" for path in paths).encode())
        stdin.close()
        answered = 0
        async for line in stdout:
            answers.put_nowait(ReplayedHistory.model_validate_json(line))
            answered += 1
        status = await process.wait()
        for path in paths[answered:]:
            message = f"the process that replayed it ended with status {status}"
            answers.put_nowait(ReplayedHistory(file=str(path), outcome=Outcome.FAILED, message=message))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
