import socket
import time

import pytest

from perdure.engine.connection import connect
from perdure.engine.ports import free_port
from perdure.errors import EngineError, EngineUnreachableError, SettingsError


async def test_an_address_where_nobody_listens_is_named_with_how_to_start_a_server():
    """A person is told at once, and told what to type."""
    port = free_port()
    with pytest.raises(EngineUnreachableError, match=f"127.0.0.1:{port}") as unreachable:
        await connect(address=f"127.0.0.1:{port}")
    assert "perdure up" in str(unreachable.value.hint)


async def test_a_server_that_says_nothing_is_reported_within_10_seconds():
    """Whatever accepts the connection and stays silent does not keep anybody waiting."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        started_at = time.monotonic()
        with pytest.raises(EngineUnreachableError):
            await connect(address=f"127.0.0.1:{port}")
    assert time.monotonic() - started_at < 10


async def test_a_host_that_does_not_exist_is_unreachable():
    """A mistyped name is an error like any other."""
    with pytest.raises(EngineUnreachableError, match=r"no-such-host\.invalid"):
        await connect(address="no-such-host.invalid:7233")


async def test_an_address_that_is_none_is_refused():
    """What cannot be an address is reported as such, not as a traceback."""
    with pytest.raises(EngineError, match="not an address"):
        await connect(address="not an address")


async def test_an_unknown_namespace_is_named(temporal_server):
    """The message names the namespace and how to create it."""
    with pytest.raises(EngineError, match="has no namespace 'elsewhere'") as refused:
        await connect(address=temporal_server.address, namespace="elsewhere")
    assert not isinstance(refused.value, EngineUnreachableError)
    assert "temporal operator namespace create" in str(refused.value.hint)


async def test_temporals_own_variables_say_where(temporal_server, monkeypatch):
    """Whoever has set up the `temporal` command has set up Perdure."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "default")
    client = await connect()
    assert client.namespace == "default"
    assert client.service_client.config.target_host == temporal_server.address


async def test_temporals_own_file_says_where(temporal_server, monkeypatch, tmp_path):
    """The file that `temporal config` edits is read."""
    file = tmp_path / "temporal.toml"
    file.write_text(f'[profile.default]\naddress = "{temporal_server.address}"\n')
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    assert (await connect()).service_client.config.target_host == temporal_server.address


async def test_a_file_that_cannot_be_read_is_a_settings_error(monkeypatch, tmp_path):
    """A broken file is not passed over in silence."""
    file = tmp_path / "temporal.toml"
    file.write_text("[profile.default\n")
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(file))
    with pytest.raises(SettingsError, match="configuration cannot be read"):
        await connect()
