import json
import signal
import time

import pytest

from cli.local_processes import until
from cli.scenes import REPOSITORY

pytestmark = pytest.mark.asyncio(loop_scope="module")

RELEASE = ("action", "run", REPOSITORY, "release.yml", "-f", "version=1.2")


async def test_a_run_is_followed_to_its_end_and_its_outputs_are_printed(scene):
    """Data on stdout, everything else on stderr, exit status 0."""
    run = await scene.run(*RELEASE)
    assert run.process.returncode == 0, run.output
    [dispatched] = [each for each in scene.emulator.runs if each.inputs["version"] == "1.2"]
    lines = "".join(run.stdout).splitlines()
    assert lines[0] == "conclusion: success"
    assert lines[1].endswith(f"/{REPOSITORY}/actions/runs/{dispatched.id}")
    assert lines[2] == f"dispatch id: {dispatched.inputs['dispatch_id']}"
    assert lines[-2:] == ["outputs:", "  tag: v1.2"]
    assert "started action/acme/library/release.yml/" in run.output
    assert "release.yml @ main: done, completed success" in "".join(run.stderr)


async def test_json_is_one_object_on_stdout(scene):
    """A program reads the result, and never has to look at stderr."""
    run = await scene.run(*RELEASE, "--json")
    [line] = run.stdout
    result = json.loads(line)
    assert (result["conclusion"], result["outputs"]) == ("success", {"tag": "v1.2"})
    assert result["id"].startswith("action/acme/library/release.yml/")


async def test_a_failure_shows_what_failed_and_exits_with_1(scene):
    """Conclusion, address, failed job and step, and the end of the log are at hand."""
    run = await scene.run(*RELEASE, "-f", "exit=3")
    assert run.process.returncode == 1
    shown = "".join(run.stdout)
    assert "conclusion: failure\n" in shown
    assert "failed jobs:\n  build, step 'Test'  http" in shown
    assert "end of the log:\n" in shown
    assert "tested 1.2" in shown
    assert "error: the run's conclusion is failure" in "".join(run.stderr)
    assert "Traceback" not in run.output


async def test_the_same_id_attaches_and_never_starts_twice(scene):
    """A CI job that is retried dispatches nothing again."""
    before = scene.dispatched
    first = await scene.run(*RELEASE, "--id", "once")
    second = await scene.run(*RELEASE, "--id", "once")
    assert (first.process.returncode, second.process.returncode) == (0, 0)
    assert scene.dispatched == before + 1
    assert first.stdout == second.stdout
    assert "attached to action/once, started 20" in second.output
    assert "another --id runs it again" in second.output


async def test_the_same_id_for_something_else_is_refused(scene):
    """An id means one release: other inputs need another id."""
    await scene.run(*RELEASE, "--id", "taken")
    before = scene.dispatched
    run = await scene.run("action", "run", REPOSITORY, "release.yml", "-f", "version=9", "--id", "taken")
    assert run.process.returncode == 2
    assert "error: the id 'taken' was used before" in run.output
    assert scene.dispatched == before


async def test_ctrl_c_leaves_it_running_and_says_how_to_go_on(scene):
    """Whoever stops waiting has stopped nothing; status 3 tells a script so."""
    async with scene.start(*RELEASE, "-f", "wait=5", "--id", "interrupted") as run:
        await run.says("running, waiting on GitHub")
        run.process.send_signal(signal.SIGINT)
        assert await run.ends() == 3
    assert run.stdout == []
    assert "watch it:   perdure run watch action/interrupted" in run.output
    shown = await scene.run("run", "show", "interrupted", "--exit-status", "--json")
    assert shown.process.returncode == 3
    assert json.loads(shown.stdout[0])["state"] == "running"
    watched = await scene.run("run", "watch", "interrupted", "--json")
    assert watched.process.returncode == 0
    *progress, end = (json.loads(line) for line in watched.stdout)
    assert progress[-1]["stage"] == "done"
    assert end["conclusion"] == "success"


async def test_a_wait_that_is_over_exits_with_3_and_the_action_goes_on(scene):
    """--timeout limits this command's patience, not the action."""
    run = await scene.run(*RELEASE, "-f", "wait=2", "--id", "patience", "--timeout", "500ms")
    assert run.process.returncode == 3
    assert "not ended in time: action/patience goes on without this command" in run.output
    watched = await scene.run("run", "watch", "patience")
    assert watched.process.returncode == 0


async def test_detach_prints_the_id_alone(scene):
    """The id can be kept in a variable."""
    run = await scene.run(*RELEASE, "--detach", "--id", "detached")
    assert (run.process.returncode, run.stdout) == (0, ["action/detached\n"])
    again = await scene.run(*RELEASE, "--detach", "--id", "detached", "--json")
    assert json.loads(again.stdout[0]) == {"id": "action/detached", "started": False}
    assert (await scene.run("run", "watch", "detached")).process.returncode == 0


async def test_cancelling_reaches_github(scene):
    """The run is cancelled where it runs, and whoever waits is told."""
    async with scene.start(*RELEASE, "-f", "wait=60", "--id", "cancelled") as waiting:
        await waiting.says("running, waiting on GitHub")
        not_held = await scene.run("run", "resolve", "cancelled", "redispatch")
        assert not_held.process.returncode == 2
        assert "error: the action's dispatch is not held" in not_held.output
        assert (await scene.run("run", "cancel", "cancelled")).process.returncode == 0
        assert await waiting.ends(within=60) == 1
    assert "error: the action was cancelled" in waiting.output
    [run] = [each for each in scene.emulator.runs if each.id == scene.emulator.runs[-1].id]
    await until(lambda: run.conclusion == "cancelled")
    late = await scene.run("run", "cancel", "cancelled")
    assert late.process.returncode == 2
    assert "action/cancelled has ended already" in late.output


async def test_lists_filter_by_repository_and_status(scene):
    """One line an action: the running ones first, tabs between the columns, or JSON."""
    await scene.run(*RELEASE, "--id", "listed")
    await scene.run(*RELEASE, "--id", "listed-too", "-f", "exit=1")
    # What was just written takes a moment to be found.
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        run = await scene.run("run", "list", "-R", REPOSITORY, "-s", "failed")
        if "action/listed-too\tfailed\tacme/library\trelease.yml\t" in "".join(run.stdout):
            break
    assert "action/listed-too\tfailed\tacme/library\trelease.yml\t" in "".join(run.stdout)
    assert "action/listed\t" not in "".join(run.stdout)
    as_json = await scene.run("run", "list", "--json", "--limit", "1", "--repository", "acme/")
    [line] = as_json.stdout
    assert json.loads(line)["repository"].startswith("acme/")
    none = await scene.run("run", "list", "-R", "acme/other")
    assert (none.process.returncode, none.stdout) == (0, [])


async def test_show_says_how_it_ended(scene):
    """Everything about one action, for people and as JSON."""
    await scene.run(*RELEASE, "--id", "shown", "-f", "exit=1")
    run = await scene.run("run", "show", "shown")
    assert run.process.returncode == 0
    for text in ("id: action/shown", "state: failed", "conclusion: failure", "  version: 1.2", "notes:"):
        assert text in run.output
    strict = await scene.run("run", "show", "shown", "--exit-status", "--json")
    assert strict.process.returncode == 1
    shown = json.loads(strict.stdout[0])
    assert shown["error"]["type"] == "GitHubActionConclusionError"
    assert shown["progress"]["stage"] == "done"


async def test_logs_are_those_of_the_run(scene):
    """Every job's log with its name before each line, or one job's alone."""
    await scene.run(*RELEASE, "--id", "logged", "-f", "exit=1")
    both = await scene.run("run", "logs", "logged")
    assert "build\ttested 1.2\n" in both.stdout
    assert "docs\tdocumented\n" in both.stdout
    failed = await scene.run("run", "logs", "logged", "--failed")
    assert "tested 1.2\n" in failed.stdout
    assert "documented\n" not in failed.stdout
    wrong = await scene.run("run", "logs", "logged", "--job", "deploy")
    assert wrong.process.returncode == 2
    assert "hint: its jobs are 'build', 'docs'" in wrong.output


async def test_a_dispatch_that_is_held_is_decided_by_a_person(scene):
    """The answer is lost, no run shows up, the policy is to ask: resolve decides once."""
    scene.emulator.faults.fail_next("POST", "/dispatches")
    before = scene.dispatched
    async with scene.start(*RELEASE, "--id", "held", "--on-ambiguity", "hold") as run:
        await run.says("held, waiting on a person's decision", within=30)
        assert scene.dispatched == before
        decided = await scene.run("run", "resolve", "held", "redispatch")
        assert decided.process.returncode == 0, decided.output
        assert await run.ends(within=30) == 0, run.output
    assert scene.dispatched == before + 1
    late = await scene.run("run", "resolve", "held", "fail")
    assert late.process.returncode == 2
    assert "has ended already" in late.output


@pytest.mark.parametrize("command", ["show", "watch", "cancel", "logs", "resolve"])
async def test_an_id_that_nobody_knows_is_wrong_usage(scene, command):
    """A misspelled id is said to be unknown, with the command that lists the known ones."""
    run = await scene.run("run", command, "nowhere", *(["fail"] if command == "resolve" else []))
    assert run.process.returncode == 2
    assert run.stderr[0] == "error: there is no action 'action/nowhere'\n"
    assert "hint: list them with: perdure run list\n" in run.stderr
