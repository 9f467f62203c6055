"""Starts a pipeline again that has ended, and keeps what need not be done again."""

import re
from collections.abc import Mapping

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.outages import QUERY_TIMEOUT, engine_error
from perdure.engine.pipelines import PipelineHandle, start_input
from perdure.errors import EngineError, UsageError
from perdure.model.approvals import Person
from perdure.model.packing import MAX_BYTES
from perdure.pipeline import PipelineFile, compile_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.resuming import kept
from perdure.pipeline.running import JobProgress, JobState, PipelineInput, PipelineResult, PipelineState
from perdure.workflows.pipeline import PipelineWorkflow

_CHILDREN_ASKED = 100
"""Pipelines below one that is started again. The rest are done from their start where they are done again."""

_Temporal = WorkflowHandle[PipelineWorkflow, PipelineResult]


async def retry_pipeline(  # noqa: PLR0913 - keywords, most of them left out
    client: Client,
    id: str,
    *,
    from_step: str | None = None,
    file: PipelineFile | None = None,
    files: Mapping[str, PipelineFile] | None = None,
    inputs: Mapping[str, object] | None = None,
    requester: Person | None = None,
) -> PipelineHandle:
    """Start a pipeline again: jobs that succeeded keep their results if they are given the same as before.

    What was undone is done again, with everything after it. An approval is kept for the same plan only. The
    same goes for the jobs of each pipeline that a step ran, where that step is done again. The new
    pipeline's id follows from the old one's, so that two people who do this at once start one.

    Args:
        client: Connected with Perdure's data converter.
        id: The pipeline that ended.
        from_step: A step that is done again, with everything after it, whatever its result was.
        file: The pipeline as it is now, if it was edited: what was planned for the old one is void then.
        files: Pipelines that an edited file's steps run.
        inputs: Inputs that change.
        requester: Who starts it; who started the old one otherwise.

    Raises:
        UsageError: The pipeline still runs, or has no such step.
        PipelineInputError: The inputs do not fit. Nothing was started.
        ActionNotKnownError: There is no such workflow.
        EngineError: Temporal refused, or no worker answered.
    """
    temporal = client.get_workflow_handle_for(PipelineWorkflow.run, id)
    try:
        described = await temporal.describe()
        if described.status is WorkflowExecutionStatus.RUNNING:
            msg = f"{id} still runs"
            raise UsageError(msg, hint=f"wait for its end, or cancel it: perdure run cancel {id}")
        old = await _input_of(client, temporal)
        new = _edited(old, file, files, inputs)
        state = await _States(client, all_of_them=file is not None).of(id)
    except RPCError as error:
        raise engine_error(error, id) from error
    except WorkflowQueryFailedError as error:
        msg = f"{temporal.id} does not answer as a pipeline: {error}"
        raise EngineError(msg) from error
    resume = kept(state, new.pipeline, from_step=from_step)
    changes: dict[str, object] = {"state": None, "resume": resume, "requester": requester or old.requester}
    new = new.model_copy(update=changes)
    if new.packed_size > MAX_BYTES:
        # Rather with those below from their start than not at all.
        new = new.model_copy(update={"resume": resume.model_copy(update={"below": {}})})
    key = _next_key(id.partition(f"pipeline/{old.pipeline.name}/")[2] or id)
    return await start_input(client, new, key, described.task_queue)


class _States:
    """Asks a pipeline that has ended, and those that its jobs ran, where they stood."""

    def __init__(self, client: Client, *, all_of_them: bool) -> None:
        """Ask.

        Args:
            client: The connection.
            all_of_them: Whether pipelines that succeeded are asked too, for their files may have been edited.
        """
        self._client = client
        self._all_of_them = all_of_them
        self._left = _CHILDREN_ASKED

    async def of(self, id: str) -> PipelineState:
        """Return where a pipeline stood, with those below it."""
        temporal = self._client.get_workflow_handle_for(PipelineWorkflow.run, id)
        state: PipelineState = await temporal.query(PipelineWorkflow.state, rpc_timeout=QUERY_TIMEOUT)
        below = {}
        for row in self._worth_asking(state):
            if self._left:
                self._left -= 1
                found = await self._of_child(row.workflow_id)
                below.update({row.key: found} if found else {})
        return state.model_copy(update={"below": below})

    def _worth_asking(self, state: PipelineState) -> list[JobProgress]:
        wanted = {JobState.FAILURE, JobState.CANCELLED} | ({JobState.SUCCESS} if self._all_of_them else set())
        rows = [
            row for row in state.jobs if row.kind == "pipeline" and row.workflow_id and row.state in wanted
        ]
        return sorted(rows, key=lambda row: row.state is JobState.SUCCESS)

    async def _of_child(self, id: str) -> PipelineState | None:
        try:
            return await self.of(id)
        except WorkflowQueryFailedError:
            return None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None  # never begun, or forgotten by the engine
            raise


async def _input_of(client: Client, temporal: _Temporal) -> PipelineInput:
    async for event in temporal.fetch_history_events():
        started = event.workflow_execution_started_event_attributes
        if started.workflow_type.name == "PipelineWorkflow":
            (input,) = await client.data_converter.decode(started.input.payloads, [PipelineInput])
            return PipelineInput.model_validate(input)
        break
    msg = f"{temporal.id} is no pipeline"
    raise UsageError(msg, hint="list what there is with: perdure run list")


def _edited(
    old: PipelineInput,
    file: PipelineFile | None,
    files: Mapping[str, PipelineFile] | None,
    inputs: Mapping[str, object] | None,
) -> PipelineInput:
    if file is None:
        if inputs:
            raise UsageError("other inputs need the pipeline's file", hint="name the file as well")
        return old
    before = {name: value for name, value in old.pipeline.inputs.items() if name in file.inputs}
    compiled = compile_pipeline(file, {**before, **(inputs or {})})
    changes: dict[str, object] = {
        "pipeline": compiled,
        "files": dict(files or {}),
        "digest": plan_digest(compiled),
        "pins": None,
    }
    return old.model_copy(update=changes)


def _next_key(key: str) -> str:
    found = re.fullmatch(r"(.*)-retry-(\d+)", key)
    return f"{found[1]}-retry-{int(found[2]) + 1}" if found else f"{key}-retry-1"
