"""ruff, detect-secrets, zizmor and others over files of strangers: what they find, and what cannot harm."""

import asyncio
import hashlib
import json
import socket
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from perdure.ai.analysing import analyse
from perdure.ai.reviewers import reviewers_named, secret_scan
from perdure.ai.reviewers.processes import run_tool
from perdure.ai.reviewers.text_edits import TextEdit, lines_of, whole_lines
from perdure.config import AnalyserCommand
from perdure.errors import AnalyserError, UsageError
from perdure.model.findings import Category, Severity
from perdure.model.review import ChangedFile, FileStatus, LineRange

ALL = ("ruff", "detect-secrets", "zizmor")
WORKFLOW = """name: Label
on:
  issues:
    types: [opened]
permissions: {}
jobs:
  label:
    name: label
    runs-on: ubuntu-latest
    steps:
      - run: make label
      - run: echo "${{ github.event.issue.title }}"
"""


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py").replace("_yml", ".yml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def changed(path: str, *added: tuple[int, int], **fields) -> ChangedFile:
    return ChangedFile(path=path, added=tuple(LineRange(start=a, end=b) for a, b in added), **fields)


async def look(folder: Path, *files: ChangedFile, names=ALL, commands=()):
    return await analyse(folder, files, reviewers_named(names, commands))


async def test_only_added_lines_are_reported(tmp_path):
    """What was there before the change is not the change's."""
    text = "import os\n\n\ndef read(text, seen=[]):\n    return eval(text)\n"
    analysis = await look(tree(tmp_path, a_py=text), changed("a.py", (4, 5)))

    assert [(each.rule, each.start_line, each.symbol) for each in analysis.findings] == [
        ("B006", 4, "read"),
        ("S307", 5, "read"),
    ]
    assert analysis.looked_at == ("a.py",)
    assert [name.partition(" ")[0] for name in analysis.reviewers] == list(ALL)


async def test_fixes_of_ruff_are_whole_lines_and_say_whether_they_are_safe(tmp_path):
    """A fix of characters becomes lines that a person reads, also beside letters of several bytes."""
    text = 'def f(x, seen=[]):\n    é = "ü"; assert x is "a"\n    return é, seen\n'
    analysis = await look(tree(tmp_path, a_py=text), changed("a.py", (1, 3)), names=("ruff",))
    fixes = {each.rule: each.suggestion for each in analysis.findings}

    assert fixes["F632"].is_safe
    assert [edit.replacement for edit in fixes["F632"].edits] == ['    é = "ü"; assert x == "a"\n']
    assert not fixes["B006"].is_safe
    assert [(edit.start_line, edit.end_line) for edit in fixes["B006"].edits] == [(1, 1), (2, 1)]


async def test_a_secret_is_found_and_never_repeated(tmp_path):
    """The report may be read by more people than the file."""
    text = 'KEY = "AKIAIOSFODNN7EXAMPLE"\n'
    analysis = await look(tree(tmp_path, settings_py=text), changed("settings.py", (1, 1)))

    assert Category.SECRET in {each.category for each in analysis.findings}
    assert "AKIAIOSFODNN7EXAMPLE" not in analysis.model_dump_json()


async def test_digests_and_templates_are_no_secrets(tmp_path):
    """A false alarm about every checksum would teach people to look away."""
    lines = (
        'SHA = "11bd71901bbe5b1630ceea73d27597364c9af683"',
        'INTEGRITY = "sha512-oRwqR8Jr0p8wVzW0bQq8Jc0eZVn9o2yA4s3x3J8K7mCq1kXo2pB5dQ=="',
        'password = os.environ["PASSWORD"]',
        'key = "11bd71901bbe5b1630ceea73d27597364c9af683"',
    )
    folder = tree(tmp_path, a_py="\n".join(lines) + "\n")
    analysis = await look(folder, changed("a.py", (1, 4)), names=("detect-secrets",))
    assert {each.start_line for each in analysis.findings} == {4}


async def test_a_file_of_random_strings_is_data(tmp_path):
    """Nobody reads a hundred guesses; a key of a known form among them is still found."""
    rows = [f'x{n} = "{hashlib.sha256(bytes([n])).hexdigest()}"\n' for n in range(30)]
    folder = tree(
        tmp_path, few_py="".join(rows[:3]), many_py="".join(rows) + 'KEY = "AKIAIOSFODNN7EXAMPLE"\n'
    )
    files = (changed("few.py", (1, 3)), changed("many.py", (1, 31)))
    found = (await look(folder, *files, names=("detect-secrets",))).findings
    assert {each.path for each in found if "entropy" in each.rule} == {"few.py"}
    assert ("many.py", 31) in {(each.path, each.start_line) for each in found}


async def test_a_file_that_takes_for_ever_is_given_up_alone(tmp_path):
    """Patterns over text of strangers may never end; the other files are still scanned."""
    script = (
        "import re, runpy, sys; import detect_secrets.core.scan as scan; known = scan.scan_file\n"
        "def hang(path): return known(path) if 'slow' not in path else re.match('(a+)+$', 'a' * 60 + 'b')\n"
        "scan.scan_file = hang; sys.argv = [sys.argv[1]]\n"
        "found = runpy.run_path(sys.argv[0]); found['main'].__globals__['SECONDS_FOR_A_FILE'] = 1\n"
        "found['main']()"
    )
    folder = tree(tmp_path, **{"slow.txt": "x", "b_py": 'KEY = "AKIAIOSFODNN7EXAMPLE"\n'})
    output = await run_tool(
        [sys.executable, "-I", "-c", script, secret_scan.__file__],
        folder=folder,
        stdin=b'["slow.txt", "b.py"]',
    )
    said = json.loads(output.stdout)
    assert said["failed"] == {"slow.txt": "detect-secrets took longer than 1 s"}
    assert {each["path"] for each in said["found"]} == {"b.py"}


async def test_code_that_cannot_be_parsed_is_a_finding(tmp_path):
    """A syntax error has no rule of ruff's."""
    analysis = await look(tree(tmp_path, a_py="def f(:\n"), changed("a.py", (1, 1)), names=("ruff",))
    assert {(each.rule, each.severity) for each in analysis.findings} == {("invalid-syntax", Severity.ERROR)}


async def test_a_workflow_that_runs_what_strangers_wrote_is_found(tmp_path):
    """zizmor looks at GitHub's own files."""
    name = ".github/workflows/label.yml"
    folder = tree(tmp_path, **{".github__workflows__label_yml": WORKFLOW})
    analysis = await look(folder, changed(name, (12, 12)))

    (finding,) = [each for each in analysis.findings if each.reviewer == "zizmor"]
    assert (finding.rule, finding.start_line) == ("template-injection", 12)
    assert (finding.category, finding.severity) == (Category.SECURITY, Severity.ERROR)


async def test_what_is_about_a_whole_job_is_not_the_fault_of_one_new_step(tmp_path):
    """Long spans count only where they begin on an added line."""
    text = WORKFLOW.replace("permissions: {}\n", "").replace(
        "name: label\n", "name: label\n" + "    # x\n" * 12
    )
    folder = tree(tmp_path, **{".github__workflows__label_yml": text})
    name = ".github/workflows/label.yml"
    one_step = await look(folder, changed(name, (22, 22)))
    all_of_it = await look(folder, changed(name, (1, 24)))

    assert "excessive-permissions" not in {each.rule for each in one_step.findings}
    assert "excessive-permissions" in {each.rule for each in all_of_it.findings}


async def test_a_broken_workflow_file_fails_alone(tmp_path):
    """The others are still looked at, and nobody takes the broken one for reviewed."""
    folder = tree(tmp_path, **{".github__workflows__a_yml": WORKFLOW, ".github__workflows__b_yml": "jobs: ["})
    paths = (".github/workflows/a.yml", ".github/workflows/b.yml")
    analysis = await look(folder, *(changed(path, (1, 12)) for path in paths), names=("zizmor",))

    assert [outcome.path for outcome in analysis.failed] == [paths[1]]
    assert "template-injection" in {each.rule for each in analysis.findings}
    assert analysis.looked_at == (paths[0],)


async def test_a_repositorys_configuration_changes_nothing(tmp_path):
    """Whoever opens a pull request would else decide what is found in it."""
    folder = tree(
        tmp_path,
        a_py="def f(x):\n    return eval(x)\n",
        **{
            "ruff.toml": 'select = []\nextend-exclude = ["*.py"]\n',
            "pyproject.toml": '[tool.ruff.lint]\nignore = ["ALL"]\n',
            "zizmor_yml": "rules: {template-injection: {disable: true}}\n",
            ".github__zizmor_yml": "rules: {template-injection: {disable: true}}\n",
            ".github__workflows__label_yml": WORKFLOW,
            ".secrets.baseline": "{}",
            "detect_secrets_py": "raise SystemExit('run by a reviewer')\n",
        },
    )
    analysis = await look(folder, changed("a.py", (1, 2)), changed(".github/workflows/label.yml", (1, 12)))

    assert {"S307", "template-injection"} <= {each.rule for each in analysis.findings}
    assert not analysis.failed


async def test_a_finding_is_the_same_one_after_its_line_has_moved(tmp_path):
    """Comments are not repeated on every push."""
    text = "def f(x):\n    return eval(x)\n"
    before = await look(tree(tmp_path / "1", a_py=text), changed("a.py", (1, 2)), names=("ruff",))
    after = await look(
        tree(tmp_path / "2", a_py=f'"""Text."""\n\n\n{text}'), changed("a.py", (1, 5)), names=("ruff",)
    )

    assert [each.start_line for each in (*before.findings, *after.findings)] == [2, 5]
    assert before.findings[0].fingerprint == after.findings[0].fingerprint


async def test_carriage_returns_hide_nothing(tmp_path):
    """They end lines for Python and not for git: findings below them would be about other lines."""
    text = "# a\r# b\r# c\r# d\nKEY = 'AKIAIOSFODNN7EXAMPLE'\ndef f(x):\n    return eval(x)\n"
    folder = tree(tmp_path)
    (tmp_path / "a.py").write_bytes(text.encode())
    analysis = await look(folder, changed("a.py", (2, 4)))
    assert {(each.rule, each.start_line) for each in analysis.findings} >= {
        ("aws-access-key", 2),
        ("S307", 4),
    }


async def test_two_equal_lines_are_two_findings(tmp_path):
    """Both have to be mended."""
    text = "def f(x):\n    eval(x)\n    eval(x)\n"
    analysis = await look(tree(tmp_path, a_py=text), changed("a.py", (1, 3)), names=("ruff",))
    assert len({each.fingerprint for each in analysis.findings}) == 2


async def test_files_that_nobody_can_read_are_left_to_the_report(tmp_path):
    """Removed and binary files are not opened."""
    files = (changed("gone.py", status=FileStatus.REMOVED), changed("a.png", is_binary=True))
    analysis = await look(tmp_path, *files)
    assert (analysis.looked_at, analysis.failed) == ((), ())


async def test_names_that_look_like_options_are_files(tmp_path):
    """A file may be called anything."""
    folder = tree(tmp_path, **{"--fix_py": "def f(x):\n    return eval(x)\n"})
    analysis = await look(folder, changed("--fix.py", (1, 2)))
    assert "S307" in {each.rule for each in analysis.findings}


async def test_an_analyser_of_ones_own_prints_sarif(tmp_path):
    """Anything that prints SARIF can be added by configuration."""
    log = {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "own", "rules": [{"id": "R1", "helpUri": "https://r.example"}]}},
                "results": [
                    {
                        "ruleId": "R1",
                        "level": "error",
                        "message": {"text": "wrong"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {"uri": (tmp_path / "a.go").as_uri()},
                                    "region": {"startLine": 1},
                                }
                            }
                        ],
                    }
                ],
            }
        ],
    }
    script = f"import sys; assert sys.argv[1:] == ['./a.go'], sys.argv; print({json.dumps(log)!r})"
    command = AnalyserCommand(name="own", command=(sys.executable, "-c", script, "{files}"), files=("*.go",))
    tree(tmp_path, **{"a.go": "x\n"})
    analysis = await look(tmp_path, changed("a.go", (1, 1)), names=(), commands=(command,))

    (finding,) = analysis.findings
    assert (finding.reviewer, finding.rule, finding.path) == ("own", "R1", "a.go")


async def test_a_broken_analyser_fails_its_files_and_no_others(tmp_path):
    """A review is never silently partial."""
    command = AnalyserCommand(name="own", command=(sys.executable, "-c", "print('no')"), files=("*.py",))
    missing = AnalyserCommand(name="absent", command=("no-such-program-anywhere",), files=("*.py",))
    folder = tree(tmp_path, a_py="def f(x):\n    return eval(x)\n")
    analysis = await look(folder, changed("a.py", (1, 2)), names=("ruff",), commands=(command, missing))

    assert [each.rule for each in analysis.findings] == ["S307"]
    assert [outcome.path for outcome in analysis.failed] == ["a.py"]


def test_an_unknown_analyser_is_refused():
    """The nearest name is offered."""
    with pytest.raises(UsageError) as caught:
        reviewers_named(("ruf",))
    assert caught.value.hint == "did you mean ruff?"


async def test_a_tool_gets_nothing_of_ours(tmp_path, monkeypatch):
    """Neither variables, which may hold secrets, nor what is installed beside us by name."""
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    code = "import os; print(sorted(os.environ))"
    output = await run_tool([sys.executable, "-I", "-c", code], folder=tmp_path)
    assert b"GITHUB_TOKEN" not in output.stdout
    assert b"HOME" in output.stdout


async def test_a_tool_reaches_no_network(tmp_path):
    """What is reviewed cannot be sent anywhere, where the system can keep it in."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 5)"
        output = await run_tool([sys.executable, "-I", "-c", code], folder=tmp_path)
        can_isolate = (await run_tool(["/bin/sh", "-c", "cat /proc/net/dev"], folder=tmp_path)).stdout
    if can_isolate.count(b"\n") > 3:
        pytest.skip("this system gives processes no network of their own")
    assert output.status


async def test_a_tool_that_does_not_end_is_ended(tmp_path):
    """A regular expression may run for ever over the right text."""
    code = "import time; time.sleep(600)"
    with pytest.raises(AnalyserError, match="took longer"):
        await run_tool([sys.executable, "-c", code], folder=tmp_path, time_limit=timedelta(seconds=1))


async def test_nothing_that_a_tool_has_started_outlives_it(tmp_path):
    """An analyser's children end with it when a review is cancelled."""
    child = (
        "import os, time; open('pid', 'w').write(str(os.getpid()));"
        " os.rename('pid', 'started'); time.sleep(600)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    running = asyncio.create_task(run_tool([sys.executable, "-c", code], folder=tmp_path))
    await until((tmp_path / "started").exists)
    number = int((tmp_path / "started").read_text())
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: is_over(number))


def is_over(number):
    try:
        return psutil.Process(number).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until(condition):
    """Wait for a condition, for as long as a slow machine may take."""
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "edits", "replacements"),
    [
        ("a\nb\nc\n", [(2, 1, 3, 1, "")], [(2, 2, "")]),
        ("a\nb\nc\n", [(2, 1, 2, 1, "x\n")], [(2, 1, "x\n")]),
        ("a\nb\nc", [(3, 2, 3, 2, "\n")], [(3, 3, "c\n")]),
        ("a b\nc d\n", [(1, 3, 2, 2, "x")], [(1, 2, "a x d\n")]),
        ("a b c\n", [(1, 1, 1, 2, "x"), (1, 5, 1, 6, "z")], [(1, 1, "x b z\n")]),
        ("a\r\nb\r\n", [(2, 1, 2, 2, "x")], [(2, 2, "x\r\n")]),
        ("a\x0cb\nc\n", [(2, 1, 2, 2, "x")], [(2, 2, "x\n")]),
        ("a\n", [(1, 1, 1, 2, "x"), (1, 1, 1, 2, "y")], []),
        ("a\n", [(9, 1, 9, 2, "x")], []),
    ],
)
def test_edits_of_characters_become_edits_of_lines(text, edits, replacements):
    """Lines that stay as they are are left out; what overlaps or does not fit gives none."""
    made = whole_lines(lines_of(text), [TextEdit(*edit) for edit in edits])
    assert [(edit.start_line, edit.end_line, edit.replacement) for edit in made] == replacements
