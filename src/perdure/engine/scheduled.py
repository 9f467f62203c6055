"""Looks at schedules of pipelines, and pauses, resumes, triggers and deletes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio.client import (
    Client,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionResult,
    ScheduleHandle,
    ScheduleInfo,
    ScheduleOverlapPolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.schedules import PREFIX, KnownSchedule, known_schedules, read_schedule, schedule_error
from perdure.errors import ScheduleNotKnownError
from perdure.model.base import Model
from perdure.pipeline.scheduling import Overlap, ScheduleFacts

_AT_THE_SAME_TIME = 10
_TRIGGER_PATIENCE = timedelta(seconds=30)
_LOOK_INTERVAL = 0.1
_WAITING = {
    ScheduleOverlapPolicy.BUFFER_ONE,
    ScheduleOverlapPolicy.BUFFER_ALL,
    ScheduleOverlapPolicy.CANCEL_OTHER,
}


class ScheduledRun(Model):
    """A pipeline that a schedule started.

    Attributes:
        scheduled_at: When it was due.
        status: Temporal's word, in lower case; ``gone`` where its retention is over.
    """

    id: str
    scheduled_at: datetime
    started_at: datetime
    status: str


class ScheduleSummary(Model):
    """A schedule.

    Attributes:
        facts: When it starts what, and who set it.
        digest: Of what it starts.
        paused: Whether it is.
        note: Why, where somebody said so.
        overlap: What happens when the last one still runs.
        catch_up: For how long a start that was missed is made up for.
        next_at: When it starts next, in its own time zone.
        runs: What it started last, the newest first.
        started: How often it has started one.
        skipped: How often it did not, as the last one still ran.
        missed: How often it could not in time.
    """

    name: str
    facts: ScheduleFacts
    digest: str
    paused: bool = False
    note: str = ""
    overlap: Overlap = Overlap.SKIP
    catch_up: timedelta
    next_at: tuple[datetime, ...] = ()
    runs: tuple[ScheduledRun, ...] = ()
    started: int = 0
    skipped: int = 0
    missed: int = 0


class Triggered(Model):
    """What came of a trigger.

    Attributes:
        id: The pipeline that was started; empty where none was yet.
        skipped: Whether the one before still runs, so that none will be.
    """

    name: str
    id: str = ""
    skipped: bool = False


async def list_schedules(client: Client) -> list[ScheduleSummary]:
    """Return all schedules of pipelines, by name.

    Raises:
        EngineError: Temporal refused.
    """
    async with _translated("schedules"):
        names = [name async for name in known_schedules(client)]
        return await _summaries(client, names)


async def get_schedules(client: Client, name: str) -> list[ScheduleSummary]:
    """Return the schedule of this name, or all of the pipeline of this name.

    Raises:
        ScheduleNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    async with _translated(name):
        return await _summaries(client, await _meant(client, name))


async def pause_schedules(client: Client, name: str, note: str) -> list[str]:
    """Pause a schedule, or all of a pipeline, and return their names. Safe to repeat.

    Raises:
        ScheduleNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    async with _translated(name):
        names = await _meant(client, name)
        for found in names:
            await _handle(client, found).pause(note=note)
    return names


async def resume_schedules(client: Client, name: str, note: str) -> list[str]:
    """Let a schedule, or all of a pipeline, start again, and return their names. Safe to repeat.

    Raises:
        ScheduleNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    async with _translated(name):
        names = await _meant(client, name)
        for found in names:
            await _handle(client, found).unpause(note=note)
    return names


async def delete_schedules(client: Client, name: str) -> list[str]:
    """Delete a schedule, or all of a pipeline, and return their names. What they started goes on.

    Raises:
        ScheduleNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    async with _translated(name):
        names = await _meant(client, name)
        for found in names:
            await _handle(client, found).delete()
    return names


async def trigger_schedules(client: Client, name: str) -> list[Triggered]:
    """Start now what a schedule starts, or all of a pipeline, under their rule for overlaps.

    Raises:
        ScheduleNotKnownError: There is none.
        EngineError: Temporal refused.
    """
    async with _translated(name):
        names = await _meant(client, name)
        return [await _trigger(found, _handle(client, found)) for found in names]


async def _trigger(name: str, handle: ScheduleHandle) -> Triggered:
    before = (await handle.describe()).info
    await _let_a_second_pass(before)
    await handle.trigger()
    end = asyncio.get_running_loop().time() + _TRIGGER_PATIENCE.total_seconds()
    while asyncio.get_running_loop().time() < end:
        description = await handle.describe()
        now = description.info
        if now.num_actions > before.num_actions and now.recent_actions:
            return Triggered(name=name, id=_workflow_id(now.recent_actions[-1]))
        if now.num_actions_skipped_overlap > before.num_actions_skipped_overlap:
            return Triggered(name=name, skipped=True)
        # Every start is in the buffer for a moment; these stay until what runs has ended.
        waits = description.schedule.policy.overlap in _WAITING
        if waits and now.running_actions and description.raw_description.info.buffer_size:
            break
        await asyncio.sleep(_LOOK_INTERVAL)
    return Triggered(name=name)


async def _let_a_second_pass(info: ScheduleInfo) -> None:
    """Wait until a start gets another id than the last one: the engine makes them of the time in seconds."""
    if info.recent_actions:
        since = (datetime.now(UTC) - info.recent_actions[-1].started_at).total_seconds()
        await asyncio.sleep(min(max(1.1 - since, 0.0), 1.1))


def _handle(client: Client, name: str) -> ScheduleHandle:
    return client.get_schedule_handle(PREFIX + name)


async def _meant(client: Client, name: str) -> list[str]:
    """Return the schedules that a name means: itself, or those of the pipeline."""
    if "/" in name:
        candidates = [name]
    else:
        # The list lags: the first one is there, or none is; and one that is on it may be gone.
        listed = [each async for each in known_schedules(client) if each.rpartition("/")[0] == name]
        candidates = sorted({f"{name}/1", *listed}, key=_order)
    found = [each for each in candidates if await read_schedule(client, each) is not None]
    if found:
        return found
    msg = f"there is no schedule {name!r}"
    raise ScheduleNotKnownError(msg, hint="list them with: perdure schedule list")


async def _summaries(client: Client, names: list[str]) -> list[ScheduleSummary]:
    gate = asyncio.Semaphore(_AT_THE_SAME_TIME)

    async def read(name: str) -> ScheduleSummary | None:
        async with gate:
            known = await read_schedule(client, name)
            return await _summary(client, known) if known is not None else None

    found = await asyncio.gather(*(read(name) for name in sorted(names, key=_order)))
    return [one for one in found if one is not None]


async def _summary(client: Client, known: KnownSchedule) -> ScheduleSummary:
    info, state = known.description.info, known.description.schedule.state
    scheduled = known.scheduled
    zone = ZoneInfo(scheduled.facts.timezone)
    runs = [await _run(client, one) for one in reversed(info.recent_actions)]
    return ScheduleSummary(
        name=known.name,
        facts=scheduled.facts,
        digest=scheduled.input.digest,
        paused=state.paused,
        note=state.note or "",
        overlap=scheduled.overlap,
        catch_up=timedelta(seconds=scheduled.catch_up_seconds),
        next_at=tuple(at.astimezone(zone) for at in info.next_action_times),
        runs=tuple(runs),
        started=info.num_actions,
        skipped=info.num_actions_skipped_overlap,
        missed=info.num_actions_missed_catchup_window,
    )


async def _run(client: Client, result: ScheduleActionResult) -> ScheduledRun:
    workflow_id = _workflow_id(result)
    try:
        found = (await client.get_workflow_handle(workflow_id).describe()).status
        status = found.name.lower() if found is not None else ""
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        status = "gone"
    return ScheduledRun(
        id=workflow_id,
        scheduled_at=result.scheduled_at.astimezone(UTC),
        started_at=result.started_at.astimezone(UTC),
        status=status,
    )


def _workflow_id(result: ScheduleActionResult) -> str:
    action = result.action
    return action.workflow_id if isinstance(action, ScheduleActionExecutionStartWorkflow) else ""


def _order(name: str) -> tuple[str, int]:
    pipeline, _, number = name.rpartition("/")
    return pipeline, int(number) if number.isdigit() else 0


@asynccontextmanager
async def _translated(name: str) -> AsyncIterator[None]:
    try:
        yield
    except RPCError as error:
        raise schedule_error(error, name) from error
