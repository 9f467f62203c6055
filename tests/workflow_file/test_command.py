"""``perdure workflow-file`` as people type it."""

import json
import subprocess

import pytest
from typer.testing import CliRunner

from cli.local_processes import perdure
from perdure.cli import app
from perdure.emulator import create_repository, running_emulator
from perdure.emulator.repositories import git

UNGUARDED = "on: workflow_call\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: git push\n"
MENDED = UNGUARDED.replace("git push\n", "git push\n        if: vars.PERDURE_LIVE == 'true'\n")
UNSAFE = UNGUARDED.replace("git push", "npm publish")
ACTION = "name: Ship\ninputs: {to: {required: true}}\nruns: {using: node20, main: x.js}\n"


def run(*arguments):
    return CliRunner().invoke(app, ["workflow-file", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    (workflows / "push.yml").write_text(UNGUARDED)
    (workflows / "sound.yml").write_text(MENDED)
    return tmp_path


def test_a_diff_is_printed_that_git_applies(folder):
    """Nothing is written; what the diff says is what --fix does."""
    shown = run("doctor", ".")
    assert (folder / ".github/workflows/push.yml").read_text() == UNGUARDED

    subprocess.run(["git", "apply", "-"], input=shown.stdout, text=True, check=True, cwd=folder)

    assert shown.exit_code == 0
    assert (folder / ".github/workflows/push.yml").read_text() == MENDED
    assert "gh variable set PERDURE_LIVE" in shown.stderr
    assert "1 of them mended by the diff" in shown.stderr


def test_files_are_mended_once(folder):
    """A second --fix finds nothing to do; other files are not written at all."""
    sound = folder / ".github/workflows/sound.yml"
    before = sound.stat().st_mtime_ns

    first, second = run("doctor", folder, "--fix"), run("doctor", folder, "--fix")

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert (folder / ".github/workflows/push.yml").read_text() == MENDED
    assert "push.yml: 1 finding" in first.stderr
    assert "nothing to mend" in second.stderr
    assert sound.stat().st_mtime_ns == before


def test_what_is_left_for_a_person_is_printed_at_its_new_place(folder):
    """The exit status says that something is left."""
    (folder / ".github/workflows/push.yml").write_text(
        UNSAFE.replace("- run", "- name: |\n          x\n        run")
    )

    mended = run("doctor", ".github/workflows/push.yml", "--fix")

    assert mended.exit_code == 1
    assert mended.stdout.startswith(".github/workflows/push.yml:9:9: warning: ")
    assert mended.stdout.endswith("[unsafe-to-repeat]\n")


def test_a_check_fails_and_writes_sarif(folder):
    """One result for each finding, with its rule and its place; none and exit 0 once all is mended."""
    found = run("doctor", ".", "--check", "--sarif", "found.sarif")
    run("doctor", ".", "--fix")
    sound = run("doctor", ".", "--check", "--sarif", "sound.sarif")

    [report] = json.loads((folder / "found.sarif").read_text())["runs"]
    [result] = report["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (found.exit_code, sound.exit_code) == (1, 0)
    assert (
        result["ruleId"]
        == report["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
        == "unguarded-side-effect"
    )
    assert place["artifactLocation"]["uri"] == ".github/workflows/push.yml"
    assert place["region"] == {"startLine": 6, "startColumn": 9}
    assert json.loads((folder / "sound.sarif").read_text())["runs"][0]["results"] == []
    assert found.stdout.startswith(
        ".github/workflows/push.yml:6:9: error: step 1 changes something outside (git push)"
    )


def test_findings_are_json_where_that_is_asked_for(folder):
    """With what mending would do about each."""
    found = json.loads(run("doctor", ".", "--check", "--json").stdout)

    assert [(each["file"], each["line"], each["mendable"]) for each in found] == [
        (".github/workflows/push.yml", 6, True)
    ]


def test_another_variable_and_ignored_rules_are_taken(folder):
    """From options, or from a file of rules."""
    (folder / "rules.toml").write_text('variable = "LIVE"\nharmless = ["git push"]\n')

    assert "if: vars.REAL == 'true'" in run("doctor", ".", "--variable", "REAL").stdout
    assert run("doctor", ".", "--check", "--ignore", "unguarded-side-effect").exit_code == 0
    assert run("doctor", ".github/workflows/push.yml", "--check", "--rules", "rules.toml").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "there is no file or folder nowhere"),
        (("empty",), "empty holds no workflow files"),
        ((".", "--fix", "--check"), "exclude each other"),
        ((".", "--pull-request"), "needs a repository at GitHub"),
        (("acme/library", "--fix"), "--fix writes files of this machine"),
        ((".", "--ignore", "x"), "there is no rule 'x'"),
        ((".", "--variable", "a b"), "cannot be a variable's name"),
        ((".", "--rules", "none.toml"), "none.toml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_to_do(folder, arguments, says):
    """Before anything is written: exit status 2 and a hint."""
    (folder / "empty").mkdir()

    refused = run("doctor", *arguments)

    assert refused.exit_code == 2
    assert says in refused.stderr
    assert (folder / ".github/workflows/push.yml").read_text() == UNGUARDED


def test_a_file_that_is_no_text_is_a_finding(folder):
    """The others are mended all the same."""
    (folder / ".github/workflows/broken.yml").write_bytes(b"on: push\n\xff\n")

    mended = run("doctor", ".", "--fix")

    assert mended.exit_code == 1
    assert "broken.yml:2:1: error: the file is not UTF-8 text [unreadable]" in mended.stdout
    assert (folder / ".github/workflows/push.yml").read_text() == MENDED


async def test_a_repository_at_github_is_mended_by_a_pull_request(tmp_path):
    """The default branch is examined, the pull request opened once, and its branch holds the mended file."""
    workflow = ".github/workflows/push.yml"
    repository = create_repository(tmp_path / "github", "acme/library", {workflow: "\ufeff" + UNGUARDED})
    create_repository(tmp_path / "github", "acme/ship", {"action.yml": ACTION})
    async with running_emulator(tmp_path / "github") as emulator:
        settings = {
            "PERDURE_GITHUB_URL": emulator.api_url,
            "PERDURE_GITHUB_TOKEN": "env:EMULATED_TOKEN",
            "EMULATED_TOKEN": "any",
        }

        async def ended(*arguments):
            async with perdure("workflow-file", *arguments, cwd=tmp_path, **settings) as process:
                await process.ends(within=90)
            return process

        first = await ended("doctor", "acme/library", "--pull-request")
        again = await ended("doctor", "acme/library", "--pull-request")
        wrapped = await ended("wrap", "acme/ship@main", "-o", "ship.yml", "--guard")

    assert "".join(first.stdout) == "".join(again.stdout) == f"{emulator.url}/acme/library/pull/1\n"
    assert "opened" in "".join(first.stderr)
    assert "open already" in "".join(again.stderr)
    shown = git(repository.folder, "show", f"perdure/workflow-file-doctor:{workflow}").decode()
    assert shown == "\ufeff" + MENDED
    assert "pinned acme/ship@main to " in "".join(wrapped.stderr)
    assert "@main" not in (tmp_path / "ship.yml").read_text()
    assert run("doctor", tmp_path / "ship.yml", "--check").exit_code == 0
