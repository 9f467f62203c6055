import signal
import socket
import subprocess
import sys

import pytest

from cli.local_processes import environment, perdure, processes_of
from perdure.engine.ports import free_port

GITHUB = {
    "PERDURE_GITHUB_URL": "http://127.0.0.1:9",
    "PERDURE_GITHUB_TOKEN": "env:PERDURE_TEST_TOKEN",
    "PERDURE_TEST_TOKEN": "secret-of-the-test",
}


def worker(*arguments, cwd):
    command = [sys.executable, "-m", "perdure", "worker", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=30, check=False
    )


def test_an_engine_out_of_reach_ends_it_with_4_and_says_what_to_start(tmp_path):
    """Whoever forgot the engine is told, and how to start one."""
    port = free_port()
    done = worker("--address", f"127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == 4
    assert f"no Temporal server answers at 127.0.0.1:{port}" in done.stderr
    assert "hint: start one with `perdure up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_queue_that_is_none_of_perdures_is_wrong_usage(tmp_path):
    """A typing error is not polled for ever."""
    done = worker("--queues", "perdure,perdure-dispach", cwd=tmp_path)
    assert done.returncode == 2
    assert "'perdure-dispach'" in done.stderr
    assert "perdure-dispatch" in done.stderr


def test_settings_with_an_unknown_key_are_wrong_usage(tmp_path):
    """Nothing is started with a limit that nobody set."""
    (tmp_path / "perdure.toml").write_text("[worker]\ndispatch_per_second = 5\n")
    done = worker(cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean dispatches_per_second?" in done.stderr


def test_a_port_for_metrics_that_is_taken_is_wrong_usage(tmp_path):
    """Nothing is started that nobody could see."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = worker("--metrics", address, cwd=tmp_path)
    assert done.returncode == 2
    assert f"error: metrics cannot be served at {address}: Address already in use by process" in done.stderr
    assert "hint: choose another address with --metrics IP:PORT" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_when_it_is_ready_and_drains_when_asked_to_stop(temporal_server, tmp_path, number):
    """One line on stderr says that it works; a signal ends it with success."""
    async with perdure("worker", "--address", temporal_server.address, cwd=tmp_path, **GITHUB) as run:
        await run.says("worker ready: queues perdure, perdure-dispatch, perdure-watch, server 127.0.0.1:")
        assert GITHUB["PERDURE_GITHUB_URL"] in run.output
        run.process.send_signal(number)
        assert await run.ends() == 0
    assert "".join(run.stdout) == ""
    assert "secret-of-the-test" not in run.output
    assert processes_of(tmp_path) == []


async def test_the_second_signal_ends_it_at_once(temporal_server, tmp_path):
    """Whoever cannot wait need not."""
    async with perdure("worker", "--address", temporal_server.address, cwd=tmp_path, **GITHUB) as run:
        await run.says("worker ready")
        run.process.send_signal(signal.SIGTERM)
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 130


async def test_one_queue_alone_can_be_worked_on(temporal_server, tmp_path):
    """Each kind of machine takes the work that it is for."""
    arguments = ("worker", "--queues", "perdure-watch", "--address", temporal_server.address)
    async with perdure(*arguments, cwd=tmp_path, **GITHUB) as run:
        await run.says("worker ready: queues perdure-watch, server")
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0
