"""Schedules from the command line: what is printed, and what a person types next."""

import asyncio
import json

import pytest

from cli.local_processes import perdure
from cli.pipeline_files import write
from perdure.cli.pipeline import OverlapWord
from perdure.pipeline.scheduling import Overlap

pytestmark = pytest.mark.asyncio(loop_scope="module")

NIGHTLY = """
name: NAME
inputs: {version: {type: string, required: true}}
schedule:
  - {cron: '0 6 * * 1-5', timezone: Europe/Berlin, inputs: {version: '7'}}
  - {cron: '30 9 * * 7', inputs: {version: '8'}}
steps:
  build: {action: acme/library/release.yml, inputs: {version: '${{ inputs.version }}'}}
"""
SLOW = """
name: NAME
schedule: {cron: '0 0 1 1 *', timezone: America/New_York}
steps: {long: {wait: 1h}}
"""


def nightly(folder, name, text=NIGHTLY):
    return write(folder, **{name: text.replace("NAME", name)})


async def listed(scene, name):
    """Return the rows of a pipeline's schedules, once the server lists one."""
    async with asyncio.timeout(60):
        while True:
            run = await scene.run("schedule", "list")
            rows = [line.rstrip("\n").split("\t") for line in run.stdout]
            if mine := [row for row in rows if row[0].startswith(f"{name}/")]:
                return mine


async def test_a_file_is_scheduled_looked_at_triggered_and_deleted(scene, tmp_path):
    """The whole way of a person; data is on stdout, all else on stderr."""
    file = nightly(tmp_path, "whole")
    run = await scene.run("pipeline", "schedule", file)
    assert run.process.returncode == 0, run.output
    first, second = run.stdout
    assert first.startswith("whole/1: created, 0 6 * * 1-5 Europe/Berlin, next 20")
    assert " 06:00 CE" in first
    assert second.startswith("whole/2: created, 30 9 * * 7 UTC, next 20")

    triggered = await scene.run("schedule", "trigger", "whole/1")
    [line] = triggered.stdout
    assert line.startswith("pipeline/whole/scheduled-1-")
    watched = await scene.run("run", "watch", line.strip())
    assert watched.process.returncode == 0, watched.output
    shown = await scene.run("run", "show", line.strip())
    assert "state: succeeded" in "".join(shown.stdout)

    [row] = [row for row in await listed(scene, "whole") if row[0] == "whole/1"]
    assert row[2:6] == ["0 6 * * 1-5", "Europe/Berlin", line.strip(), "completed"]
    details = await scene.run("schedule", "show", "whole/1")
    text = "".join(details.stdout)
    assert "state: active\n" in text
    assert f"from {file}\n" in text
    assert "  version: 7\n" in text
    assert f"completed  {line}" in text

    deleted = await scene.run("schedule", "delete", "whole")
    assert "whole/1: deleted; what it has started goes on" in deleted.output
    gone = await scene.run("schedule", "show", "whole/1")
    assert gone.process.returncode == 2
    assert "error: there is no schedule 'whole/1'" in gone.output
    assert "hint: list them with: perdure schedule list" in gone.output


async def test_json_is_one_object_a_line(scene, tmp_path):
    """A program reads what was done, and what there is."""
    run = await scene.run("pipeline", "schedule", nightly(tmp_path, "program"), "--json")
    created = [json.loads(line) for line in run.stdout]
    assert [(one["name"], one["change"]) for one in created] == [
        ("program/1", "created"),
        ("program/2", "created"),
    ]
    shown = await scene.run("schedule", "show", "program/1", "--json")
    [one] = [json.loads(line) for line in shown.stdout]
    assert (one["digest"], one["paused"]) == (created[0]["digest"], False)
    assert one["next_at"][0].startswith(created[0]["next_at"][:4])
    await scene.run("schedule", "delete", "program")


async def test_what_changed_is_said_and_what_is_gone_is_removed(scene, tmp_path):
    """The same file again changes nothing."""
    file = nightly(tmp_path, "edited")
    await scene.run("pipeline", "schedule", file)
    again = await scene.run("pipeline", "schedule", file)
    assert [line.partition(",")[0] for line in again.stdout] == ["edited/1: unchanged", "edited/2: unchanged"]
    text = NIGHTLY.replace("0 6", "0 7").replace("  - {cron: '30 9 * * 7', inputs: {version: '8'}}\n", "")
    changed = await scene.run("pipeline", "schedule", nightly(tmp_path, "edited", text), "--catch-up", "2h")
    lines = "".join(changed.stdout).splitlines()
    assert lines[0].startswith("edited/1: updated, 0 7 * * 1-5 Europe/Berlin, next ")
    assert lines[1:] == [
        "  cron 0 6 * * 1-5 -> 0 7 * * 1-5",
        "  catch-up 3600 s -> 7200 s",
        "edited/2: removed",
    ]
    await scene.run("schedule", "delete", "edited")


async def test_a_paused_one_says_so_and_a_running_one_is_not_started_twice(scene, tmp_path):
    """With the reason of who paused it; a trigger that is skipped exits with 1."""
    await scene.run("pipeline", "schedule", nightly(tmp_path, "slow", SLOW))
    paused = await scene.run("schedule", "pause", "slow", "--note", "a freeze")
    assert "slow/1: paused; what it has started goes on" in paused.output
    shown = await scene.run("schedule", "show", "slow")
    assert ": a freeze)" in "".join(shown.stdout)
    resumed = await scene.run("schedule", "resume", "slow")
    assert " 00:00 EST" in resumed.output
    started = await scene.run("schedule", "trigger", "slow")
    skipped = await scene.run("schedule", "trigger", "slow")
    assert (skipped.process.returncode, skipped.stdout) == (1, [])
    assert "error: slow/1: skipped, as the pipeline that it started last still runs" in skipped.output
    await scene.run("schedule", "delete", "slow")
    await scene.run("run", "cancel", started.stdout[0].strip())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NIGHTLY.replace("Europe/Berlin", "Europe/Berln"), ":5:37: unknown time zone 'Europe/Berln'"),
        (NIGHTLY.replace("version: '7'", "verison: '7'"), "unknown input; did you mean version?"),
        (NIGHTLY.replace("0 6 * * 1-5", "0 6 * *"), "'0 6 * *' is no cron expression"),
        (NIGHTLY.replace("schedule:", "vars:\n  was:"), "has no schedule"),
    ],
    ids=["zone", "input", "cron", "none"],
)
async def test_what_is_wrong_with_the_file_is_said_before_anything_changes(tmp_path, text, said):
    """With file, line and column; no engine is needed for it."""
    async with perdure("pipeline", "schedule", nightly(tmp_path, "wrong", text), cwd=tmp_path) as run:
        assert await run.ends() == 2
    assert said in run.output
    assert "Traceback" not in run.output


async def test_the_words_for_overlaps_are_the_engines():
    """The command line has its own, for it must not import the models before it answers --help."""
    assert [one.value for one in OverlapWord] == [one.value for one in Overlap]
