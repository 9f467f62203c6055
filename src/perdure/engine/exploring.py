"""Rehearses a pipeline once for each thing that may go wrong, some side by side."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from perdure.engine.rehearsal_room import open_stage
from perdure.engine.rehearsals import Rehearsable, rehearsal_plan, rehearse_in
from perdure.errors import UsageError
from perdure.model.rehearsal import Exploration, Rehearsal
from perdure.pipeline.rehearsing import failures_of, joined
from perdure.pipeline.scenario import Scenario

MOST_VARIANTS: Final = 200


async def explore(
    folder: Path, what: Rehearsable, scenario: Scenario, *, told: Callable[[Rehearsal], None]
) -> Exploration:
    """Let each step of a pipeline fail in turn, and each approval be rejected.

    Args:
        folder: Where copies of the repositories lie, and everything else is put.
        what: The pipeline.
        scenario: What holds in every rehearsal.
        told: Hears of each rehearsal that has ended.

    Raises:
        PlanError: The pipeline cannot run on the copies.
        UsageError: It has more steps than can be tried.
    """
    began = time.monotonic()
    plan = await rehearsal_plan(folder, what)
    alone = "" if scenario == Scenario() else "the scenario alone"
    variants = [(alone, scenario)] + [(title, joined(scenario, one)) for title, one in failures_of(plan)]
    if len(variants) > MOST_VARIANTS:
        raise UsageError(f"{len(variants)} rehearsals are more than {MOST_VARIANTS}: divide the pipeline")
    gate = asyncio.Semaphore(max(2, min(8, 2 * (os.cpu_count() or 1))))
    async with open_stage(folder, len(variants)) as stage:

        async def one(title: str, goes_wrong: Scenario) -> Rehearsal:
            async with gate:
                done = await rehearse_in(stage, what, goes_wrong, title=title)
            told(done)
            return done

        try:
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(one(title, variant)) for title, variant in variants]
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
    return Exploration(
        pipeline=what.compiled.name,
        digest=plan.digest,
        seconds=time.monotonic() - began,
        variants=tuple(task.result() for task in running),
    )
