"""Approvals on the real Temporal server."""

import asyncio
from datetime import timedelta

import pytest

from approvals.conftest import until
from approvals.deciding import ALICE, BOB, a_request, new_key, signed
from perdure.config import ApprovalSettings
from perdure.engine.approvals import get_approval, list_approvals, local_decision, start_approval
from perdure.errors import (
    ApprovalNotKnownError,
    DecisionRefusedError,
    EngineError,
    KeyConflictError,
    NoWorkerError,
    SettingsError,
)
from perdure.model.approvals import ApprovalMode, How, OnTimeout, Reason, Verdict
from perdure.model.ballots import Refusal
from perdure.workflows.approval import SIGNAL

SECOND = timedelta(seconds=1)


async def approve(approval, login="alice", verdict=Verdict.APPROVED, **fields):
    return await approval.decide(local_decision(await approval.progress(), login, verdict, **fields))


async def temporal(house, approval):
    return house.client.get_workflow_handle(approval.id)


async def test_enough_people_approve(house, ask):
    """The result has who decided, how that is known, why, and what they filled in."""
    form = {"percent": {"type": "integer", "minimum": 1, "default": 10}}
    approval = await ask(quorum=2, form=form)
    progress = await approve(approval, "alice", comment="fine", form={"percent": "25"})
    assert (progress.approvals_missing, progress.may_decide) == (1, ("bob",))
    await approve(approval, "bob", form={"percent": 25})
    result = await approval.result()
    assert (result.verdict, result.reason, result.form) == (
        Verdict.APPROVED,
        Reason.DECIDED,
        {"percent": 25},
    )
    assert result.approved
    assert [(found.approver.login, found.how) for found in result.decisions] == [
        ("alice", How.LOCAL),
        ("bob", How.LOCAL),
    ]
    assert result.mode is ApprovalMode.LOCAL
    assert result.decisions[0].comment == "fine"


async def test_a_signed_decision_counts(guarded, key, ask):
    """The worker knows the gateway's key from its settings."""
    approval = await ask()
    progress = await approval.decide(signed(key, await approval.progress(), BOB))
    assert progress.result.verdict is Verdict.APPROVED
    [decision] = (await approval.result()).decisions
    assert (decision.how, decision.entitled_as) == (How.SIGNED, "bob")


async def test_a_rejection_is_final_and_later_decisions_are_told_so(house, ask):
    """Also when the workflow has ended meanwhile."""
    approval = await ask(quorum=2)
    decision = local_decision(await approval.progress(), "alice", Verdict.APPROVED)
    await approve(approval, "bob", Verdict.REJECTED)
    assert (await approval.result()).verdict is Verdict.REJECTED
    with pytest.raises(DecisionRefusedError) as caught:
        await approval.decide(decision)
    assert caught.value.reason == Refusal.OVER


async def test_a_refused_update_leaves_no_trace_in_the_history(house, ask):
    """The validator refuses before anything is recorded, and the person is told why."""
    approval = await ask()
    handle = await temporal(house, approval)
    await approval.progress()
    before = (await handle.describe()).history_length
    with pytest.raises(DecisionRefusedError, match="mallory is not among those who may decide: alice, bob"):
        await approve(approval, "mallory")
    events = (await handle.fetch_history()).events[before:]
    assert not [event for event in events if "update" in event.WhichOneof("attributes")]


async def test_the_same_decision_handed_in_again_is_answered_again(house, ask):
    """A lost answer is asked for again, without a second decision."""
    approval = await ask(quorum=2)
    decision = local_decision(await approval.progress(), "alice", Verdict.APPROVED)
    first, again = await approval.decide(decision), await approval.decide(decision)
    assert first == again
    assert len((await approval.progress()).decisions) == 1


@pytest.mark.parametrize(
    "payload",
    [
        {"Approved": True, "Reason": "fine"},
        {"approved": True, "reason": "fine"},
        {"APPROVED": True, "REASON": "fine", "more": 1},
    ],
)
async def test_a_plain_signal_counts_where_no_approvers_are_named(guarded, ask, payload):
    """Whoever sends it; that nobody knows who is said on the decision."""
    approval = await ask(approvers=())
    await (await temporal(guarded, approval)).signal(SIGNAL, payload)
    result = await approval.result()
    assert result.verdict is Verdict.APPROVED
    assert (result.decisions[0].how, result.decisions[0].comment) == (How.UNSIGNED, "fine")


async def test_a_plain_signal_is_recorded_as_refused_where_approvers_are_named(house, ask):
    """In local mode too: a signal says nothing of who sent it."""
    approval = await ask()
    handle = await temporal(house, approval)
    await handle.signal(SIGNAL, {"Approved": True, "Reason": "trust me"})
    progress = await until(lambda: refused(approval, 1))
    assert progress.refused[0].reason is Refusal.NOT_SIGNED
    assert (progress.decisions, progress.result) == ((), None)


async def test_a_signed_signal_goes_through_the_same_rules(guarded, key, ask):
    """Entitled: it counts. A stranger: recorded as refused."""
    approval = await ask(quorum=2)
    handle, progress = await temporal(guarded, approval), await approval.progress()
    stranger = signed(key, progress, ALICE.model_copy(update={"login": "eve", "user_id": 7}))
    for decision in (stranger, signed(key, progress, ALICE), signed(key, progress, BOB)):
        await handle.signal(SIGNAL, {"Approved": True, "Decision": decision.model_dump(mode="json")})
    result = await approval.result()
    assert [decision.approver.login for decision in result.decisions] == ["alice", "bob"]
    [seen] = (await approval.progress()).refused
    assert (seen.claimed_by, seen.reason, seen.by) == ("eve", Refusal.NOT_ENTITLED, "signal")


JUNK = [
    [],
    [None],
    [True],
    ["approve"],
    [[]],
    [{}],
    [{"Approved": "yes"}],
    [{"Approved": True, "approved": False}],
    [{"Approved": True, "Reason": 7}],
    [{"Approved": True, "Reason": "x" * 5_000}],
    [{"Approved": True, "Decision": {}}],
    [{"Approved": True, "Decision": {"approver": {"login": "alice"}, "verdict": "maybe"}}],
    [{"Approved": True}, {"Approved": True}],
    [b"\x00\x01"],
]


async def test_junk_never_breaks_an_approval(house, ask):
    """Whatever a signal or an update carries, people can decide afterwards."""
    approval = await ask()
    handle = await temporal(house, approval)
    for arguments in JUNK:
        await handle.signal(SIGNAL, args=arguments)
        with pytest.raises(Exception, match="update failed"):
            await handle.execute_update("decide", args=arguments)
    progress = await until(lambda: refused(approval, len(JUNK)))
    assert {seen.reason for seen in progress.refused} == {Refusal.MALFORMED}
    await approve(approval)
    assert (await approval.result()).approved


async def refused(approval, count):
    progress = await approval.progress()
    return progress if progress.refused_count >= count else None


async def test_time_decides_where_nobody_does(house, ask):
    """With the reason ``timeout``, which later steps test."""
    rejected = await ask(timeout=SECOND, on_timeout=OnTimeout.REJECT)
    approved = await ask(timeout=SECOND, on_timeout=OnTimeout.APPROVE)
    first, second = await rejected.result(), await approved.result()
    assert (first.verdict, first.reason) == (Verdict.REJECTED, Reason.TIMEOUT)
    assert (second.verdict, second.reason) == (Verdict.APPROVED, Reason.TIMEOUT)


async def test_people_are_reminded_and_others_asked(house, ask):
    """Reminders are noted; after the escalation others may decide."""
    approval = await ask(
        approvers=("alice",), timeout=3 * SECOND, remind=SECOND, on_timeout="escalate", escalate_to=("carol",)
    )
    escalated = await until(lambda: escalation(approval))
    assert escalated.reminders >= 1
    assert escalated.may_decide == ("alice", "carol")
    await approve(approval, "carol")
    assert (await approval.result()).approved


async def escalation(approval):
    progress = await approval.progress()
    return progress if progress.escalated else None


async def test_cancelling_withdraws_the_question(house, ask):
    """Nobody can decide afterwards."""
    approval = await ask()
    await approval.progress()
    await approval.cancel()
    result = await approval.result()
    assert (result.verdict, result.reason) == (Verdict.REJECTED, Reason.CANCELLED)
    assert (await approval.progress()).cancelled


@pytest.mark.faults
@pytest.mark.parametrize("signed_by_nobody", [False, True])
async def test_thousands_of_junk_signals_are_outlived(guarded, key, ask, signed_by_nobody):
    """The history is cut in time, no task takes too long, and what was decided stays."""
    approval = await ask(quorum=2)
    seen = await approval.decide(signed(key, await approval.progress(), ALICE))
    handle = await temporal(guarded, approval)
    forged = signed(new_key(), seen, BOB).model_dump(mode="json")
    junk = {"Approved": True, "Decision": forged} if signed_by_nobody else "junk"
    for _ in range(45):
        await asyncio.gather(*(handle.signal(SIGNAL, junk) for _ in range(100)))
    progress = await until(lambda: refused(approval, 4_500), within=60)
    assert len(progress.refused) == 50
    assert (await handle.describe()).run_id != progress.run_id
    assert [decision.approver.login for decision in progress.decisions] == ["alice"]
    with pytest.raises(DecisionRefusedError, match="decided already"):
        await approval.decide(signed(key, progress, ALICE))
    await approval.decide(signed(key, progress, BOB))
    assert (await approval.result()).approved


async def test_its_page_in_temporals_ui_tells_what_it_waits_for(house, ask):
    """Kind and state can be searched for; the page says who is asked what."""
    approval = await ask(message="Deploy\n| 1.2.3 |", requester={"login": "carol", "user_id": 103})
    handle = await temporal(house, approval)
    await approval.progress()
    query = f"PerdureKind = 'approval' AND PerdureWaitingOn = 'person' AND WorkflowId = '{approval.id}'"
    await until(lambda: found(house, query))
    details = (await handle.query("__temporal_workflow_metadata")).current_details
    for part in ("> Deploy", "alice, bob", "Started by: carol", "**local**"):
        assert part in details
    await approve(approval)
    await approval.result()
    await until(lambda: found(house, f"PerdureWaitingOn = 'person' AND WorkflowId = '{approval.id}'", 0))


async def found(house, query, count=1):
    return len([each async for each in house.client.list_workflows(query)]) == count


async def test_open_approvals_are_listed(house, ask):
    """Those that are over are not."""
    waiting, over = await ask(), await ask()
    await approve(over)
    await over.result()

    async def listed():
        ids = {progress.id for progress in (await list_approvals(house.client, limit=10)).approvals}
        return waiting.id in ids and over.id not in ids

    await until(listed)


async def test_a_worker_that_knows_no_gateway_says_so(idle_house, ask):
    """Nobody could decide anything: better now than after the time-out."""
    async with idle_house.workers(approvals=ApprovalSettings(mode="gateway")):
        approval = await ask()
        with pytest.raises(SettingsError, match="knows no gateway") as caught:
            await approval.result()
    assert "perdure web key new" in caught.value.hint


async def test_what_is_not_there_is_said_to_be_so(house, idle_house):
    """Unknown ids, ids of other workflows, ids that are taken, queues without workers."""
    with pytest.raises(ApprovalNotKnownError):
        await get_approval(house.client, "nothing").progress()
    with pytest.raises(NoWorkerError):
        await start_approval(house.client, a_request(), task_queue="nobody-polls-this")
    await start_approval(house.client, a_request(), id="taken", task_queue=house.task_queue)
    with pytest.raises(KeyConflictError):
        await start_approval(house.client, a_request(), id="taken", task_queue=house.task_queue)
    action = await house.start()
    with pytest.raises((ApprovalNotKnownError, EngineError)):
        await get_approval(house.client, action.id).progress()
