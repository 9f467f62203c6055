"""What is too large for the engine goes to the store, and comes back as it was."""

import random
from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import StorageDriverClaim, StorageDriverRetrieveContext, StorageDriverStoreContext
from temporalio.worker import Replayer, Worker

from perdure.activities.store import ContentStore
from perdure.config import EncryptionSettings, Settings, StoreSettings
from perdure.engine.data_conversion import data_converter
from perdure.engine.external_storage import FolderDriver, payload_folder
from perdure.engine.sealed_store import content_store
from perdure.errors import EncryptionKeyError, PerdureError

LINE = "nobody should read"


def a_diff(size):
    """Lines that hardly shrink: what shrinks stays in the history."""
    lines = ("+ " + random.Random(3).randbytes(size // 2).hex("\n", 40)).splitlines()
    return "\n".join((LINE, *lines, LINE))


@activity.defn
async def lines_of(diff: str) -> list[str]:
    return diff.splitlines()


@workflow.defn(sandboxed=False)
class Reading:
    @workflow.run
    async def run(self, diff: str) -> str:
        lines = await workflow.execute_activity(lines_of, diff, start_to_close_timeout=timedelta(minutes=2))
        return "\n".join(lines)


@pytest.mark.parametrize("size", [4_000_000, pytest.param(20_000_000, marks=pytest.mark.faults)])
async def test_a_diff_of_any_size_passes_through_a_workflow(sealed_house, canaries, size):
    """As its input, an activity's input and result, and its own result: the history holds references alone,
    replays, and the store holds nothing that can be read.
    """
    house, queue = sealed_house, f"reading{sealed_house.settings.worker.queue_suffix}"
    diff = a_diff(size)
    assert len(diff) >= size
    async with Worker(house.client, task_queue=queue, workflows=[Reading], activities=[lines_of]):
        handle = await house.client.start_workflow(Reading.run, diff, id=queue, task_queue=queue)
        assert await handle.result() == diff
    history = await handle.fetch_history()
    assert len(history.to_json()) < 20_000
    kept = [path for path in payload_folder(house.settings.store, "default").rglob("*") if path.is_file()]
    assert len(kept) >= 3
    assert [path for path in kept if LINE.encode() in path.read_bytes()] == []
    replayer = Replayer(workflows=[Reading], data_converter=data_converter(house.settings, "default"))
    assert (await replayer.replay_workflow(history)).replay_failure is None


async def test_what_the_store_has_lost_or_changed_is_not_returned(tmp_path):
    """Whoever reads it learns which object, and what to do."""
    driver = FolderDriver(ContentStore(tmp_path))
    payload = Payload(data=b"kept")
    [claim] = await driver.store(StorageDriverStoreContext(), [payload])
    [again] = await driver.store(StorageDriverStoreContext(), [payload])
    assert (again, len([path for path in tmp_path.rglob("*") if path.is_file()])) == (claim, 1)
    assert await driver.retrieve(StorageDriverRetrieveContext(), [claim]) == [payload]
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    file.write_bytes(b"other")
    with pytest.raises(PerdureError, match="has been changed"):
        await driver.retrieve(StorageDriverRetrieveContext(), [claim])
    gone = StorageDriverClaim({"sha256": "0" * 64, "size": "4"})
    with pytest.raises(PerdureError, match="has no object"):
        await driver.retrieve(StorageDriverRetrieveContext(), [gone])


def test_results_in_the_store_are_encrypted_and_named_by_their_content(canaries, tmp_path):
    """The name stays what histories refer to; what was kept before encryption still reads."""
    encryption = EncryptionSettings(keys={"main": "env:SEALED_KEY"})
    plain = content_store(Settings(store=StoreSettings(path=tmp_path)))
    sealed = content_store(Settings(store=StoreSettings(path=tmp_path), encryption=encryption))
    before = plain.put(b"written before")
    report = sealed.put(canaries.email.encode() * 100)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert [path for path, content in kept.items() if canaries.email.encode() in content] == []
    assert ContentStore(tmp_path).has(report)
    assert sealed.get(report) == canaries.email.encode() * 100
    assert sealed.get(before) == b"written before"
    assert sealed.path_of(report).read_bytes() == canaries.email.encode() * 100
    assert sealed.path_of(before) == plain.path_of(before)
    with pytest.raises(EncryptionKeyError, match="key 'main'"):
        plain.get(report)


def test_an_encrypted_result_that_was_changed_is_not_returned(canaries, tmp_path):
    """Whoever reads it learns which key or which object."""
    encryption = EncryptionSettings(keys={"main": "env:SEALED_KEY"})
    store = content_store(Settings(store=StoreSettings(path=tmp_path), encryption=encryption))
    stored = store.put(b"kept")
    [file] = [path for path in tmp_path.rglob("*") if path.is_file()]
    content = file.read_bytes()
    for changed in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content[:20], content[:40]):
        file.write_bytes(changed)
        with pytest.raises(PerdureError, match=r"has been changed|cannot be opened"):
            store.get(stored)
