"""What happens where the key is missing: everything waits, and says for which."""

import asyncio
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.worker import Worker

from perdure.config import EncryptionSettings, Settings
from perdure.engine.connection import connect_local
from perdure.errors import EncryptionKeyError, PerdureError


@workflow.defn(sandboxed=False)
class Repeating:
    @workflow.run
    async def run(self, text: str) -> str:
        return text


async def test_a_worker_without_the_key_fails_nothing_and_another_one_goes_on(
    canaries, temporal_server, tmp_path
):
    """A workflow waits for the key instead of ending, and who reads it is told which key is missing."""
    settings = Settings(encryption=EncryptionSettings(keys={"main": "env:SEALED_KEY"}))
    keyed = await connect_local(temporal_server.address, settings=settings)
    stranger = await connect_local(temporal_server.address, settings=Settings())
    options = {
        "task_queue": tmp_path.name,
        "workflows": [Repeating],
        "workflow_failure_exception_types": [PerdureError],
    }
    async with Worker(stranger, **options):
        waiting = await keyed.start_workflow(
            Repeating.run,
            canaries.email,
            id=tmp_path.name,
            task_queue=tmp_path.name,
            task_timeout=timedelta(seconds=1),
        )
        async with asyncio.timeout(60):
            while b"'main'" not in await failed_tasks(stranger, waiting.id):
                await asyncio.sleep(0.1)
    async with Worker(keyed, **options):
        assert await waiting.result() == canaries.email
    with pytest.raises(EncryptionKeyError, match="key 'main'"):
        await stranger.get_workflow_handle(waiting.id).result()


async def failed_tasks(client, id):
    """What the engine has recorded of tasks that a worker could not do."""
    events = client.get_workflow_handle(id).fetch_history_events()
    failed = [event async for event in events if event.HasField("workflow_task_failed_event_attributes")]
    return b"".join(event.SerializeToString() for event in failed)
