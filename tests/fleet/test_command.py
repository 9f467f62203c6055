"""``perdure fleet``, as people run it."""

import asyncio
import json

import pytest
from temporalio.client import Client

from cli.conftest import scene
from fleet.work import desk_worker
from perdure.engine.connection import connect_local

__all__ = ["scene"]

FLEET = """
name: nightly
items: {file: items.txt}
workflow: FleetTestChild
task-queue: QUEUE
max-parallel: 5
failure-threshold: THRESHOLD
"""


@pytest.fixture
async def client(temporal_server) -> Client:
    return await connect_local(temporal_server.address)


@pytest.fixture
def write(tmp_path):
    """Write a fleet file with its items."""

    def written(queue, *items, threshold="25%"):
        (tmp_path / "items.txt").write_text("# the list\n\n" + "\n".join(items) + "\n")
        file = tmp_path / "fleet.yaml"
        file.write_text(FLEET.replace("QUEUE", queue).replace("THRESHOLD", threshold))
        return str(file)

    return written


async def test_a_fleet_is_run_shown_reported_and_retried(scene, client, write, tmp_path):
    """One session: what failed is named, reported in three ways, and started anew."""
    async with desk_worker(client, "desk-session") as desk:
        file = write("desk-session", "acme/one", "bad-two", "acme/three", "acme/four")
        run = await scene.run("fleet", "run", file, "--id", "session")
        assert run.process.returncode == 0, run.output
        assert "started fleet/nightly/session" in "".join(run.stderr)
        out = "".join(run.stdout)
        assert "conclusion: partial\nitems: 4\nsucceeded: 3\nfailed: 1\n" in out
        assert "  failed: bad-two: bad-two is bad" in out

        again = await scene.run("fleet", "run", file, "--id", "session")
        assert "attached to fleet/nightly/session" in "".join(again.stderr)
        assert desk.done.total() == 3

        shown, listed, table, page = await asyncio.gather(
            scene.run("fleet", "show", "nightly/session"),
            scene.run("fleet", "list", "--json", "--limit", "200"),
            scene.run("fleet", "report", "nightly/session", "--failed"),
            scene.run("fleet", "report", "nightly/session", "--json", "--html", str(tmp_path / "r.html")),
        )
        assert "state: partial" in "".join(shown.stdout)
        ids = {json.loads(line)["id"]: json.loads(line)["status"] for line in listed.stdout}
        assert ids["fleet/nightly/session"] == "completed"
        assert [line.split("\t")[:2] for line in table.stdout] == [["bad-two", "failed"]]
        report = json.loads("".join(page.stdout))
        assert [one["key"] for one in report["results"]] == ["acme/one", "bad-two", "acme/three", "acme/four"]
        assert "bad-two" in (tmp_path / "r.html").read_text()

        retried = await scene.run("fleet", "retry", "nightly/session", "--json")
        assert retried.process.returncode == 1, retried.output
        assert json.loads("".join(retried.stdout))["id"] == "fleet/nightly/session-retry-1"
        assert "more than the fleet tolerates" in "".join(retried.stderr)
        assert desk.order.count("bad-two") == 2


async def test_a_running_fleet_is_paused_resumed_and_cancelled(scene, client, write):
    """Each command says what it asked for, and what has ended is not steered any more."""
    async with desk_worker(client, "desk-steer") as desk:
        desk.gate.clear()
        file = write("desk-steer", *(f"item-{number}" for number in range(9)))
        run = await scene.run("fleet", "run", file, "--id", "steer", "--detach")
        assert "".join(run.stdout) == "fleet/nightly/steer\n"
        assert "perdure fleet watch fleet/nightly/steer" in "".join(run.stderr)
        paused = await scene.run("fleet", "pause", "nightly/steer")
        assert "begin no more items" in "".join(paused.stderr)
        shown = await scene.run("fleet", "show", "nightly/steer", "--json")
        assert json.loads("".join(shown.stdout))["progress"]["paused"] is True
        await scene.run("fleet", "resume", "nightly/steer")
        cancelled = await scene.run("fleet", "cancel", "nightly/steer")
        assert cancelled.process.returncode == 0, cancelled.output
        watched = await scene.run("fleet", "watch", "nightly/steer")
        assert watched.process.returncode == 1, watched.output
        assert "the fleet was cancelled" in "".join(watched.stderr)
        late = await scene.run("fleet", "pause", "nightly/steer")
        assert late.process.returncode == 2
        assert "has ended already" in "".join(late.stderr)


async def test_mistakes_are_told_before_anything_is_started(scene, write, tmp_path):
    """A broken file, a missing one, a queue that nobody polls, a fleet that nobody knows."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: x\nitems: [a]\nworkflw: W\ntier: gold\norganization: acme\n")
    twice = write("nobody-polls", "acme/one", "acme/one")
    found = await asyncio.gather(
        scene.run("fleet", "run", str(broken)),
        scene.run("fleet", "check", str(broken), str(tmp_path / "none.yaml")),
        scene.run("fleet", "run", twice),
        scene.run("fleet", "show", "nobody/knows"),
    )
    assert [run.process.returncode for run in found] == [2, 2, 2, 2]
    said = ["".join(run.stderr) for run in found]
    assert f"{broken}:3:1: unknown key 'workflw'; did you mean workflow?" in said[0]
    assert f"{broken}:4:7: must be starter, pro or enterprise, not 'gold'" in said[0]
    assert "none.yaml cannot be read" in said[1]
    assert "item 2, 'acme/one', is there twice" in said[2]
    assert "there is no fleet 'fleet/nobody/knows'" in said[3]
    alone = await scene.run("fleet", "run", write("nobody-polls", "acme/one"))
    assert alone.process.returncode == 4
    assert "no worker polls the task queue 'nobody-polls'" in "".join(alone.stderr)
    assert "correct task-queue" in "".join(alone.stderr)


@pytest.mark.parametrize(
    ("name", "text", "items"),
    [
        ("a.txt", "# x\nacme/one\n\n acme/two \n", ["acme/one", "acme/two"]),
        ("a.csv", "name,size\none,3\ntwo,4\n", [{"name": "one", "size": "3"}, {"name": "two", "size": "4"}]),
        ("a.json", '["a", {"id": 2}]', ["a", {"id": 2}]),
        ("a.jsonl", '{"id": 1}\n\n{"id": 2}\n', [{"id": 1}, {"id": 2}]),
    ],
)
def test_items_are_read_from_the_files_that_people_have(tmp_path, name, text, items):
    """Lines, tables and JSON."""
    from perdure.cli._fleet_files import read_sources

    (tmp_path / name).write_text(text)
    file = tmp_path / "fleet.yaml"
    file.write_text(f"name: x\nitems: {{file: {name}}}\nworkflow: W\n")
    assert read_sources(str(file)).items == items


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.txt", "# nothing\n", "holds no items"),
        ("a.json", '["a",\n ]', "a.json:2:2: not JSON"),
        ("a.json", "{}", "a.json:1:1: must be a list of items"),
        ("a.jsonl", '{"id": 1}\n{"id": }\n', "a.jsonl:2:8: not JSON"),
        ("a.xml", "<a/>", "items are read from .txt, .csv, .json, .jsonl"),
    ],
)
def test_a_file_of_items_that_cannot_be_read_is_told(tmp_path, name, text, said):
    """With the line where there is one."""
    from perdure.cli._fleet_files import read_sources
    from perdure.errors import UsageError

    (tmp_path / name).write_text(text)
    file = tmp_path / "fleet.yaml"
    file.write_text(f"name: x\nitems: {{file: {name}}}\nworkflow: W\n")
    with pytest.raises(UsageError) as caught:
        read_sources(str(file))
    assert said in str(caught.value)
