"""Whatever races: an approval is decided once, by the first event that closes it.

500 approvals begin at once. Each gets its own interleaving of two to four decisions, by update or by signal,
a timer and a cancellation, drawn from one seed, and all of it is sent without waiting for answers.
"""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from approvals.deciding import a_request
from perdure.config import ApprovalSettings
from perdure.engine.approvals import PREFIX, ApprovalHandle, get_approval
from perdure.errors import DecisionRefusedError
from perdure.model.approval_progress import ApprovalInput
from perdure.model.approvals import Decision, How, OnTimeout, Person, Reason, Verdict
from perdure.workflows.approval import SIGNAL, ApprovalWorkflow

INTERLEAVINGS = 500
AT_ONCE = 50
SEED = 20261122

PEOPLE = [Person(login=login, user_id=number) for number, login in enumerate(("alice", "bob", "carol"), 101)]


@dataclass
class Race:
    """One approval, what is done to it, and what came back."""

    number: int
    quorum: int
    on_timeout: OnTimeout
    expires: bool
    moves: list[tuple[str, Person, Verdict]]
    accepted: list[tuple[str, Verdict]] = field(default_factory=list)


def drawn(number):
    """Draw one interleaving: the same for the same number, whoever draws it."""
    chance = random.Random(SEED + number)
    moves = [
        (
            chance.choice(("update", "update", "signal")),
            chance.choice(PEOPLE),
            chance.choice((Verdict.APPROVED, Verdict.APPROVED, Verdict.REJECTED)),
        )
        for _ in range(chance.randint(2, 4))
    ]
    if chance.random() < 0.4:
        moves.append(("cancel", PEOPLE[0], Verdict.REJECTED))
    chance.shuffle(moves)
    return Race(
        number=number,
        quorum=chance.randint(1, 2),
        on_timeout=chance.choice((OnTimeout.APPROVE, OnTimeout.REJECT)),
        expires=chance.random() < 0.5,
        moves=moves,
    )


async def run(race, house, key, gate):
    """Do everything to one approval at once, and check what came of it."""
    async with gate:
        # The timer goes off about when the decisions arrive; where it does not matter, it ends what is open.
        timeout = timedelta(milliseconds=300 if race.expires else 2_500)
        request = a_request(
            approvers=("alice", "bob", "carol"),
            quorum=race.quorum,
            on_timeout=race.on_timeout,
            timeout=timeout,
        )
        handle = await house.client.start_workflow(
            ApprovalWorkflow.run,
            ApprovalInput(request=request),
            id=f"{PREFIX}race{house.settings.worker.queue_suffix}-{race.number}",
            task_queue=house.task_queue,
        )
        approval = get_approval(house.client, handle.id)
        moves = [move(race, key, approval, handle, request, number) for number in range(len(race.moves))]
        await asyncio.gather(*moves)
        check(race, await approval.result(), await approval.progress())


async def move(race, key, approval: ApprovalHandle, handle, request, number):
    kind, person, verdict = race.moves[number]
    if kind == "cancel":
        with contextlib.suppress(DecisionRefusedError):
            await approval.cancel()
        return
    decision = key.signed(
        Decision(
            approver=person,
            verdict=verdict,
            digest=request.digest,
            nonce=f"nonce-{race.number}-{number}",
            expires_at=datetime.now(UTC) + timedelta(minutes=5),
        ),
        approval_id=handle.id,
        run_id=handle.first_execution_run_id,
    )
    if kind == "signal":
        with contextlib.suppress(Exception):
            # The approval may be over already: then there is nobody to signal.
            await handle.signal(SIGNAL, {"Decision": decision.model_dump(mode="json")})
        return
    try:
        await approval.decide(decision)
    except DecisionRefusedError:
        return
    race.accepted.append((decision.nonce, verdict))


def check(race, result, progress):
    """Compare the end with everything that was promised on the way."""
    decisions = progress.decisions
    counted = {decision.nonce for decision in decisions}
    assert {nonce for nonce, _ in race.accepted} <= counted, race
    assert len({decision.approver.user_id for decision in decisions}) == len(decisions), race
    assert all(decision.how is How.SIGNED for decision in decisions)
    verdicts = [decision.verdict for decision in decisions]
    if result.reason is Reason.CANCELLED:
        assert progress.cancelled, race
        assert progress.result is None
        assert Verdict.REJECTED not in verdicts
        assert len(verdicts) < race.quorum
        return
    assert result == progress.result, race
    if result.reason is Reason.TIMEOUT:
        assert result.approved is (race.on_timeout is OnTimeout.APPROVE)
        assert Verdict.REJECTED not in verdicts
        assert len(verdicts) < race.quorum
    elif result.approved:
        assert verdicts == [Verdict.APPROVED] * race.quorum
    else:
        assert verdicts[-1] is Verdict.REJECTED
        assert verdicts.count(Verdict.REJECTED) == 1


async def test_every_approval_is_decided_once_whatever_races(idle_house, key):
    """No accepted decision is lost, none counts after the end, and all ways to end occur."""
    races = [drawn(number) for number in range(INTERLEAVINGS)]
    gate = asyncio.Semaphore(AT_ONCE)
    approvals = ApprovalSettings(mode="gateway", public_key=(key.public_key,))
    async with idle_house.workers(approvals=approvals):
        await asyncio.gather(*(run(race, idle_house, key, gate) for race in races))
