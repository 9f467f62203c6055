"""The baseline for a pipeline: one workflow that does as many steps as many at a time, and nothing else.

No graph, no expressions, no outputs that later steps read, no compensation; nobody can see where it stands.
"""

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from bare import BareInput, BareWorkflow

    from perdure.model.base import Model


def nothing(number: int) -> dict[str, int]:
    """Do what a `run:` step of the pipeline does here."""
    return {"number": number}


@activity.defn(name="bare_nothing")
async def bare_nothing(number: int) -> dict[str, int]:
    """Do the same without Perdure."""
    return nothing(number)


class BareStepsInput(Model):
    """How many steps, how many of them at a time; actions where ``action`` is given, else activities."""

    count: int
    at_once: int
    action: BareInput | None = None


@workflow.defn
class BareStepsWorkflow:
    """Does its steps side by side. Ends when all have ended."""

    @workflow.run
    async def run(self, input: BareStepsInput) -> int:
        """Do every step, and say how many there were."""
        slots = asyncio.Semaphore(input.at_once)

        async def one(number: int) -> None:
            async with slots:
                await self._step(number, input.action)

        await asyncio.gather(*(one(number) for number in range(input.count)))
        return input.count

    async def _step(self, number: int, action: BareInput | None) -> None:
        if action is None:
            await workflow.execute_activity(bare_nothing, number, start_to_close_timeout=timedelta(minutes=1))
            return
        child_id = f"{workflow.info().workflow_id}/{number}"
        await workflow.execute_child_workflow(BareWorkflow.run, action, id=child_id)
