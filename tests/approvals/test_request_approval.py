"""Approvals inside somebody's own workflow."""

import uuid
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import Worker

from approvals.conftest import until
from approvals.deployments import Deploy, DeployInTime, Wanted
from perdure import PerdurePlugin
from perdure.engine.approvals import get_approval, local_decision
from perdure.engine.connection import connect_local
from perdure.errors import ApprovalNotKnownError
from perdure.model.approvals import Reason, Verdict


@pytest.fixture
async def deploy(temporal_server, idle_house):
    """Start a deployment on a worker of its own, with Perdure's beside it."""
    client = await connect_local(temporal_server.address, plugins=[PerdurePlugin(idle_house.settings)])
    queue = f"deployments-{uuid.uuid4().hex[:8]}"

    async def started(workflow_type=Deploy, **fields):
        name = f"deploy-{uuid.uuid4().hex[:8]}"
        wanted = Wanted(task_queue=idle_house.task_queue, name=name, **fields)
        handle = await client.start_workflow(workflow_type.run, wanted, id=name, task_queue=queue)
        return handle, get_approval(client, name)

    async with Worker(client, task_queue=queue, workflows=[Deploy, DeployInTime]):
        yield started


async def progress_of(approval):
    try:
        return await approval.progress()
    except ApprovalNotKnownError:
        return None


async def decide(approval, login, verdict=Verdict.APPROVED):
    progress = await until(lambda: progress_of(approval))
    return await approval.decide(local_decision(progress, login, verdict))


async def test_a_workflow_gets_the_answer(deploy):
    """Approved or rejected: neither is an error."""
    handle, approval = await deploy(quorum=2)
    await decide(approval, "alice")
    await decide(approval, "bob")
    assert await handle.result() == ["approved", "decided"]
    handle, approval = await deploy()
    await decide(approval, "bob", Verdict.REJECTED)
    assert await handle.result() == ["rejected", "decided"]


async def test_cancelling_the_workflow_withdraws_the_question(deploy):
    """Nobody is waited for any more."""
    handle, approval = await deploy()
    await until(lambda: progress_of(approval))
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert isinstance(caught.value.cause, CancelledError)
    assert (await approval.result()).reason is Reason.CANCELLED


async def test_cancelling_the_approval_alone_rejects(deploy):
    """The workflow goes on, and can tell that it was withdrawn."""
    handle, approval = await deploy()
    await until(lambda: progress_of(approval))
    await approval.cancel()
    assert await handle.result() == ["rejected", "cancelled"]


async def test_a_time_out_of_the_workflows_own_withdraws_the_question(deploy):
    """As cancelling does, but the workflow goes on."""
    handle, approval = await deploy(DeployInTime)
    assert await handle.result() == "too late"
    assert (await approval.result()).reason is Reason.CANCELLED


async def test_a_request_that_nobody_could_decide_fails_the_workflow(deploy):
    """At once, and not its task for ever."""
    handle, _ = await deploy(quorum=3)
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    failure = caught.value.cause
    assert isinstance(failure, ApplicationError)
    assert (failure.type, "only 2 may approve" in failure.message) == ("UsageError", True)


async def test_the_workflow_is_told_that_people_are_waited_for(deploy):
    """At the beginning and at each reminder, so that it can tell them."""
    handle, approval = await deploy(remind=timedelta(seconds=1))

    async def reminded():
        news = await handle.query(Deploy.news)
        return news if len(news) >= 2 else None

    first, second, *_ = await until(reminded)
    assert (first.kind, second.kind) == ("waiting", "reminder")
    assert (first.approval_id, first.may_decide) == (approval.id, ("alice", "bob"))
    await decide(approval, "alice")
    await handle.result()
