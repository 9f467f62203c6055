"""What tests of several folders share: one real Temporal server for each process that runs tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer

_TESTS = Path(__file__).parent


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalServer]:
    """Run a real Temporal server on free ports, with its data in a folder of its own."""
    async with LocalServer(tmp_path_factory.mktemp("temporal")) as server:
        yield server


@pytest.fixture
async def temporal_client(temporal_server: LocalServer) -> Client:
    """Connect to the server as Perdure does: models as JSON, and no plugin."""
    return await connect_local(temporal_server.address)


_LONG = ("faults", "workflows", "cli", "approvals", "fleet", "engine", "benchmarks", "review")
_RANKS = {name: rank for rank, name in enumerate(_LONG)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the folders that take long, so that no process is left with them at the end alone."""
    items.sort(key=lambda item: _RANKS.get(item.path.relative_to(_TESTS).parts[0], len(_RANKS)))
