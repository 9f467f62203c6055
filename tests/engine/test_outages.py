import pytest
from temporalio.service import RPCError, RPCStatusCode

from perdure.engine.actions import start_action
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.outages import Outage, engine_error
from perdure.errors import EngineError, EngineUnreachableError
from perdure.model.actions import ActionInput

AWAY = RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


async def test_one_long_outage_is_an_error():
    """Two minutes without an answer are enough."""
    clock = Clock()
    outage = Outage("action/x", clock=clock)
    for _ in range(3):
        await outage.sit_out(AWAY)
        clock.now += 50
    with pytest.raises(EngineUnreachableError):
        await outage.sit_out(AWAY)


async def test_two_short_outages_far_apart_are_not_one_long():
    """A wait of hours outlasts each restart of the engine on its own."""
    clock = Clock()
    outage = Outage("action/x", clock=clock)
    await outage.sit_out(AWAY)
    clock.now += 3_600
    await outage.sit_out(AWAY)


async def test_only_a_query_that_takes_too_long_is_the_workers_fault():
    """A slow engine is sat out; a worker that does not answer is told of."""
    slow = RPCError("Timeout expired", RPCStatusCode.CANCELLED, b"")
    await Outage("action/x").sit_out(slow)
    with pytest.raises(EngineError, match="no worker answered"):
        await Outage("action/x", asks_worker=True).sit_out(slow)


def test_an_engine_that_is_away_is_no_refusal():
    """What to do differs: it may be tried again."""
    assert isinstance(engine_error(AWAY, "action/x"), EngineUnreachableError)
    refusal = RPCError("no", RPCStatusCode.PERMISSION_DENIED, b"")
    assert type(engine_error(refusal, "action/x")) is EngineError


async def test_an_action_started_while_the_engine_is_away_says_so(tmp_path):
    """No traceback of a transport for a server that has just gone."""
    async with LocalServer(tmp_path) as server:
        client = await connect_local(server.address)
    with pytest.raises(EngineUnreachableError, match="out of reach"):
        await start_action(client, ActionInput(repository="acme/tools", workflow_file="echo.yml"))
