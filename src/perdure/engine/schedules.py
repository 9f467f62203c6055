"""Pipelines that start by themselves, through Temporal's schedules.

What a schedule starts is fixed when it is set: the file's content as it was then, with the entry's inputs,
and those of the files that its steps run. Editing a file changes nothing until it is set again.

The client's interceptors do not see what a schedule starts, so all that a pipeline needs at its start, as
:mod:`perdure.engine.pipelines` gives it, is part of the schedule's action.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.common import TypedSearchAttributes
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.outages import engine_error
from perdure.engine.pipelines import PLAN_DIGEST, check_size, pipeline_search_attributes
from perdure.errors import EngineError, UsageError
from perdure.model import queues
from perdure.model.approvals import Person
from perdure.model.base import Model
from perdure.pipeline import PipelineFile, compile_pipeline
from perdure.pipeline.digest import plan_digest
from perdure.pipeline.running import PipelineInput
from perdure.pipeline.scheduling import Overlap, ScheduledInput, ScheduleFacts, changes_between
from perdure.workflows.pipeline import PipelineWorkflow

PREFIX = "pipeline/"
"""Before the name in a schedule's id: others may have schedules in the same namespace."""

CATCH_UP = timedelta(hours=1)
"""For how long a start that was missed, as while the server was down, is made up for."""

_FACTS = "perdure_schedule"
_OVERLAPS = {
    Overlap.SKIP: ScheduleOverlapPolicy.SKIP,
    Overlap.BUFFER_ONE: ScheduleOverlapPolicy.BUFFER_ONE,
    Overlap.BUFFER_ALL: ScheduleOverlapPolicy.BUFFER_ALL,
    Overlap.CANCEL_OTHER: ScheduleOverlapPolicy.CANCEL_OTHER,
    Overlap.ALLOW_ALL: ScheduleOverlapPolicy.ALLOW_ALL,
}
_OVERLAP_WORDS = {policy: word for word, policy in _OVERLAPS.items()}


class ScheduleChange(Model):
    """What setting a file's schedules did to one of them.

    Attributes:
        change: ``created``, ``updated``, ``unchanged`` or ``removed``.
        details: What is otherwise than before.
        next_at: When it starts next.
    """

    name: str
    change: str
    cron: str = ""
    timezone: str = ""
    digest: str = ""
    details: tuple[str, ...] = ()
    next_at: datetime | None = None
    paused: bool = False


class KnownSchedule:
    """A schedule as Temporal has it, and what Perdure keeps with it."""

    def __init__(self, description: ScheduleDescription, scheduled: ScheduledInput) -> None:
        self.description = description
        self.scheduled = scheduled
        self.name = scheduled.facts.name


async def set_schedules(  # noqa: PLR0913 - keywords, most of them left out
    client: Client,
    file: PipelineFile,
    *,
    files: Mapping[str, PipelineFile] | None = None,
    source: str = "",
    requester: Person | None = None,
    overlap: Overlap = Overlap.SKIP,
    catch_up: timedelta = CATCH_UP,
    task_queue: str = queues.WORKFLOWS,
) -> list[ScheduleChange]:
    """Make a pipeline's schedules what its file says: new ones, changed ones, and none that are gone from it.

    Args:
        client: Connected with Perdure's data converter.
        file: The pipeline.
        files: Pipelines that its steps run, by the path that the step names.
        source: Where the file is, for people.
        requester: Who sets them: nobody approves what they have a schedule start, unless the file lets them.
        overlap: What happens when the last one still runs.
        catch_up: For how long a start that was missed is made up for.
        task_queue: Where the pipeline's workflow runs.

    Returns:
        What was done to each.

    Raises:
        UsageError: The file has no schedule, or is larger than the engine takes. Nothing was changed.
        PipelineInputError: The inputs of an entry do not fit. Nothing was changed.
        EngineError: Temporal refused.
    """
    check_schedules(file, source=source)
    how = {"overlap": overlap, "catch_up_seconds": catch_up.total_seconds()}
    wanted = [one.model_copy(update=how) for one in _wanted(file, dict(files or {}), source, requester)]
    attributes = await pipeline_search_attributes(client)
    try:
        there = [name async for name in _names_of(client, file.name, len(wanted))]
        changes = [await _set(client, one, _action(one, task_queue, attributes)) for one in wanted]
        for name in there:
            if name not in {one.name for one in changes}:
                await client.get_schedule_handle(PREFIX + name).delete()
                changes.append(ScheduleChange(name=name, change="removed"))
    except RPCError as error:
        raise schedule_error(error, file.name) from error
    return changes


def check_schedules(file: PipelineFile, *, source: str = "") -> None:
    """Refuse a file whose schedules cannot be set, without asking the engine.

    Raises:
        UsageError: It has none.
        PipelineInputError: The inputs of an entry do not fit.
    """
    if not file.schedule:
        raise UsageError(
            f"{source or file.name} has no schedule",
            hint="add one, such as: schedule: {cron: '0 6 * * 1-5', timezone: Europe/Berlin}; or remove what"
            f" was set before with: perdure schedule delete {file.name}",
        )
    for entry in file.schedule:
        compile_pipeline(file, entry.inputs)


async def known_schedules(client: Client) -> AsyncIterator[str]:
    """Yield the names of all schedules of pipelines in the namespace.

    A schedule that was set or deleted a moment ago may be missing, or still there: the list lags.
    """
    async for listed in await client.list_schedules():
        if listed.id.startswith(PREFIX):
            yield listed.id.removeprefix(PREFIX)


async def read_schedule(client: Client, name: str) -> KnownSchedule | None:
    """Return a schedule, or ``None`` where there is none, or it is somebody else's.

    Raises:
        RPCError: Temporal refused.
    """
    try:
        description = await client.get_schedule_handle(PREFIX + name).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    action = description.schedule.action
    memo = action.memo if isinstance(action, ScheduleActionStartWorkflow) else None
    if not isinstance(action, ScheduleActionStartWorkflow) or not memo or _FACTS not in memo:
        return None
    try:
        [facts] = await client.data_converter.decode([memo[_FACTS]], [ScheduleFacts])
        [input] = await client.data_converter.decode(list(action.args), [PipelineInput])
    except (ValidationError, ValueError, RuntimeError):
        return None
    policy = description.schedule.policy
    scheduled = ScheduledInput(
        facts=ScheduleFacts.model_validate(facts),
        input=PipelineInput.model_validate(input),
        overlap=_OVERLAP_WORDS.get(policy.overlap, Overlap.SKIP),
        catch_up_seconds=policy.catchup_window.total_seconds() if policy.catchup_window else 0.0,
    )
    return KnownSchedule(description, scheduled)


def schedule_error(error: RPCError, name: str) -> EngineError | UsageError:
    """Return the error that says what a refusal means."""
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return UsageError(f"Temporal refused the schedule of {name}: {error.message}")
    return engine_error(error, name)


def _wanted(
    file: PipelineFile, files: dict[str, PipelineFile], source: str, requester: Person | None
) -> list[ScheduledInput]:
    now = datetime.now(UTC)
    wanted = []
    for number, entry in enumerate(file.schedule, start=1):
        compiled = compile_pipeline(file, entry.inputs)
        input = PipelineInput(
            pipeline=compiled, files=files, requester=requester, digest=plan_digest(compiled)
        )
        check_size(input)
        facts = ScheduleFacts(
            name=f"{file.name}/{number}",
            cron=entry.cron,
            timezone=entry.timezone,
            inputs=entry.inputs,
            source=source,
            set_by=requester.login if requester else "",
            set_at=now,
        )
        wanted.append(
            ScheduledInput(
                facts=facts, input=input, overlap=Overlap.SKIP, catch_up_seconds=CATCH_UP.total_seconds()
            )
        )
    return wanted


def _action(
    scheduled: ScheduledInput, task_queue: str, attributes: TypedSearchAttributes
) -> ScheduleActionStartWorkflow:
    pipeline, _, number = scheduled.facts.name.rpartition("/")
    return ScheduleActionStartWorkflow(
        PipelineWorkflow.run,
        scheduled.input,
        # The engine adds the time of each start, so that each has an id, and dispatch ids, of its own.
        id=f"pipeline/{pipeline}/scheduled-{number}",
        task_queue=task_queue,
        memo={PLAN_DIGEST: scheduled.input.digest, _FACTS: scheduled.facts.model_dump(mode="json")},
        typed_search_attributes=attributes,
        static_summary=pipeline,
    )


async def _names_of(client: Client, pipeline: str, wanted: int) -> AsyncIterator[str]:
    """Yield a pipeline's schedules: those that the list knows, and those after the last that is wanted.

    The list lags, so that one that was set a moment ago is asked for by its name.
    """
    seen = set()
    async for name in known_schedules(client):
        if name.rpartition("/")[0] == pipeline and await read_schedule(client, name) is not None:
            seen.add(name)
            yield name
    number = wanted + 1
    while (name := f"{pipeline}/{number}") in seen or await read_schedule(client, name) is not None:
        if name not in seen:
            yield name
        number += 1


async def _set(
    client: Client, scheduled: ScheduledInput, action: ScheduleActionStartWorkflow
) -> ScheduleChange:
    facts = scheduled.facts
    handle = client.get_schedule_handle(PREFIX + facts.name)
    schedule = Schedule(
        action=action,
        spec=ScheduleSpec(cron_expressions=[facts.cron], time_zone_name=facts.timezone),
        policy=SchedulePolicy(
            overlap=_OVERLAPS[scheduled.overlap],
            catchup_window=timedelta(seconds=scheduled.catch_up_seconds),
            pause_on_failure=False,
        ),
    )
    known = await read_schedule(client, facts.name)
    if known is None:
        try:
            await client.create_schedule(handle.id, schedule)
        except ScheduleAlreadyRunningError:
            known = await read_schedule(client, facts.name)
            if known is None:
                msg = f"there is a schedule {handle.id!r} that is not Perdure's"
                raise UsageError(msg, hint="delete it, or give the pipeline another name") from None
        else:
            return await _changed(handle, scheduled, "created")
    details = changes_between(known.scheduled, scheduled)
    if not details:
        return await _changed(handle, known.scheduled, "unchanged")
    await _update(handle, schedule)
    return await _changed(handle, scheduled, "updated", tuple(details))


async def _update(handle: ScheduleHandle, schedule: Schedule) -> None:
    def updated(input: ScheduleUpdateInput) -> ScheduleUpdate:
        # One that is paused stays so.
        schedule.state = input.description.schedule.state
        return ScheduleUpdate(schedule)

    await handle.update(updated)


async def _changed(
    handle: ScheduleHandle, scheduled: ScheduledInput, change: str, details: tuple[str, ...] = ()
) -> ScheduleChange:
    description = await handle.describe()
    times = description.info.next_action_times
    return ScheduleChange(
        name=scheduled.facts.name,
        change=change,
        cron=scheduled.facts.cron,
        timezone=scheduled.facts.timezone,
        digest=scheduled.input.digest,
        details=details,
        next_at=times[0] if times else None,
        paused=description.schedule.state.paused,
    )
