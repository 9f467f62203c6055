"""Waiting for what an emulator does in its own time."""

import asyncio
from collections.abc import Awaitable, Callable

from perdure.github import GitHubClient
from perdure.model.actions import ActionsRun, ActionsRunRef


async def until(ready: Callable[[], Awaitable[bool]], *, seconds: float = 20.0) -> None:
    """Ask again until it is so."""
    async with asyncio.timeout(seconds):
        while not await ready():
            await asyncio.sleep(0.02)


async def completed(client: GitHubClient, ref: ActionsRunRef, *, attempt: int = 1) -> ActionsRun:
    """Follow a run to the end of an attempt."""

    async def ended() -> bool:
        found = await client.get_actions_run(ref)
        return found.is_completed and found.actions_run_attempt >= attempt

    await until(ended)
    return await client.get_actions_run(ref)
