import asyncio
import os
import signal
import sys
import time

import pytest

from engine.processes_seen import eventually, is_running
from perdure.engine.processes import ChildProcess, Program
from perdure.engine.supervisor import ProgramService, Supervisor
from perdure.errors import EngineError

SLEEPS = "import time; print('here', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"


def program(tmp_path, code, *, name="program", **options):
    return Program(
        name=name, command=[sys.executable, "-c", code], log_path=tmp_path / f"{name}.log", **options
    )


def service(tmp_path, code, **options):
    wanted = program(tmp_path, code, **options)

    async def is_ready(pid):
        return "here" in wanted.log_path.read_text()

    return ProgramService(wanted, is_ready=is_ready)


@pytest.fixture
async def supervisor():
    reports = []
    found = Supervisor(report=reports.append)
    found.reports = reports
    yield found
    await found.stop()


async def test_a_killed_process_runs_again_within_two_seconds(tmp_path, supervisor):
    """Nobody has to notice."""
    kept = service(tmp_path, SLEEPS)
    await supervisor.start(kept)
    first = kept.pid
    killed_at = time.monotonic()
    os.kill(first, signal.SIGKILL)
    while kept.pid == first or not is_running(kept.pid):
        assert time.monotonic() - killed_at < 2
        await asyncio.sleep(0.02)
    assert "killed by signal 9" in supervisor.reports[0]


async def test_services_stop_in_the_reverse_of_their_order(tmp_path, supervisor):
    """A worker ends before the server that it needs for that."""
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n    print(sys.argv[1], file=open({str(order)!r}, 'a')); sys.exit(0)\n"
        "signal.signal(15, end); print('here', flush=True)\n"
        "while True: time.sleep(60)\n"
    )
    for name in ("first", "second", "third"):
        one = program(tmp_path, code, name=name)
        object.__setattr__(one, "command", [*one.command, name])

        async def is_ready(pid, log=one.log_path):
            return "here" in log.read_text()

        await supervisor.start(ProgramService(one, is_ready=is_ready))
    await supervisor.stop()
    assert order.read_text().split() == ["third", "second", "first"]


async def test_one_that_cannot_run_says_why_with_its_log(tmp_path, supervisor):
    """What the process printed is in the message."""
    with pytest.raises(EngineError, match=r"(?s)ended with status 2.*no such setting"):
        await supervisor.start(service(tmp_path, "import sys; sys.exit(print('no such setting') or 2)"))


async def test_one_whose_settings_became_wrong_is_given_up(tmp_path, supervisor):
    """A process that reports wrong usage would only die again."""
    kept = service(tmp_path, "import signal, sys, time\nsignal.signal(15, lambda *_: sys.exit(2))\n" + SLEEPS)
    await supervisor.start(kept)
    os.kill(kept.pid, signal.SIGTERM)
    error = await asyncio.wait_for(supervisor.gives_up(), 5)
    assert "ended with status 2" in str(error)


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path):
    """Stopping always comes to an end."""
    from datetime import timedelta

    child = ChildProcess(program(tmp_path, DEAF, stop_timeout=timedelta(seconds=0.2)))
    child.start()
    assert eventually(lambda: "here" in child.log_tail())
    assert await child.stop() == -signal.SIGKILL


async def test_a_child_has_a_process_group_of_its_own(tmp_path):
    """Ctrl-C in the terminal reaches only the supervisor, which stops things in order."""
    child = ChildProcess(program(tmp_path, SLEEPS))
    child.start()
    try:
        assert os.getpgid(child.pid) == child.pid != os.getpgrp()
    finally:
        await child.stop()
    assert not is_running(child.pid)
