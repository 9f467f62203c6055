"""Histories, patches and time-outs of what really ran, asked with the commands that people type."""

import asyncio
import json
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.worker.v1 import WorkerHeartbeat
from temporalio.api.workflowservice.v1 import RecordWorkerHeartbeatRequest
from temporalio.client import Client
from temporalio.worker import Worker
from typer.testing import CliRunner

from checks.own_workflows import Parcel, pack
from perdure.checks.exporting import Sampling, export
from perdure.checks.replaying import Outcome, replay_files
from perdure.cli import app
from perdure.config import EncryptionSettings, Settings
from perdure.engine.connection import connect_local
from perdure.engine.data_conversion import data_converter
from perdure.engine.key_ring import new_key
from perdure.engine.sdk_versions import sdk_versions
from perdure.model import queues

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN = ("--workflows", "checks.own_workflows:Parcel")
WITHOUT_THE_PATCH = """
from datetime import timedelta
from temporalio import workflow

@workflow.defn(name="Parcel")
class Plain:
    @workflow.signal
    def go(self) -> None: ...

    @workflow.run
    async def run(self, what: str) -> str:
        return await workflow.execute_activity("pack", what, start_to_close_timeout=timedelta(seconds=20))
"""


@dataclass
class Parcels:
    """Three workflows that have ended and three that run, all of them patched."""

    client: Client
    address: str
    folder: Path
    task_queue: str

    async def run(self, *arguments, **variables):
        """Run a command to its end, and return its status and what it printed."""
        words = [*arguments, "--address", self.address]
        # In a thread, because commands have an event loop of their own.
        ended = await asyncio.to_thread(CliRunner().invoke, app, words, env=variables)
        return ended.exit_code, ended.stdout, ended.stderr

    async def counted(self, query, wanted):
        """Wait until as many are found: what is listed comes a little later than what is."""
        async with asyncio.timeout(60):
            while (await self.client.count_workflows(query)).count != wanted:
                await asyncio.sleep(0.1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def parcels(temporal_server, tmp_path_factory):
    client = await connect_local(temporal_server.address)
    task_queue = f"{queues.WORKFLOWS}-parcels-{uuid.uuid4().hex[:8]}"
    house = Parcels(client, temporal_server.address, tmp_path_factory.mktemp("parcels"), task_queue)
    async with Worker(client, task_queue=task_queue, workflows=[Parcel], activities=[pack]):
        for number in range(6):
            handle = await client.start_workflow(
                Parcel.run, "books", id=f"parcel/{task_queue}/{number}", task_queue=task_queue
            )
            if number < 3:
                await handle.signal(Parcel.go)
                await handle.result()
        marked = "WorkflowType = 'Parcel' AND TemporalChangeVersion = 'own-2'"
        await house.counted(f"{marked} AND ExecutionStatus = 'Completed'", 3)
        await house.counted(f"{marked} AND ExecutionStatus = 'Running'", 3)
        yield house


@pytest.fixture(autouse=True)
def _in_its_own_folder(parcels, monkeypatch):
    """Settings and modules are looked for in the current folder."""
    monkeypatch.chdir(parcels.folder)
    monkeypatch.syspath_prepend(str(parcels.folder))


def ended_well(out):
    """Return the status for what was printed: other tests may have left builds without workers behind."""
    builds = [one for one in map(json.loads, out.splitlines()) if "build_id" in one]
    return int(any(build["running"] and not build["workers"] for build in builds))


async def test_some_of_every_kind_are_exported_and_replay(parcels):
    """Two completed ones and two that run, with a manifest, in a form that this and others' tools read."""
    folder = parcels.folder / "histories"
    arguments = ("--type", "Parcel", "--per-type", "2", "--out", str(folder))
    status, out, err = await parcels.run("replay", "export", *arguments)
    assert status == 0, err
    assert "Parcel" in out
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["namespace"] == "default"
    saved = manifest["histories"]
    assert sorted(one["status"] for one in saved) == ["completed", "completed", "running", "running"]
    assert all(one["patches"] == ["own-2"] for one in saved)
    assert all((folder / one["file"]).is_file() for one in saved)
    status, out, err = await parcels.run("replay", "check", *OWN, str(folder))
    assert (status, out) == (0, ""), err


async def test_an_earlier_export_is_replaced_and_nothing_else(parcels, tmp_path):
    """Whatever else lies in a folder is not taken for histories, and not removed."""
    sampling = Sampling(types=("Parcel",), per_kind=1)
    for _ in range(2):
        written = [one.file async for one in export(parcels.client, sampling, tmp_path)]
        assert {path.name for path in tmp_path.iterdir()} == {*written, "manifest.json"}
    (tmp_path / "notes.txt").write_text("mine")
    status, _, err = await parcels.run("replay", "export", *OWN, "--out", str(tmp_path))
    assert status == 2
    assert "holds something else" in err
    assert (tmp_path / "notes.txt").read_text() == "mine"


async def test_changed_code_is_caught_by_what_runs_now(parcels):
    """Nothing has to be saved first, and the workflow that would get stuck is named."""
    changed = ("--workflows", "checks.own_workflows:ParcelThatPacksLater")
    query = "WorkflowType = 'Parcel' AND ExecutionStatus = 'Running'"
    status, out, err = await parcels.run("replay", "check", "--live", *changed, "--query", query)
    assert status == 1, err
    assert f"diverged   Parcel parcel/{parcels.task_queue}/" in out
    assert "own_workflows.py" in out
    status, _, err = await parcels.run("replay", "check", "--live", *OWN, "--query", "Nonsense = 1")
    assert status == 2
    assert "does not understand the query" in err


async def test_a_namespace_that_is_not_there_is_named(parcels):
    """It is not taken for one without workflows."""
    status, _, err = await parcels.run("replay", "check", "--live", "--namespace", "nowhere")
    assert status == 4
    assert "no namespace 'nowhere'" in err


async def test_a_patch_that_all_went_through_may_be_deprecated(parcels):
    """The old code is needed by nobody who runs."""
    status, out, err = await parcels.run("versions", *OWN, "--json")
    assert status == ended_well(out), err
    [patch] = [one for one in map(json.loads, out.splitlines()) if one.get("id") == "own-2"]
    assert (patch["running_with"], patch["running_without"], patch["advice"]) == (3, 0, "deprecate")
    assert patch["workflow_types"] == ["Parcel"]


async def test_replays_tell_who_took_the_old_code(parcels):
    """Who waits before a patch needs nothing of it; and the one that all carry is needed."""
    tomorrow = ("--workflows", "checks.own_workflows_of_tomorrow")
    status, out, err = await parcels.run("versions", *tomorrow, "--replay", "--json")
    assert status == ended_well(out), err
    found = {one["id"]: one for one in map(json.loads, out.splitlines()) if "own-" in one.get("id", "")}
    assert {id: (one["advice"], one["took_old"], one["needing"]) for id, one in found.items()} == {
        "own-2": ("keep", None, 3),
        "own-3": ("keep", 3, 0),
        "own-4": ("deprecate", 0, 0),
    }
    status, out, err = await parcels.run("versions", *tomorrow)
    assert "own-4: keep: 3 running workflows without its mark may still go by the old code" in out


async def test_a_mark_that_no_code_knows_is_an_alarm(parcels):
    """A patch that was taken out too early would get workflows stuck: status 1 says so."""
    (parcels.folder / "plain.py").write_text(WITHOUT_THE_PATCH)
    status, out, err = await parcels.run("versions", "--workflows", "plain")
    assert status == 1, err
    assert "own-2: lost: 3 running workflows that took the new code beside the old would get stuck" in out


async def test_time_outs_stand_beside_todays(parcels):
    """With three samples nothing is proposed, and what there is today is shown."""
    status, out, err = await parcels.run("timeouts", "--query", "WorkflowType = 'Parcel'")
    assert status == 0, err
    [row] = [line.split() for line in out.splitlines() if line.startswith("pack ")]
    assert row[1] == "6"
    assert "20s -> ?" in " ".join(row)
    assert "10s -> ?" in " ".join(row)
    assert "too few to propose anything (at least 100 have to have succeeded): pack" in out


async def test_exports_stay_encrypted_unless_asked_otherwise(parcels, tmp_path, monkeypatch):
    """A file shows nothing and needs the key, which is named where it is missing; or it needs none."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARCEL_KEY", new_key())
    settings = Settings(encryption=EncryptionSettings(keys={"parcels": "env:PARCEL_KEY"}))
    config = parcels.client.config()
    config["data_converter"] = data_converter(settings, "default")
    client = Client(**config)
    task_queue = f"sealed-{uuid.uuid4().hex[:8]}"
    async with Worker(client, task_queue=task_queue, workflows=[Parcel], activities=[pack]):
        handle = await client.start_workflow(
            Parcel.run, "letters", id=f"sealed/{task_queue}", task_queue=task_queue, start_signal="go"
        )
        assert await handle.result() == "packed letters"
    await parcels.counted(f"WorkflowId = '{handle.id}' AND ExecutionStatus = 'Completed'", 1)
    sampling = Sampling(types=("Parcel",), query=f"WorkflowId = '{handle.id}'")
    found = {}
    for name, readable in {"sealed": False, "open": True}.items():
        [saved] = [one async for one in export(client, sampling, tmp_path / name, readable=readable)]
        found[name] = tmp_path / name / saved.file
    letters = "ImxldHRlcnMi"  # "letters" as JSON, as it stands in a payload
    assert letters in found["open"].read_text()
    assert letters not in found["sealed"].read_text()

    async def outcomes():
        replays = replay_files(found.values(), workflows=[Parcel])
        return {Path(one.file).parent.name: one async for one in replays}

    without = await outcomes()
    assert without["open"].outcome is Outcome.REPLAYS
    assert without["sealed"].outcome is Outcome.FAILED
    assert "'parcels'" in without["sealed"].message
    monkeypatch.setenv("PERDURE_ENCRYPTION_KEYS", "parcels=env:PARCEL_KEY")
    assert {one.outcome for one in (await outcomes()).values()} == {Outcome.REPLAYS}


async def test_different_sdks_on_one_queue_are_told_apart(parcels):
    """From what workers say of themselves; one that has stopped polling does not count."""
    present = version("temporalio")
    identity = parcels.client.identity
    for sdk_version, who in {present: identity, "1.9.0": identity, "0.1.0": "gone@elsewhere"}.items():
        heartbeat = WorkerHeartbeat(
            worker_instance_key=uuid.uuid4().hex,
            worker_identity=who,
            task_queue=parcels.task_queue,
            sdk_name="temporal-python",
            sdk_version=sdk_version,
            status="WORKER_STATUS_RUNNING",
        )
        heartbeat.heartbeat_time.GetCurrentTime()
        await parcels.client.workflow_service.record_worker_heartbeat(
            RecordWorkerHeartbeatRequest(namespace="default", identity=who, worker_heartbeat=[heartbeat])
        )
    async with asyncio.timeout(30):
        while len(found := await sdk_versions(parcels.client, parcels.task_queue)) < 2:
            await asyncio.sleep(0.1)
    assert found == {f"temporal-python {present}": [identity], "temporal-python 1.9.0": [identity]}
    suffix = parcels.task_queue.removeprefix(queues.WORKFLOWS)
    _, out, err = await parcels.run("doctor", PERDURE_WORKER_QUEUE_SUFFIX=suffix)
    assert f"warning  engine: task queue {parcels.task_queue}: polled with different versions of" in out, err
    for told in found:
        assert f"{told} by {identity}" in out
