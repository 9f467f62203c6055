"""``perdure pipeline`` on files: what it prints where, and how it exits."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from perdure.cli import app

EXAMPLE = Path(__file__).parents[2] / "examples" / "release" / "pipeline.yaml"


def run(*arguments, stdin=None):
    return CliRunner().invoke(app, ["pipeline", *map(str, arguments)], input=stdin)


def test_a_right_file_exits_with_0():
    """One line on stdout says what was checked."""
    answer = run("check", EXAMPLE)
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout == f"{EXAMPLE}: release, 6 steps, no mistakes\n"


def test_mistakes_are_told_for_all_files_and_exit_with_2(tmp_path):
    """Each is file:line:column: message on stderr, as editors and CI systems read it."""
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("name: p\nsteps:\n  a: {wait: soon, needs: b}\n")
    second.write_text("name: p\nsteps:\n  a: {wait: 1m}\nfoo: 1\n")
    answer = run("check", first, EXAMPLE, second)
    assert answer.exit_code == 2
    assert answer.stdout == f"{EXAMPLE}: release, 6 steps, no mistakes\n"
    lines = answer.stderr.splitlines()
    assert lines[0] == f"{first}:3:13: 'soon' is not a duration: write 30s, 30m, 1h30m or 2d"
    assert lines[1].startswith(f"{second}:4:1: unknown key 'foo': allowed are name, ")
    assert len(lines) == 2


def test_mistakes_as_json_are_one_object(tmp_path):
    """A program reads places and messages, and the exit status is the same."""
    path = tmp_path / "p.yaml"
    path.write_text("steps: {}\n")
    answer = run("check", path, "--json")
    assert (answer.exit_code, answer.stderr) == (2, "")
    found = json.loads(answer.stdout)
    assert found["ok"] is False
    assert found["problems"][0] == {"file": str(path), "line": 1, "column": 1, "message": "name is missing"}
    assert json.loads(run("check", EXAMPLE, "--json").stdout) == {"ok": True, "problems": []}


def test_the_files_that_steps_run_are_checked_too(tmp_path):
    """Each mistake is said once, also where a file is named as well; what is right is counted."""
    parent, child = tmp_path / "parent.yaml", tmp_path / "child.yaml"
    parent.write_text("name: p\nsteps: {a: {pipeline: child.yaml, inputs: {x: 1}}}\n")
    child.write_text("name: c\nsteps: {a: {needs: b, wait: 1s}}\n")
    answer = run("check", parent, child)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr.splitlines() == [
        f"{parent}:2:44: child.yaml takes no input 'x': it takes no inputs",
        f"{child}:2:20: unknown step 'b': the steps are a",
    ]
    child.write_text("name: c\ninputs: {x: integer}\nsteps: {a: {wait: 1s}}\n")
    answer = run("check", parent)
    assert (answer.exit_code, answer.stdout) == (0, f"{parent}: p, 1 step, 1 pipeline below, no mistakes\n")


def test_stdin_is_a_file_too():
    """A file that is made by another program needs no place."""
    answer = run("check", "-", stdin="name: p\n")
    assert (answer.exit_code, answer.stderr) == (2, "<stdin>:1:1: steps is missing\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name: p\n\xff\xfe", ":2:1: the file is not UTF-8 text"),
        ("é".encode() * 200_000, ":1:1: the file is larger than 256 kB, the most that is read"),
        (b"", ":1:1: the file is empty: begin with name: and steps:"),
        (
            b"name: \x1b[31mred\nsteps: {a: {wait: 1m}}\n",
            ":1:7: not YAML: a character that no text file holds",
        ),
    ],
)
def test_what_is_no_pipeline_file_is_refused(tmp_path, content, message):
    """Whatever the file holds, there is one line about it and no traceback."""
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    answer = run("check", path)
    assert (answer.exit_code, answer.stderr) == (2, f"{path}{message}\n")


def test_a_file_that_is_not_there_is_named(tmp_path):
    """The hint names the command that writes one."""
    answer = run("check", tmp_path / "none.yaml")
    assert answer.exit_code == 2
    assert "none.yaml cannot be read: No such file or directory" in answer.stderr
    assert "hint: `perdure pipeline init OWNER/REPO...`" in answer.stderr


def test_a_first_file_passes_the_check_and_is_never_overwritten(tmp_path):
    """What init writes is a place to begin."""
    path = tmp_path / "release.yaml"
    assert run("init", "acme/library", "acme/deploy", "--output", path).exit_code == 0
    assert run("check", path).exit_code == 0
    text = path.read_text()
    answer = run("init", "acme/other", "--output", path)
    assert (answer.exit_code, path.read_text()) == (2, text)
    assert "is there already" in answer.stderr
    assert run("init", "acme/library", "acme/deploy", "-o", "-").stdout.splitlines()[2] == "name: release"


def test_the_schema_is_json_on_stdout():
    """It can be written to a file as it is."""
    answer = run("schema")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert json.loads(answer.stdout)["title"] == "Perdure pipeline"


def test_the_graph_is_mermaid_on_stdout():
    """A broken file is told as `check` tells it."""
    answer = run("graph", EXAMPLE)
    assert (answer.exit_code, answer.stdout.splitlines()[0]) == (0, "flowchart LR")
    answer = run("graph", "-", stdin="name: p\n")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert answer.stderr == "error: <stdin>:1:1: steps is missing\n"
