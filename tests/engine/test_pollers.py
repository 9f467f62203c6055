from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import activity
from temporalio.worker import Worker

from perdure.engine.pollers import pollers, require_pollers
from perdure.errors import NoWorkerError


@activity.defn
async def nothing() -> None:
    """Do nothing."""


async def test_a_queue_that_nobody_polls_is_named_with_what_to_start(temporal_client):
    """Instead of waiting for ever, the message says which queue and which command."""
    queue = f"nobody-{uuid4()}"
    with pytest.raises(NoWorkerError, match=queue) as refused:
        await require_pollers(temporal_client, queue, within=timedelta(seconds=0.5))
    assert "perdure worker --address 127.0.0.1" in str(refused.value.hint)


async def test_a_polled_queue_is_found_by_its_workers_identity(temporal_client):
    """A worker for activities alone counts too."""
    queue = f"polled-{uuid4()}"
    async with Worker(temporal_client, task_queue=queue, activities=[nothing], identity="me"):
        await require_pollers(temporal_client, queue)
        assert await pollers(temporal_client, queue) == ["me"]
