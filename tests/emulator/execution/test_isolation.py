"""What steps cannot reach: the emulator's environment, the network, other repositories."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest

from perdure.emulator.execution import ExecutionSettings
from perdure.emulator.execution.sandbox import Isolation, available_isolation

NETWORK = pytest.mark.skipif(
    not available_isolation().network, reason="`unshare --user --net` is not allowed on this machine"
)
FILES = pytest.mark.skipif(
    not available_isolation().files, reason="`unshare --user --mount --pid` is not allowed on this machine"
)


def job(*scripts):
    steps = "".join(
        "      - run: |\n" + "".join(f"          {line}\n" for line in script.strip().splitlines())
        for script in scripts
    )
    return f"on: workflow_dispatch\njobs:\n  a:\n    runs-on: x\n    steps:\n{steps}"


async def test_steps_inherit_nothing(runner, monkeypatch):
    """No variable of the emulator reaches a step, least of all a credential."""
    monkeypatch.setenv("GITHUB_TOKEN", "canary-token")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    await runner.run(
        job("env\ncat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' | grep canary || echo nothing")
    )
    printed = runner.recorder.printed("a", 2)
    names = {line.partition("=")[0] for line in printed if "=" in line}
    allowed = {"PATH", "HOME", "LANG", "TMPDIR", "CI", "PWD", "SHLVL", "_"}
    assert {name for name in names if not name.startswith(("GITHUB_", "RUNNER_"))} <= allowed
    assert "GITHUB_TOKEN" not in names
    if available_isolation().files:
        assert printed[-1] == "nothing"


async def test_steps_have_a_home_and_temporary_folders_of_their_own(runner):
    """Home and temporary folders lie within the job's folder and are gone after it."""
    await runner.run(job('echo x > "$HOME/f"; echo y > "$RUNNER_TEMP/g"; echo z > "$TMPDIR/h"\necho "$HOME"'))
    home = runner.recorder.printed("a", 2)[0]
    assert home.startswith(str(runner.folder))
    assert not (runner.folder / "run-1" / "jobs" / "1").exists()


@NETWORK
async def test_steps_have_no_network(runner):
    """A step cannot reach even a server on this machine, but its own loopback works."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text = job(
            f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo reached || echo refused",
            'python3 -c \'import socket as s; a=s.create_server(("127.0.0.1",0)); '
            'b=s.create_connection(a.getsockname()); print("own loopback")\'',
        )
        await runner.run(text)
        assert runner.recorder.printed("a", 2) == ["refused"]
        assert runner.recorder.printed("a", 3) == ["own loopback"]
        settings = ExecutionSettings(pick_up_delay=(0, 0), network=True)
        await runner.run(text, settings=settings)
        assert runner.recorder.printed("a", 2) == ["reached"]


@NETWORK
async def test_steps_share_their_jobs_network(runner):
    """A server that one step leaves in the background answers the next."""
    await runner.run(
        job(
            "python3 -m http.server 18080 --bind 127.0.0.1 > /dev/null 2>&1 &",
            "for i in $(seq 100); do\n"
            "  (exec 3<>/dev/tcp/127.0.0.1/18080) 2>/dev/null && break; sleep 0.05\n"
            "done\n"
            "exec 3<>/dev/tcp/127.0.0.1/18080 && echo answered",
        )
    )
    assert runner.recorder.printed("a", 3)[-1] == "answered"


@FILES
async def test_steps_can_write_nothing_but_their_own(runner):
    """Even by a known path a step cannot see the served repositories, nor write beside its job's folder."""
    served = runner.repository_dir.parent.parent
    (served / "other").mkdir()
    (served / "other" / "secret").write_text("secret")
    outside = runner.folder / "outside"
    outside.mkdir()
    settings = ExecutionSettings(pick_up_delay=(0, 0), network=False, hidden=(served,))
    await runner.run(
        job(
            f"""
cat {served}/other/secret || echo unseen
touch {served}/octo/example/x || echo unwritten
touch {outside}/x || echo untouched
touch /usr/x || echo read-only
umount {served} || echo locked
mount -o remount,rw / || echo locked
touch /tmp/mine && echo private
ls /tmp/.. > /dev/null && echo root
""".replace(" || ", " 2>/dev/null || ")
        ),
        settings=settings,
    )
    printed = runner.recorder.printed("a", 2)
    assert printed == ["unseen", "unwritten", "untouched", "read-only", "locked", "locked", "private", "root"]
    assert not list(outside.iterdir())
    assert "mine" not in os.listdir("/tmp")


@FILES
async def test_steps_do_not_see_the_users_home(runner, monkeypatch):
    """Keys and settings in the emulator's user's home are out of sight, even where jobs run in it."""
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id").write_text("key")
    (home / ".netrc").write_text("password")
    monkeypatch.setenv("HOME", str(home))
    try:
        await runner.run(
            job(f"cat {home}/.ssh/id {home}/.netrc || echo unseen\ntouch x && ls -A {home}"),
            work_dir=home / "data",
        )
    finally:
        shutil.rmtree(home)
    assert runner.recorder.printed("a", 2)[-2:] == ["unseen", "data"]


@FILES
async def test_steps_see_no_process_but_theirs(runner):
    """A step can neither see nor signal the emulator."""
    pid = os.getpid()
    await runner.run(
        job(f"ls /proc | grep -x {pid} || echo unseen\nkill -0 {pid} 2>/dev/null || echo unharmed")
    )
    assert runner.recorder.printed("a", 2) == ["unseen", "unharmed"]


@pytest.mark.parametrize("network", [True, False])
async def test_what_cannot_be_had_is_said(runner, monkeypatch, network):
    """Without namespaces jobs run all the same, and the log of their set-up says what is missing."""
    monkeypatch.setattr(
        "perdure.emulator.execution.sandbox.available_isolation",
        lambda: Isolation(network=network and available_isolation().network, files=False),
    )
    conclusion = await runner.run(
        job("echo hi > $TMPDIR/f; cat $TMPDIR/f; setsid sleep 4321.5 > /dev/null 2>&1 &")
    )
    log = "\n".join(runner.recorder.log_of("a", 1))
    assert conclusion == "success"
    assert runner.recorder.printed("a", 2) == ["hi"]
    assert "##[warning]Steps can see and write what this user can" in log
    if not network:
        assert "##[warning]Steps can reach the network" in log
