import asyncio
import contextlib
from contextlib import asynccontextmanager

import pytest

from perdure.engine.connection import connect_local
from perdure.engine.local import temporal_binary
from perdure.engine.ports import free_port
from perdure.engine.processes import ChildProcess, Program
from perdure.engine.search_attributes import ensure_search_attributes, has_search_attributes
from perdure.errors import EngineUnreachableError


async def connected(address):
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(EngineUnreachableError):
                return await connect_local(address)
            await asyncio.sleep(0.05)


@pytest.fixture
def plain_server(tmp_path):
    """Start ``temporal server start-dev`` as people do without Perdure."""

    @asynccontextmanager
    async def serve(*flags):
        port = free_port()
        command = [str(temporal_binary()), "server", "start-dev", "--headless", "--port", str(port), *flags]
        process = ChildProcess(Program(name="server", command=command, log_path=tmp_path / "plain.log"))
        process.start()
        try:
            yield await connected(f"127.0.0.1:{port}")
        finally:
            await process.stop()

    return serve


async def test_a_plain_server_gets_the_attributes_that_workflows_then_may_carry(plain_server):
    """Any Temporal server will do: what is missing is registered, once."""
    async with plain_server() as client:
        assert not await has_search_attributes(client)
        assert await ensure_search_attributes(client)
        assert await has_search_attributes(client)
        assert await ensure_search_attributes(client)


async def test_a_namespace_without_room_for_them_is_gone_without(plain_server):
    """A refusal is no error: workflows run without attributes."""
    taken = [f"--search-attribute=Taken{number}=Keyword" for number in range(10)]
    async with plain_server(*taken) as client:
        assert not await ensure_search_attributes(client)


async def test_an_attribute_of_another_type_is_not_used(plain_server):
    """A workflow that carried it would be refused."""
    async with plain_server("--search-attribute=PerdureActionsRunId=Keyword") as client:
        assert not await ensure_search_attributes(client)
