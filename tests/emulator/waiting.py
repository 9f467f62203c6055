"""Waiting for something to become true, with a deadline."""

import asyncio


async def until(is_true, *, seconds=20.0):
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while True:
            if is_true():
                return
            await asyncio.sleep(0.01)
