"""What an emulator remembers when it is stopped or killed."""

import asyncio
import os
import signal
import subprocess
import sys

import httpx2
import psutil
import pytest

from emulator.waiting import until
from emulator.workflow_texts import REPOSITORY
from perdure.emulator import GitHubEmulator, StateInUseError

RUNS = f"/repos/{REPOSITORY}/actions/runs"
SERVE = """
import sys
from pathlib import Path
from perdure.emulator import EmulatorSettings, run_emulator
run_emulator(Path(sys.argv[1]), EmulatorSettings(control=True),
    on_ready=lambda one: print(one.url, flush=True))
"""


async def test_everything_is_there_after_a_restart(root, connect):
    """Runs, jobs, logs, artifacts, disabled workflows and numbers outlive the process."""
    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        number = await client.dispatch(message="remember me")
        await emulator.idle()
        before = [(await client.get(f"{RUNS}/{number}{part}")).json() for part in ("", "/jobs", "/artifacts")]
        await client.put(f"/repos/{REPOSITORY}/actions/workflows/slow.yml/disable")

    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        after = [(await client.get(f"{RUNS}/{number}{part}")).json() for part in ("", "/jobs", "/artifacts")]
        log = await client.get(f"{RUNS}/{number}/logs", follow_redirects=True)
        artifact = await client.get(after[2]["artifacts"][0]["archive_download_url"], follow_redirects=True)
        slow = (await client.get(f"/repos/{REPOSITORY}/actions/workflows/slow.yml")).json()
        following = await client.run(await client.dispatch())

    assert after == before
    assert (log.status_code, artifact.status_code) == (200, 200)
    assert slow["state"] == "disabled_manually"
    assert (following["id"] > number, following["run_number"]) == (True, 2)


async def test_tokens_outlive_a_restart(root, connect, app, sign):
    """An installation token still works afterwards, and one that was given back does not."""
    async with GitHubEmulator(root, apps=(app,)) as emulator, connect(emulator) as client:
        headers = {"authorization": f"Bearer {sign()}"}
        url = (await client.get(f"/repos/{REPOSITORY}/installation", headers=headers)).json()[
            "access_tokens_url"
        ]
        kept, gone = [(await client.post(url, headers=headers, json={})).json()["token"] for _ in range(2)]
        await client.delete("/installation/token", headers={"authorization": f"token {gone}"})

    async with GitHubEmulator(root, apps=(app,)) as emulator, connect(emulator) as client:
        statuses = [
            (
                await client.get(f"/repos/{REPOSITORY}", headers={"authorization": f"token {token}"})
            ).status_code
            for token in (kept, gone)
        ]

    assert statuses == [200, 401]


async def test_two_emulators_do_not_share_a_state_folder(root, emulator):
    """The second one is refused."""
    with pytest.raises(StateInUseError, match="another emulator"):
        GitHubEmulator(root)


@pytest.fixture
def start(root):
    """Start an emulator in a process of its own and return it with a client."""
    started = []

    def launch():
        command = [sys.executable, "-c", SERVE, str(root)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy())
        started.append(process)
        headers = {"authorization": "Bearer x", "x-github-api-version": "2026-03-10"}
        client = httpx2.Client(base_url=process.stdout.readline().strip(), headers=headers, trust_env=False)
        return process, client

    yield launch
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


async def test_a_killed_emulator_has_lost_its_runners(root, start, connect):
    """After a kill a run that was executing has failed, saying why, and one that waited for it goes on."""
    process, client = start()
    with client:
        dispatch = f"/repos/{REPOSITORY}/actions/workflows/slow.yml/dispatches"
        first, second = (
            client.post(dispatch, json={"ref": "main"}).json()["workflow_run_id"] for _ in range(2)
        )
        await until(lambda: _sleeps(process.pid))
        process.kill()
        process.wait()

    async with GitHubEmulator(root) as emulator, connect(emulator) as client:
        lost = await client.run(first)
        (job,) = await client.jobs(first)
        notes = (await client.get(f"{job['check_run_url']}/annotations")).json()
        await client.in_step(second)
        await client.post(f"{RUNS}/{second}/force-cancel")
        await emulator.idle()

    assert (lost["status"], lost["conclusion"]) == ("completed", "failure")
    assert {step["status"] for step in job["steps"]} == {"completed"}
    assert job["steps"][-1]["conclusion"] == "cancelled"
    assert notes[-1]["message"].startswith("The runner has received a shutdown signal.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopped_emulator_leaves_no_process_behind(start, number):
    """SIGTERM and Ctrl-C end the running steps too, and the status is 0."""
    process, client = start()
    with client:
        answer = client.post(
            f"/repos/{REPOSITORY}/actions/workflows/slow.yml/dispatches", json={"ref": "main"}
        )
        assert answer.status_code == 200
        await until(lambda: _sleeps(process.pid))
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        status = await asyncio.to_thread(process.wait, 15)

    assert status == 0
    await until(lambda: not any(child.is_running() for child in children))


def _sleeps(pid):
    """Whether the slow step has begun."""
    for child in psutil.Process(pid).children(recursive=True):
        try:
            if "60" in child.cmdline():
                return True
        except psutil.Error:
            continue
    return False
