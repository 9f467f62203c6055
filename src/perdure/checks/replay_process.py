"""Replays files for another process: one path a line on stdin, one answer a line on stdout.

A replay is nothing but Python at work, so only more processes make many of them faster.
"""

import asyncio
import os
import sys
from pathlib import Path

from perdure.checks.named_workflows import workflows_named
from perdure.checks.replaying import replay_files
from perdure.engine.exits import leave


async def main(namespace: str, references: list[str]) -> None:
    """Answer until there is nothing more to read."""
    # What people's own modules print while they are imported is no answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    workflows = workflows_named(references)
    paths = [Path(line) for line in sys.stdin.read().splitlines()]
    async for replayed in replay_files(paths, workflows=workflows, namespace=namespace):
        answers.write(replayed.model_dump_json() + "\n")
        answers.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
    leave(0)
