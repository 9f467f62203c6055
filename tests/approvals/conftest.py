"""What tests of approvals share: a gateway's key, and houses whose workers believe it or anybody."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from temporalio.service import RPCError

from approvals.deciding import a_request, new_key
from perdure.config import ApprovalSettings
from perdure.engine.approvals import start_approval
from perdure.model.approvals import ApprovalRequest
from workflows.conftest import emulator_settings, house, idle_house

__all__ = ["emulator_settings", "house", "idle_house"]


@pytest.fixture
def key():
    return new_key()


@pytest.fixture
async def guarded(idle_house, key):
    """The house with workers that believe only the gateway."""
    approvals = ApprovalSettings(mode="gateway", public_key=(key.public_key,))
    async with idle_house.workers(approvals=approvals):
        yield idle_house


@pytest.fixture
async def ask(idle_house):
    """Ask for an approval in the house. What is open at the end is ended: the server is shared."""
    asked = []

    async def ask_for(**fields):
        request: ApprovalRequest = a_request(**fields)
        asked.append(await start_approval(idle_house.client, request, task_queue=idle_house.task_queue))
        return asked[-1]

    yield ask_for
    for approval in asked:
        with contextlib.suppress(RPCError):
            await idle_house.client.get_workflow_handle(approval.id).terminate()


async def until(condition, *, within=20.0):
    """Ask again until what comes back is true, and return it."""
    async with asyncio.timeout(within):
        while not (found := await condition()):
            await asyncio.sleep(timedelta(milliseconds=50).total_seconds())
    return found
