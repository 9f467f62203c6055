"""A worker that is killed while people are waited for takes nothing with it."""

import uuid

import pytest

from approvals.conftest import until
from approvals.deciding import a_request
from faults.worker_processes import start_worker_process
from perdure.engine.approvals import local_decision, start_approval
from perdure.errors import EngineError
from perdure.model.approvals import Verdict


async def answered(approval):
    try:
        return await approval.progress()
    except EngineError:
        return None


async def test_what_was_decided_before_a_crash_counts_after_it(temporal_server, temporal_client, tmp_path):
    """One of two has approved; the worker is killed; the second decides with another worker."""
    suffix = f"-{uuid.uuid4().hex[:8]}"
    worker = await start_worker_process(
        tmp_path, temporal_server.address, "http://127.0.0.1:9", suffix=suffix
    )
    try:
        approval = await start_approval(temporal_client, a_request(quorum=2), task_queue=f"perdure{suffix}")
        first = local_decision(await approval.progress(), "alice", Verdict.APPROVED)
        await approval.decide(first)
        await worker.kill()
        worker = await start_worker_process(
            tmp_path, temporal_server.address, "http://127.0.0.1:9", suffix=suffix
        )
        progress = await until(lambda: answered(approval))
        assert [decision.nonce for decision in progress.decisions] == [first.nonce]
        await approval.decide(local_decision(progress, "bob", Verdict.APPROVED))
        result = await approval.result()
        assert result.approved
        assert [decision.approver.login for decision in result.decisions] == ["alice", "bob"]
    finally:
        await worker.kill()


@pytest.mark.parametrize("verdict", list(Verdict))
async def test_a_decision_that_was_acknowledged_is_the_result(house, ask, verdict):
    """Whoever was told that it counts, is right: also when a cancellation comes right behind."""
    approval = await ask()
    progress = await approval.decide(local_decision(await approval.progress(), "alice", verdict))
    assert progress.result.verdict is verdict
    assert (await approval.result()).verdict is verdict
