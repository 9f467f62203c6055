"""Records the histories of approvals, beside those that ``record`` writes.

PYTHONPATH=tests .venv/bin/python -m replay.record_approvals
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio.client import WorkflowHandle

from perdure.engine.approvals import ApprovalHandle, local_decision
from perdure.model.approval_progress import ApprovalInput
from perdure.model.approvals import ApprovalRequest, OnTimeout, Verdict
from perdure.model.forms import FormField, FormFieldType
from perdure.workflows.approval import SIGNAL, ApprovalWorkflow
from replay.house import Kind, RecordingHouse, recording_house

Scene = Callable[[RecordingHouse], Awaitable[None]]
Approval = WorkflowHandle[ApprovalWorkflow, object]


async def ask(house: RecordingHouse, name: str, **fields: object) -> tuple[Approval, ApprovalHandle]:
    """Ask for an approval under a name that is the same in every recording."""
    request = ApprovalRequest.model_validate({"message": "Deploy 1.2.3?", **fields})
    handle = await house.client.start_workflow(
        ApprovalWorkflow.run, ApprovalInput(request=request), id=f"recorded/{name}", task_queue="perdure"
    )
    return handle, ApprovalHandle(handle)


async def decide(approval: ApprovalHandle, login: str, verdict: Verdict = Verdict.APPROVED) -> None:
    """Decide as somebody who is taken at their word."""
    await approval.decide(local_decision(await approval.progress(), login, verdict, comment="as agreed"))


async def approved(house: RecordingHouse) -> None:
    """Two of three approve, with a form; junk in between is refused."""
    form = {"percent": FormField(type=FormFieldType.INTEGER, minimum=1, default=10)}
    handle, approval = await ask(
        house, "approval-approved", approvers=("alice", "bob", "team:acme/release"), quorum=2, form=form
    )
    await decide(approval, "alice")
    await handle.signal(SIGNAL, {"Approved": True, "Reason": "unsigned"})
    await handle.signal(SIGNAL, "junk")
    await decide(approval, "bob")
    await house.record("approval-approved")


async def rejected(house: RecordingHouse) -> None:
    """One rejection is enough."""
    _, approval = await ask(house, "approval-rejected", approvers=("alice", "bob"), quorum=2)
    await decide(approval, "bob", Verdict.REJECTED)
    await house.record("approval-rejected")


async def signalled(house: RecordingHouse) -> None:
    """No approvers are named: a plain signal counts."""
    handle, _ = await ask(house, "approval-signalled")
    await handle.signal(SIGNAL, {"approved": True, "reason": "fine"})
    await house.record("approval-signalled")


async def expired(house: RecordingHouse) -> None:
    """Somebody is reminded, others are asked, and nobody decides."""
    second = timedelta(seconds=1)
    await ask(
        house,
        "approval-expired",
        approvers=("alice",),
        timeout=2 * second,
        remind=second,
        on_timeout=OnTimeout.ESCALATE,
        escalate_to=("bob",),
    )
    await house.record("approval-expired")


async def cancelled(house: RecordingHouse) -> None:
    """Whoever asked does not want to know any more."""
    handle, approval = await ask(house, "approval-cancelled", approvers=("alice",))
    await approval.progress()
    await handle.cancel()
    await house.record("approval-cancelled")


async def continued(house: RecordingHouse) -> None:
    """The history is cut because of junk, and the next one goes on with what was decided."""
    handle, approval = await ask(house, "approval-continued", approvers=("alice", "bob"), quorum=2)
    await decide(approval, "alice")
    for number in range(12):
        await handle.signal(SIGNAL, number)
    await house.record("approval-continued", run_id=handle.first_execution_run_id)
    await decide(ApprovalHandle(house.client.get_workflow_handle_for(ApprovalWorkflow.run, handle.id)), "bob")
    await house.record("approval-after-continuing", handle.id)


HOUSES: tuple[tuple[Kind, tuple[Scene, ...]], ...] = (
    (Kind(), (approved, rejected, signalled, expired, cancelled)),
    (Kind(events_before_continuing=20), (continued,)),
)


async def main() -> None:
    """Record everything."""
    for kind, scenes in HOUSES:
        async with recording_house(kind) as house:
            for scene in scenes:
                await scene(house)


if __name__ == "__main__":
    asyncio.run(main())
