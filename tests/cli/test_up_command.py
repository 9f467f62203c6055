import os
import signal

from cli.local_processes import perdure, processes_of, record_of, until
from metric_page import page_with
from perdure.engine.actions import get_action, start_action
from perdure.engine.connection import connect_local
from perdure.model.actions import ActionInput
from perdure.model.progress import Stage

FREE = ("--port", "0", "--ui-port", "0", "--emulator-port", "0")
ACTION = ActionInput(
    repository="acme/wait-then-echo",
    workflow_file="wait-and-echo.yaml",
    ref="main",
    key="kept",
    inputs={"wait_time": "6", "message": "still here"},
)


def up(tmp_path):
    return perdure("up", "--folder", str(tmp_path / "data"), *FREE, cwd=tmp_path)


async def running(handle):
    async for progress in handle.watch():
        if progress.stage is Stage.RUNNING:
            return


async def test_what_was_running_goes_on_after_a_killed_worker_and_after_a_restart(tmp_path):
    """`perdure up` mends a killed worker at once, stops cleanly, and goes on where it stopped."""
    folder = tmp_path / "data"
    async with up(tmp_path) as run:
        record = await record_of(run, folder)
        handle = await start_action(await connect_local(record["temporal"]["address"]), ACTION)
        await running(handle)

        worker = record["pids"]["worker"]
        os.kill(worker, signal.SIGKILL)
        await run.says("worker runs again", within=10)
        await until(lambda: str(worker) not in (folder / "up.json").read_text())

        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 0
        assert processes_of(tmp_path) == []
        assert not (folder / "up.json").exists()

    async with up(tmp_path) as run:
        record = await record_of(run, folder)
        action = get_action(await connect_local(record["temporal"]["address"]), "kept")
        assert (await action.result()).outputs["message"] == "still here"
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0
    assert processes_of(tmp_path) == []


async def test_commands_beside_it_ask_its_github(tmp_path):
    """Logs and doctor need no credentials for a GitHub that `perdure up` emulates in this folder.

    Where its metrics are wanted, each of its workers serves them at an address that it shows.
    """
    async with perdure("up", *FREE, "--metrics-port", "0", cwd=tmp_path) as run:
        record = await record_of(run, tmp_path / ".perdure")
        for url in record["metrics"].values():
            assert url in run.output
            await page_with(url, "temporal_num_pollers")
        address = record["temporal"]["address"]
        handle = await start_action(
            await connect_local(address), ACTION.model_copy(update={"inputs": {"message": "to be read"}})
        )
        await handle.result()
        async with perdure("run", "logs", "kept", "--address", address, cwd=tmp_path) as logs:
            assert await logs.ends() == 0
        assert "to be read" in logs.output
        about = ("acme/wait-then-echo", "wait-and-echo.yaml")
        async with perdure("doctor", *about, "--address", address, cwd=tmp_path) as doctor:
            assert await doctor.ends() == 0
        assert "perdure up" in doctor.output
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0


async def test_a_killed_server_runs_again_on_its_file(tmp_path):
    """Clients go on without a word."""
    async with up(tmp_path) as run:
        record = await record_of(run, tmp_path / "data")
        client = await connect_local(record["temporal"]["address"])
        await client.start_workflow("Anything", id="kept", task_queue="nobody")
        os.kill(record["pids"]["server"], signal.SIGKILL)
        await run.says("Temporal server runs again")
        assert (await client.get_workflow_handle("kept").describe()).id == "kept"
        run.process.send_signal(signal.SIGTERM)
        assert await run.ends() == 0


async def test_a_second_one_in_the_same_folder_is_refused_and_changes_nothing(tmp_path):
    """The message names the process that has the folder."""
    async with up(tmp_path) as first:
        record = await record_of(first, tmp_path / "data")
        async with up(tmp_path) as second:
            assert await second.ends() == 4
        assert f"process {first.process.pid} already runs" in second.output
        assert await record_of(first, tmp_path / "data") == record
        first.process.send_signal(signal.SIGTERM)
        assert await first.ends() == 0


async def test_nothing_outlives_one_that_is_killed(tmp_path):
    """Even after SIGKILL no server, worker or emulated GitHub keeps running."""
    async with up(tmp_path) as run:
        await record_of(run, tmp_path / "data")
        assert len(processes_of(tmp_path)) >= 4
        run.process.kill()
        await run.ends()
        await until(lambda: processes_of(tmp_path) == [], within=25)


async def test_a_port_in_use_is_said_before_anything_starts(tmp_path):
    """The message says which option chooses another."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        for option in ("--port", "--ui-port", "--emulator-port"):
            async with perdure("up", *FREE, option, port, cwd=tmp_path) as run:
                assert await run.ends() == 4
            assert f"port {port}" in run.output
            assert option in run.output.partition("hint:")[2]
    assert processes_of(tmp_path) == []
