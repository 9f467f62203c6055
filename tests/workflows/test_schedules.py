"""Schedules of pipelines on the real server."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleIntervalSpec, ScheduleSpec

from perdure.engine.pipelines import get_pipeline
from perdure.engine.runs import RunKind, find_run, list_runs
from perdure.engine.scheduled import (
    delete_schedules,
    get_schedules,
    list_schedules,
    pause_schedules,
    resume_schedules,
    trigger_schedules,
)
from perdure.engine.schedules import set_schedules
from perdure.errors import ScheduleNotKnownError, UsageError
from perdure.model.approvals import Person
from perdure.pipeline import read_pipeline
from perdure.pipeline.running import JobState
from perdure.pipeline.scheduling import Overlap

NIGHTLY = """
name: NAME
inputs: {message: {type: string, default: nobody}}
schedule:
  - {cron: '0 6 * * 1-5', timezone: Europe/Berlin, inputs: {message: weekday}}
  - {cron: '30 9 * * sun', inputs: {message: sunday}}
steps:
  say: {action: acme/tools/echo.yml, inputs: {message: '${{ inputs.message }}'}}
"""
WAITING = """
name: NAME
schedule: {cron: '0 0 1 1 *'}
steps: {long: {wait: 1h}}
"""
PARENT = "name: NAME\nschedule: {cron: '0 0 1 1 *'}\nsteps: {child: {pipeline: child.yaml}}\n"
CHILD = "name: child\nsteps: {say: {action: acme/tools/echo.yml, inputs: {message: MESSAGE}}}\n"


@pytest.fixture
def name():
    return f"nightly-{uuid.uuid4().hex[:8]}"


@pytest.fixture
async def schedule(house, name):
    """Set the schedules of a file; they are deleted at the end."""

    async def set_it(text, **options):
        file = read_pipeline(text.replace("NAME", name))
        return await set_schedules(house.client, file, task_queue=house.task_queue, **options)

    yield set_it
    try:
        await delete_schedules(house.client, name)
    except ScheduleNotKnownError:
        return


async def eventually(read, wanted):
    """Wait until what the server lists is what is wanted: its list lags."""
    async with asyncio.timeout(30):
        while (found := await read()) != wanted:
            await asyncio.sleep(0.1)
    return found


async def test_each_entry_becomes_a_schedule_in_its_time_zone(house, schedule, name):
    """The file's inputs, who set it, and when it starts next, also where clocks are changed."""
    changes = await schedule(NIGHTLY, requester=Person(login="carol"), source="nightly.yaml")
    assert [(one.name, one.change) for one in changes] == [(f"{name}/1", "created"), (f"{name}/2", "created")]
    weekdays, sunday = await eventually_known(house, name, 2)
    assert (weekdays.facts.set_by, weekdays.facts.source) == ("carol", "nightly.yaml")
    assert weekdays.facts.inputs == {"message": "weekday"}
    assert len(weekdays.digest) == 64 != sunday.digest
    assert (weekdays.overlap, weekdays.catch_up, weekdays.paused) == (Overlap.SKIP, timedelta(hours=1), False)
    assert {(at.hour, at.minute) for at in weekdays.next_at} == {(6, 0)}
    assert all(at.tzinfo == ZoneInfo("Europe/Berlin") and at.weekday() < 5 for at in weekdays.next_at)
    assert {(at.weekday(), at.hour, at.minute) for at in sunday.next_at} == {(6, 9, 30)}
    assert weekdays.next_at[0] > datetime.now(UTC)


async def eventually_known(house, name, count):
    async with asyncio.timeout(30):
        while len(found := await get_schedules(house.client, name)) != count:
            await asyncio.sleep(0.1)
    return found


async def test_a_start_is_a_pipeline_like_any_other(house, schedule, name):
    """It has an id of its own, runs, and is found by the commands about runs."""
    await schedule(NIGHTLY, requester=Person(login="carol"))
    first = (await trigger_schedules(house.client, f"{name}/1"))[0].id
    result = await asyncio.wait_for(get_pipeline(house.client, first).result(), 60)
    second = (await trigger_schedules(house.client, f"{name}/1"))[0].id
    await asyncio.wait_for(get_pipeline(house.client, second).result(), 60)
    assert first != second
    assert first.startswith(f"pipeline/{name}/scheduled-1-")
    assert [run.inputs["message"] for run in house.emulator.runs] == ["weekday", "weekday"]
    assert len({run.inputs["dispatch_id"] for run in house.emulator.runs}) == 2
    progress = await (await find_run(house.client, first)).progress()
    assert (progress.name, progress.requester, progress.digest) == (name, "carol", result.digest)
    described = await house.client.get_workflow_handle(first).describe()
    assert await described.static_summary() == name
    assert (await described.memo())["perdure_plan_digest"] == result.digest
    assert {pair.key.name: pair.value for pair in described.typed_search_attributes}[
        "PerdureKind"
    ] == "pipeline"
    [summary] = await get_schedules(house.client, f"{name}/1")
    assert [(run.id, run.status) for run in summary.runs] == [(second, "completed"), (first, "completed")]

    async def listed():
        return {run.id for run in await list_runs(house.client, kind=RunKind.PIPELINE) if name in run.id}

    await eventually(listed, {first, second})


async def test_the_content_is_fixed_when_it_is_set(house, schedule, name):
    """Editing a file, or one that its steps run, changes nothing until it is set again."""
    old = {"child.yaml": read_pipeline(CHILD.replace("MESSAGE", "old"))}
    new = {"child.yaml": read_pipeline(CHILD.replace("MESSAGE", "new"))}
    await schedule(PARENT, files=old)
    for _ in range(2):
        [triggered] = await trigger_schedules(house.client, name)
        await asyncio.wait_for(get_pipeline(house.client, triggered.id).result(), 60)
        [change] = await schedule(PARENT, files=new)
    assert (change.change, change.details) == ("unchanged", ())
    assert [run.inputs["message"] for run in house.emulator.runs] == ["old", "new"]


async def test_setting_it_again_says_what_changed_and_removes_what_is_gone(house, schedule, name):
    """The same file changes nothing; a schedule that is paused stays so."""
    await schedule(NIGHTLY)
    await pause_schedules(house.client, f"{name}/1", "a freeze")
    assert [one.change for one in await schedule(NIGHTLY)] == ["unchanged", "unchanged"]
    edited = NIGHTLY.replace("0 6 * * 1-5", "0 7 * * 1-5").replace("message: weekday", "message: work")
    edited = edited.replace("  - {cron: '30 9 * * sun', inputs: {message: sunday}}\n", "")
    edited += "  more: {needs: say, wait: 1s}\n"
    updated, removed = await schedule(edited, catch_up=timedelta(hours=2), overlap=Overlap.BUFFER_ONE)
    assert updated.details == (
        "cron 0 6 * * 1-5 -> 0 7 * * 1-5",
        "overlap skip -> buffer-one",
        "catch-up 3600 s -> 7200 s",
        'input message "weekday" -> "work"',
        "step more added",
    )
    assert (updated.change, updated.paused) == ("updated", True)
    assert (removed.name, removed.change) == (f"{name}/2", "removed")
    [left] = await eventually_known(house, name, 1)
    assert (left.paused, left.note, left.facts.cron) == (True, "a freeze", "0 7 * * 1-5")


async def test_a_start_is_skipped_while_the_last_one_runs(house, schedule, name):
    """And that is said, with what still runs in the list."""
    await schedule(WAITING)
    [first] = await trigger_schedules(house.client, name)
    [second] = await trigger_schedules(house.client, name)
    assert first.id
    assert (second.id, second.skipped) == ("", True)
    [summary] = await get_schedules(house.client, name)
    assert (summary.started, summary.skipped) == (1, 1)
    assert [(run.id, run.status) for run in summary.runs] == [(first.id, "running")]
    await get_pipeline(house.client, first.id).cancel()


async def test_a_start_waits_for_the_last_one_where_that_is_asked_for(house, schedule, name):
    """It has no id before it starts; then it is on the list."""
    await schedule(WAITING, overlap=Overlap.BUFFER_ONE)
    [first] = await trigger_schedules(house.client, name)
    [second] = await trigger_schedules(house.client, name)
    assert (second.id, second.skipped) == ("", False)
    await get_pipeline(house.client, first.id).cancel()

    async def begun():
        return len((await get_schedules(house.client, name))[0].runs)

    await eventually(begun, 2)
    [summary] = await get_schedules(house.client, name)
    assert [run.status for run in summary.runs] == ["running", "canceled"]
    await get_pipeline(house.client, summary.runs[0].id).cancel()


async def test_it_is_paused_resumed_and_deleted(house, schedule, name):
    """What it started goes on; a name that is none says where to look."""
    await schedule(WAITING)
    [triggered] = await trigger_schedules(house.client, name)
    assert await pause_schedules(house.client, name, "a freeze") == [f"{name}/1"]
    [paused] = await get_schedules(house.client, name)
    assert (paused.paused, paused.note) == (True, "a freeze")
    assert await resume_schedules(house.client, name, "over") == [f"{name}/1"]
    [resumed] = await get_schedules(house.client, f"{name}/1")
    assert resumed.paused is False
    assert await delete_schedules(house.client, name) == [f"{name}/1"]
    for named in (name, f"{name}/1"):
        with pytest.raises(ScheduleNotKnownError, match=named):
            await get_schedules(house.client, named)
    progress = await get_pipeline(house.client, triggered.id).progress()
    assert progress.jobs[0].state is JobState.RUNNING
    await get_pipeline(house.client, triggered.id).cancel()


async def test_one_that_is_paused_can_be_triggered(house, schedule, name):
    """To try it out before it is let loose."""
    await schedule(NIGHTLY)
    await pause_schedules(house.client, f"{name}/2", "not yet")
    [triggered] = await trigger_schedules(house.client, f"{name}/2")
    await asyncio.wait_for(get_pipeline(house.client, triggered.id).result(), 60)
    assert [run.inputs["message"] for run in house.emulator.runs] == ["sunday"]


async def test_schedules_of_others_are_left_alone(house, schedule, name):
    """One that Perdure did not set is neither listed nor changed."""
    action = ScheduleActionStartWorkflow("Anything", id="anything", task_queue="nowhere")
    spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(days=1))])
    other = await house.client.create_schedule(f"pipeline/{name}/1", Schedule(action=action, spec=spec))
    try:
        with pytest.raises(UsageError, match="not Perdure's"):
            await schedule(WAITING)
        assert name not in {one.name.partition("/")[0] for one in await list_schedules(house.client)}
    finally:
        await other.delete()


async def test_a_file_without_a_schedule_changes_nothing(house, schedule, name):
    """The hint says what to write, and how to remove what was set before."""
    await schedule(WAITING)
    with pytest.raises(UsageError, match="has no schedule") as caught:
        await schedule(WAITING.replace("schedule: {cron: '0 0 1 1 *'}\n", ""))
    assert f"perdure schedule delete {name}" in (caught.value.hint or "")
    assert len(await eventually_known(house, name, 1)) == 1
