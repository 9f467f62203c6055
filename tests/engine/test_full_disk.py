import resource
import sys

import pytest

from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer
from perdure.engine.namespaces import check_writes
from perdure.errors import EngineError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files: Linux only")


async def test_a_full_disk_is_noticed_loses_nothing_and_is_survived(tmp_path):
    """The server says that it is healthy; a write says what is wrong. With room again it goes on."""
    async with LocalServer(tmp_path) as server:
        client = await connect_local(server.address)
        await check_writes(client)
        await client.start_workflow("Anything", id="acknowledged", task_queue="nobody")

        unlimited = resource.prlimit(server.pid, resource.RLIMIT_FSIZE)
        written = server.database.with_name(server.database.name + "-wal").stat().st_size
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (written, unlimited[1]))
        assert await client.service_client.check_health()
        with pytest.raises(EngineError, match="cannot write") as full:
            await check_writes(client)
        assert "disk full" in str(full.value.hint)

        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, unlimited)
        await check_writes(client)
        assert (await client.get_workflow_handle("acknowledged").describe()).id == "acknowledged"
