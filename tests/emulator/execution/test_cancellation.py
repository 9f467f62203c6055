"""Cancelling: what still runs, how fast, and that nothing survives."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from perdure.emulator.execution import ExecutionSettings
from perdure.emulator.execution.sandbox import available_isolation


def on_line(text, act):
    done = []

    def look(line):
        if line == text and not done:
            done.append(line)
            asyncio.get_running_loop().call_soon(act)

    return look


def prepared(runner, text, trigger, **changes):
    execution = runner.prepare(text, **changes)
    runner.recorder.on_log = on_line(trigger, execution.cancel)
    return execution


def processes_named(mark):
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "cmdline").read_bytes():
                found.append(folder.name)
    return found


async def until(holds):
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def until_gone(mark):
    await until(lambda: not processes_named(mark))


async def test_a_cancelled_run_still_does_what_always_runs(runner):
    """The running step is stopped, later ones are skipped, and `always()` and `cancelled()` still run."""
    execution = prepared(
        runner,
        """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - run: echo ready; sleep 60
              - run: echo never
              - {if: cancelled(), run: echo cancelled}
              - {if: always(), run: 'echo "always ${{ job.status }}"'}
              - {if: failure(), run: echo failed}
          b: {needs: a, runs-on: x, steps: [{run: 'true'}]}
          c: {needs: a, if: always(), runs-on: x, steps: [{run: 'echo ${{ needs.a.result }}'}]}
        """,
        "ready",
    )
    assert await execution.run() == "cancelled"
    seen = runner.recorder
    assert seen.ends == {"a": "cancelled", "b": "skipped", "c": "success"}
    ends = [seen.step_ends["a"][number] for number in range(2, 7)]
    assert ends == ["cancelled", "skipped", "success", "success", "skipped"]
    assert seen.log_of("a", 2)[-1] == "##[error]The operation was canceled."
    assert seen.printed("a", 5) == ["always cancelled"]
    assert seen.printed("c", 2) == ["cancelled"]


async def test_a_step_that_always_runs_is_not_interrupted(runner):
    """A running step whose condition holds in a cancelled job goes on to its end."""
    execution = prepared(
        runner,
        """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - {if: always(), run: echo ready; sleep 0.5; echo done}
              - run: echo never
        """,
        "ready",
    )
    assert await execution.run() == "cancelled"
    assert runner.recorder.step_ends["a"][2] == "success"
    assert runner.recorder.printed("a", 2) == ["ready", "done"]
    assert runner.recorder.step_ends["a"][3] == "skipped"


async def test_a_script_may_clean_up_when_interrupted(runner):
    """The step's own process gets SIGINT first, and SIGTERM only after the wait."""
    execution = prepared(
        runner,
        """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - shell: python -u {0}
                run: |
                  import signal, sys, time
                  def stop(number, frame):
                      print("got", signal.Signals(number).name)
                      if number == signal.SIGTERM:
                          sys.exit(0)
                  signal.signal(signal.SIGINT, stop)
                  signal.signal(signal.SIGTERM, stop)
                  print("ready")
                  while True:
                      time.sleep(0.05)
        """,
        "ready",
    )
    assert await execution.run() == "cancelled"
    assert runner.recorder.printed("a", 2)[:3] == ["ready", "got SIGINT", "got SIGTERM"]


async def test_cancelling_kills_the_whole_tree(runner):
    """Processes that ignore signals, hide in the background or leave their session do not survive."""
    mark = "7531.25"
    execution = prepared(
        runner,
        f"""
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - run: |
                  trap '' INT TERM
                  sleep {mark} &
                  setsid sleep {mark} &
                  (trap '' INT TERM HUP; setsid sh -c 'sleep {mark}; true' > /dev/null 2>&1 &)
                  echo ready
                  sleep {mark}
        """,
        "ready",
    )
    assert await execution.run() == "cancelled"
    await until_gone(mark)


async def test_nothing_survives_a_job_that_succeeds(runner):
    """What a step leaves in the background lives on in later steps and ends with the job."""
    mark = "8642.25"
    conclusion = await runner.run(
        f"""
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - run: nohup setsid sleep {mark} > /dev/null 2>&1 &
              - run: pgrep -f '[s]leep {mark}' > /dev/null && echo alive
        """
    )
    assert conclusion == "success"
    assert runner.recorder.printed("a", 3) == ["alive"]
    await until_gone(mark)


async def test_force_kills_at_once(runner):
    """By force nothing more runs, not even what always runs, and no signal is waited for."""
    settings = ExecutionSettings(pick_up_delay=(0, 0), network=False, cancel_waits=(60, 60))
    execution = runner.prepare(
        """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - run: trap '' INT TERM; echo ready; sleep 60
              - {if: always(), run: echo never}
          b: {needs: a, if: always(), runs-on: x, steps: [{run: 'true'}]}
        """,
        settings=settings,
    )

    def cancel():
        execution.cancel()
        asyncio.get_running_loop().call_later(0.1, lambda: execution.cancel(force=True))

    runner.recorder.on_log = on_line("ready", cancel)
    started = time.monotonic()
    assert await execution.run() == "cancelled"
    assert time.monotonic() - started < 5
    assert runner.recorder.step_ends["a"][3] == "skipped"
    assert runner.recorder.ends == {"a": "cancelled", "b": "cancelled"}


async def test_jobs_that_wait_are_cancelled_without_starting(runner):
    """A run that is cancelled while queued ends at once and never starts a job."""
    settings = ExecutionSettings(pick_up_delay=(60, 60), network=False)
    execution = runner.prepare(
        "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}", settings=settings
    )
    task = asyncio.create_task(execution.run())
    await until(lambda: ("queued", "a") in runner.recorder.events)
    execution.cancel()
    assert await task == "cancelled"
    assert runner.recorder.ends == {"a": "cancelled"}
    assert ("started", "a") not in runner.recorder.events


async def test_a_run_cancelled_before_it_starts_runs_nothing(runner):
    """A cancel that comes before the run is obeyed when it comes."""
    execution = runner.prepare("on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}")
    execution.cancel()
    assert await execution.run() == "cancelled"
    assert ("started", "a") not in runner.recorder.events


async def test_a_composite_action_is_cancelled_with_its_step(runner):
    """Steps inside a composite action are stopped as the step around them is."""
    execution = prepared(
        runner,
        """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            steps:
              - run: |
                  mkdir act; cat > act/action.yml <<'END'
                  runs:
                    using: composite
                    steps:
                      - {shell: bash, run: echo ready; sleep 60}
                      - {shell: bash, run: echo never}
                  END
              - uses: ./act
        """,
        "ready",
    )
    assert await execution.run() == "cancelled"
    assert runner.recorder.step_ends["a"][3] == "cancelled"
    assert "never" not in runner.recorder.log_of("a", 3)


async def test_ending_the_task_kills_everything(runner):
    """When the task that runs it is cancelled, as at shutdown, no process stays."""
    mark = "9753.25"
    execution = runner.prepare(
        f"on: workflow_dispatch\njobs: {{a: {{runs-on: x, steps: [{{run: 'echo ready; sleep {mark}'}}]}}}}"
    )
    task = asyncio.create_task(execution.run())
    await until(lambda: "ready" in runner.recorder.log_of("a", 2))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await until_gone(mark)
    assert not list((runner.folder / "run-1" / "jobs").iterdir())


DOOMED = """
import asyncio, importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("recording", sys.argv[1])
recording = importlib.util.module_from_spec(spec)
sys.modules["recording"] = recording
spec.loader.exec_module(recording)
folder = pathlib.Path(sys.argv[2])
runner = recording.Runner(folder=folder, repository_dir=folder)
asyncio.run(runner.run(sys.argv[3]))
"""


def started_elsewhere(folder, text):
    conftest = Path(__file__).with_name("conftest.py")
    return subprocess.Popen(
        [sys.executable, "-c", DOOMED, str(conftest), str(folder), text],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        start_new_session=True,
    )


@pytest.mark.skipif(
    not available_isolation().files, reason="`unshare --user --mount --pid` is not allowed here"
)
async def test_nothing_survives_the_emulator(tmp_path):
    """When the emulator itself is killed, the kernel ends what its steps had started."""
    mark = "6420.25"
    text = f"on: workflow_dispatch\njobs: {{a: {{runs-on: x, steps: [{{run: 'setsid sleep {mark}'}}]}}}}"
    doomed = started_elsewhere(tmp_path, text)
    try:
        await until(lambda: processes_named(f"sleep\0{mark}"))
    finally:
        doomed.kill()
        doomed.wait()
    await until_gone(f"sleep\0{mark}")
