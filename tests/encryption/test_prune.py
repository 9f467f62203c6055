"""What no history refers to any more goes, and nothing else does."""

import asyncio
import os
import random
import time
from datetime import timedelta

from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleSpec, ScheduleState

from cli.local_processes import perdure
from perdure.activities.store import ContentStore
from perdure.engine.connection import connect_local
from perdure.engine.external_storage import payload_folder
from perdure.engine.pruning import prune

MONTH_AGO = timedelta(days=30).total_seconds()


def large(seed):
    return random.Random(seed).randbytes(1_200_000).hex()


def age(folder):
    """Make everything look as if it had been put a month ago."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (time.time() - MONTH_AGO,) * 2)


async def listed(client, workflow_id, schedule_id):
    """Wait until the engine lists them, which takes it a moment."""
    async with asyncio.timeout(60):
        while True:
            schedules = [one.id async for one in await client.list_schedules()]
            workflows = [one.id async for one in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
            if schedule_id in schedules and workflows:
                return
            await asyncio.sleep(0.1)


async def test_only_what_no_history_and_no_schedule_names_is_deleted(idle_house, temporal_server, tmp_path):
    """Not what a workflow or a schedule was given, not what is young, and nothing at all in a dry run."""
    settings, unique = idle_house.settings, idle_house.settings.worker.queue_suffix
    client = await connect_local(temporal_server.address, settings=settings)
    folder = payload_folder(settings.store, client.namespace)
    store = ContentStore(folder)
    options = {"id": f"large{unique}", "task_queue": f"nobody{unique}"}
    await client.start_workflow("Unknown", large(1), execution_timeout=timedelta(minutes=5), **options)
    schedule = await client.create_schedule(
        f"large{unique}",
        Schedule(
            action=ScheduleActionStartWorkflow("Unknown", large(2), **options),
            spec=ScheduleSpec(),
            state=ScheduleState(paused=True),
        ),
    )
    await listed(client, options["id"], schedule.id)
    needed = {kept.digest for kept in store.kept()}
    assert len(needed) == 2
    orphan = store.put(b"of a history that is gone").sha256
    age(folder)
    young = store.put(b"of a history that is to come").sha256

    dry = await prune(client, settings.store, older_than=timedelta(days=7), dry_run=True)
    assert ([kept.digest for kept in dry.unneeded], dry.deleted) == ([orphan], ())
    assert {kept.digest for kept in store.kept()} == {*needed, orphan, young}
    variables = {"TEMPORAL_ADDRESS": temporal_server.address, "PERDURE_STORE_PATH": str(settings.store.path)}
    async with perdure("store", "prune", "--dry-run", cwd=tmp_path, **variables) as typed:
        assert await typed.ends(within=60) == 0, typed.output
    assert "".join(typed.stdout).startswith(f"{orphan}\t25\t")
    assert "would delete 1 payloads (25 bytes); 2 are needed and 1 too young to say" in typed.output
    pruned = await prune(client, settings.store, older_than=timedelta(days=7))
    assert ([kept.digest for kept in pruned.deleted], pruned.needed, pruned.young) == ([orphan], 2, 1)
    assert {kept.digest for kept in store.kept()} == {*needed, young}
    assert not (await prune(client, settings.store, older_than=timedelta())).deleted
    await schedule.delete()
    await client.get_workflow_handle(options["id"]).terminate()


def test_what_is_put_again_is_young_again(tmp_path):
    """A payload that comes back with the same content is not deleted in the moment before it is recorded."""
    store = ContentStore(tmp_path)
    stored = store.put(b"the same")
    age(tmp_path)
    [old] = store.kept()
    store.put(b"the same")
    assert not store.remove(stored.sha256, unless_needed_since=old.put_at + timedelta(days=1))
    assert store.has(stored)
    age(tmp_path)
    assert store.remove(stored.sha256, unless_needed_since=old.put_at + timedelta(days=1))
    assert not store.has(stored)
