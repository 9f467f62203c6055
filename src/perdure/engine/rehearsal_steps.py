"""Answers for the activities that the ``run:`` steps of a rehearsed pipeline call.

They are code of people's own, which may do anything: so none of it runs. What they return is what the
scenario says, or made up from the types that the step declares.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import JsonValue
from temporalio import activity
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from perdure.pipeline import CompiledPipeline, PipelineFile
from perdure.pipeline.inputs import OutputType
from perdure.pipeline.rehearsing import REHEARSAL_QUEUE
from perdure.pipeline.scenario import Outcome, Scenario
from perdure.pipeline.steps import RunStep

_MADE_UP: Final[Mapping[OutputType, JsonValue]] = {
    OutputType.STRING: "rehearsed",
    OutputType.INTEGER: 1,
    OutputType.NUMBER: 1.0,
    OutputType.BOOLEAN: True,
}


def made_up_worker(
    client: Client, pipeline: CompiledPipeline, files: Mapping[str, PipelineFile], scenario: Scenario
) -> Worker:
    """Return a worker that answers for every activity of a pipeline as it is rehearsed."""
    steps = dict(_run_steps(pipeline, files))

    @activity.defn(dynamic=True)
    async def answer(arguments: Sequence[RawValue]) -> dict[str, JsonValue]:
        called = activity.info()
        name = called.activity_type.partition(":")[2]
        scripted = scenario.of_run(name)
        if scripted.at(called.attempt) is not Outcome.PASS:
            msg = f"{name} fails because a rehearsal's scenario says so"
            raise ApplicationError(msg)
        made_up = {output: _MADE_UP[kind] for output, kind in steps[name].outputs.items()}
        return {**made_up, **scripted.outputs}

    return Worker(client, task_queue=REHEARSAL_QUEUE, activities=[answer])


def _run_steps(
    pipeline: CompiledPipeline, files: Mapping[str, PipelineFile]
) -> Iterator[tuple[str, RunStep]]:
    for compiled in pipeline.steps:
        if isinstance(compiled.definition, RunStep):
            yield compiled.name, compiled.definition
    for file in files.values():
        yield from ((name, step) for name, step in file.steps.items() if isinstance(step, RunStep))
