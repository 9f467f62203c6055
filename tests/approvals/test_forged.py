"""Decisions forged by somebody who can send anything to the engine, and knows everything in it."""

import base64
import contextlib
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowUpdateFailedError

from approvals.conftest import until
from approvals.deciding import ALICE, BOB, CAROL, MALLORY, new_key, signed
from perdure.activities.failures import original_error
from perdure.engine.approvals import local_decision
from perdure.model.approvals import ApprovalMode, How, Verdict
from perdure.model.ballots import Refusal
from perdure.workflows.approval import SIGNAL, ApprovalWorkflow


def made_up(key, progress):
    """Nobody signed it: the forger says who it is."""
    return signed(key, progress).model_copy(update={"signature": "", "how": How.SIGNED})


def local(key, progress):
    """The forger says that the mode is local."""
    return local_decision(progress, "alice", Verdict.APPROVED)


def own_key(key, progress):
    """The forger has a key too."""
    return signed(new_key(), progress)


def junk_signature(key, progress):
    """Something that looks like a signature."""
    return signed(key, progress).model_copy(update={"signature": base64.b64encode(b"x" * 64).decode()})


def no_base64(key, progress):
    """Something that does not."""
    return signed(key, progress).model_copy(update={"signature": "ä="})


def another_person(key, progress):
    """A stranger's decision, with another name put on it."""
    return signed(key, progress, MALLORY).model_copy(update={"approver": ALICE})


def another_team(key, progress):
    """A stranger's decision, with a team put on it."""
    return signed(key, progress, MALLORY).model_copy(update={"teams": ("acme/release",)})


def turned_round(key, progress):
    """A rejection made an approval."""
    return signed(key, progress, verdict=Verdict.REJECTED).model_copy(update={"verdict": Verdict.APPROVED})


def prolonged(key, progress):
    """An expired decision, made to last."""
    expired = signed(key, progress, expires_at=datetime.now(UTC) - timedelta(minutes=1))
    return expired.model_copy(update={"expires_at": datetime.now(UTC) + timedelta(hours=1)})


def renewed(key, progress):
    """A new nonce put on a decision."""
    return signed(key, progress).model_copy(update={"nonce": "a-new-nonce"})


def other_comment(key, progress):
    """Words put into somebody's mouth."""
    return signed(key, progress).model_copy(update={"comment": "I take the blame"})


def other_approval(key, progress):
    """Signed for another approval."""
    return signed(key, progress.model_copy(update={"id": "approval/other"}))


def earlier_approval(key, progress):
    """Signed for an earlier approval of the same name."""
    return signed(key, progress.model_copy(update={"run_id": str(uuid.uuid4())}))


def expired(key, progress):
    """Well signed, and handed in too late."""
    return signed(key, progress, expires_at=datetime.now(UTC) - timedelta(minutes=1))


def older_plan(key, progress):
    """Well signed, about something else."""
    return signed(key, progress, digest="sha256:older")


def by_the_requester(key, progress):
    """Well signed, by the one who started it."""
    return signed(key, progress, CAROL)


def by_a_stranger(key, progress):
    """Well signed, by nobody who was asked."""
    return signed(key, progress, MALLORY)


FORGED = [
    made_up, local, own_key, junk_signature, no_base64, another_person, another_team, turned_round, prolonged,
    renewed, other_comment, other_approval, earlier_approval,
]  # fmt: skip
REFUSED = {
    expired: Refusal.EXPIRED,
    older_plan: Refusal.OTHER_DIGEST,
    by_the_requester: Refusal.SELF_APPROVAL,
    by_a_stranger: Refusal.NOT_ENTITLED,
    **dict.fromkeys(FORGED, Refusal.NOT_SIGNED),
}


async def test_forged_decisions_are_refused_however_they_come(guarded, key, ask):
    """By update with the reason, by signal with a record; afterwards people decide as if nothing was."""
    approval = await ask(approvers=("alice", "bob", "carol", "team:acme/release"), requester=CAROL, quorum=2)
    handle, progress = guarded.client.get_workflow_handle(approval.id), await approval.progress()
    for forge, reason in REFUSED.items():
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await handle.execute_update("decide", forge(key, progress))
        assert original_error(caught.value).reason == reason, forge.__name__
    for forge in REFUSED:
        await handle.signal(
            SIGNAL, {"Approved": True, "decision": forge(key, progress).model_dump(mode="json")}
        )
    seen = await until(lambda: after(approval, len(REFUSED)))
    assert [refused.reason for refused in seen.refused] == list(REFUSED.values())
    assert (seen.decisions, seen.result) == ((), None)
    await approval.decide(signed(key, progress, ALICE))
    await approval.decide(signed(key, progress, BOB))
    assert [decision.approver for decision in (await approval.result()).decisions] == [ALICE, BOB]


async def after(approval, count):
    progress = await approval.progress()
    return progress if progress.refused_count >= count else None


async def test_a_decision_that_was_overheard_does_not_count_again(guarded, key, ask):
    """Not in its own approval, and not in another one about the same plan."""
    approval = await ask(quorum=2, subject_digest="sha256:plan")
    overheard = signed(key, await approval.progress(), ALICE)
    await approval.decide(overheard)
    handle = guarded.client.get_workflow_handle(approval.id)
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update("decide", overheard)
    assert original_error(caught.value).reason == Refusal.NONCE_USED
    other = await ask(quorum=2, subject_digest="sha256:plan")
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await guarded.client.get_workflow_handle(other.id).execute_update("decide", overheard)
    assert original_error(caught.value).reason == Refusal.NOT_SIGNED


async def test_a_key_that_comes_with_the_input_is_not_believed(guarded, ask):
    """Whoever starts an approval by hand cannot say whose signature counts, nor that the mode is local."""
    forger = new_key()
    trust = {"mode": "local", "public_keys": [forger.public_key]}
    handle = await guarded.client.start_workflow(
        ApprovalWorkflow.run,
        {"request": {"approvers": ["alice"]}, "trust": trust, "mode": "local"},
        id=f"approval/{uuid.uuid4()}",
        task_queue=guarded.task_queue,
    )
    progress = await until(lambda: known(handle))
    assert progress.mode is ApprovalMode.GATEWAY
    for decision in (signed(forger, progress), local_decision(progress, "alice", Verdict.APPROVED)):
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("decide", decision)
    with contextlib.suppress(Exception):
        await handle.cancel()


async def known(handle):
    progress = await handle.query(ApprovalWorkflow.progress)
    return progress if progress.mode else None
