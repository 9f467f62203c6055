"""Two builds of workers at once: what began on the old one finishes there, what is new begins on the new."""

import asyncio
import uuid
from contextlib import asynccontextmanager

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.deployments import current_build, list_builds
from perdure.errors import ActionCancelledError
from perdure.model.progress import Stage


@asynccontextmanager
async def build(house, deployment, build_id, versioning="pinned"):
    """Run workers of one build, and make it the current one."""
    worker = house.settings.worker.model_copy(
        update={"deployment": deployment, "build_id": build_id, "versioning": versioning}
    )
    async with house.workers(worker=worker):
        await make_current(house.client, deployment, build_id)
        yield


async def make_current(client, deployment, build_id):
    """Do what ``temporal worker deployment set-current-version`` does, once the server has seen the build."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=deployment, build_id=build_id, identity="operator"
    )
    async with asyncio.timeout(60):
        while await current_build(client, deployment) != build_id:
            try:
                await client.workflow_service.set_worker_deployment_current_version(request)
            except RPCError as error:
                if error.status not in {RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION}:
                    raise
                await asyncio.sleep(0.1)


async def stands_at(handle, stage):
    async with asyncio.timeout(60):
        async for progress in handle.watch():
            if progress.stage is stage:
                return
    raise AssertionError(stage)


async def builds_of(house, handle):
    """Return the builds that an action's workflow tasks were done by."""
    found = set()
    async for event in house.client.get_workflow_handle(handle.id).fetch_history_events():
        if event.HasField("workflow_task_completed_event_attributes"):
            found.add(event.workflow_task_completed_event_attributes.deployment_version.build_id)
    return found


async def summaries(house, deployment):
    return {one.build_id: one async for one in list_builds(house.client) if one.deployment == deployment}


async def test_old_actions_finish_on_the_old_build_and_new_ones_begin_on_the_new(idle_house):
    """A release of a worker changes nothing for what runs, and both are shown with what they have to do."""
    house, deployment = idle_house, f"perdure-{uuid.uuid4().hex[:8]}"
    async with build(house, deployment, "1"):
        old = await house.start(inputs={"wait_time": "600"})
        await stands_at(old, Stage.RUNNING)
        async with build(house, deployment, "2"):
            new = await house.start(inputs={"message": "new"})
            assert (await asyncio.wait_for(new.result(), 60)).outputs == {"message": "new"}
            assert await builds_of(house, new) == {"2"}
            found = await summaries(house, deployment)
            assert (found["2"].state, found["1"].state) == ("current", "draining")
            assert all(one.workers and house.task_queue in one.task_queues for one in found.values())
            await old.cancel()
            with pytest.raises(ActionCancelledError):
                await asyncio.wait_for(old.result(), 60)
            assert await builds_of(house, old) == {"1"}


@pytest.mark.faults
async def test_an_action_that_may_upgrade_goes_on_with_the_current_build(idle_house):
    """The old build may go at once; nobody is left behind on it."""
    house, deployment = idle_house, f"perdure-{uuid.uuid4().hex[:8]}"
    async with build(house, deployment, "1", "auto-upgrade"):
        handle = await house.start(inputs={"wait_time": "600"})
        await stands_at(handle, Stage.RUNNING)
    async with build(house, deployment, "2", "auto-upgrade"):
        await handle.cancel()
        with pytest.raises(ActionCancelledError):
            await asyncio.wait_for(handle.result(), 60)
        assert await builds_of(house, handle) == {"1", "2"}
