"""A worker that is killed in the middle of 40 parts: what was paid for is not paid for again."""

import asyncio
import sys

import pytest

from review.model_server import held, model_server

UNITS, AT_ONCE, BEFORE_THE_KILL = 40, 5, 15

WORKER = f"""
import asyncio, sys
from datetime import timedelta
from pathlib import Path
from perdure.ai.ledger import Budgets
from perdure.ai.model_list import ModelList
from perdure.ai.spending import Spending
from perdure.ai.unit_reviewer import UnitReviewer
from perdure.config import ModelEndpoint, ReviewSettings
from perdure.model.review import LineRange, ReviewPolicy, ReviewUnit

async def main():
    endpoint = ModelEndpoint(model="openai:reviewer-1", base_url=sys.argv[1], input_price=1, output_price=1)
    settings = ReviewSettings(models=(endpoint,), folder=Path(sys.argv[2]), longest_answer=256)
    spending = Spending(review="r", budgets=Budgets(review=10_000_000))
    slots = asyncio.Semaphore({AT_ONCE})
    async with ModelList(settings) as models:
        reviewer = UnitReviewer(models.clients(ReviewPolicy()), settings)

        async def one(number):
            added = (LineRange(start=1, end=1),)
            unit = ReviewUnit(path=f"{{number}}.py", text="x = 1  # BUG\\n", added=added)
            async with slots:
                result = await reviewer.review(unit, spending)
            print(result.unit_id, len(result.findings), flush=True)

        await asyncio.gather(*(one(number) for number in range({UNITS})))

asyncio.run(main())
"""


async def started(server, folder):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", WORKER, server.base_url, str(folder)), stdout=asyncio.subprocess.PIPE
    )


@pytest.mark.faults
async def test_a_killed_worker_pays_for_nothing_twice(tmp_path):
    """Every part that was answered before the kill is asked for once, and all of them are reviewed."""
    async with model_server() as server:
        # The calls that are under way at the kill have no answer yet: only they are made again.
        never = held(asyncio.Event())
        worker = await started(server, tmp_path)
        done = set()
        async for line in worker.stdout:
            done.add(line.split()[0].decode())
            if len(done) == BEFORE_THE_KILL:
                server.always = never
                break
        worker.kill()
        done |= {line.split()[0].decode() for line in (await worker.stdout.read()).splitlines()}
        await worker.wait()
        server.always = None

        again = await started(server, tmp_path)
        lines = (await again.communicate())[0].decode().splitlines()

        asked = {unit[:20]: server.requests[unit[:20]] for unit in done}
        assert again.returncode == 0
        assert (len(lines), {line.split()[1] for line in lines}) == (UNITS, {"1"})
        assert set(asked.values()) == {1}
        assert server.total <= UNITS + AT_ONCE
