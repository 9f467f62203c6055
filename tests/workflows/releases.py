"""Workflows as a release engineer writes them, with Perdure's building blocks."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from perdure.workflow import run_action


@workflow.defn
class Release:
    """What a release engineer writes."""

    @workflow.run
    async def run(self, where: str, inputs: dict[str, str]) -> dict[str, object]:
        published = await run_action("acme/tools", "echo.yml", inputs=inputs, task_queue=where)
        return {"conclusion": published.conclusion, "outputs": published.outputs}


@workflow.defn
class CarefulRelease:
    """Goes on where an action fails, as the error says."""

    @workflow.run
    async def run(self, where: str, inputs: dict[str, str]) -> list[object]:
        try:
            await run_action("acme/tools", "echo.yml", inputs=inputs, task_queue=where)
        except ApplicationError as error:
            return [error.type, error.message, error.details[0]]
        return []


@workflow.defn
class Releases:
    """Runs several actions beside each other."""

    @workflow.run
    async def run(self, where: str, count: int) -> list[dict[str, object]]:
        ended = await asyncio.gather(
            *(
                run_action("acme/tools", "echo.yml", inputs={"message": str(number)}, task_queue=where)
                for number in range(count)
            )
        )
        return [one.outputs for one in ended]


@workflow.defn
class Mistaken:
    """Calls a building block with what it cannot take."""

    @workflow.run
    async def run(self, where: str, options: dict[str, object]) -> None:
        await run_action(
            **{"repository": "acme/tools", "workflow_file": "echo.yml", "task_queue": where, **options}
        )
