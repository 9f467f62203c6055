"""The workflow file that people copy into their repositories."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.main import get_command

from perdure.cli import app
from perdure.emulator.execution import WorkflowFile

FILE = Path(__file__).parents[2] / "deploy" / "github" / "replay.yml"
STEPS = [
    step
    for job in YAML(typ="safe").load(FILE.read_text())["jobs"].values()
    for step in job["steps"]
    if "run" in step
]


def test_it_is_a_workflow_file_that_can_be_started_by_hand():
    """GitHub's own rules for such files hold."""
    assert WorkflowFile.parse(FILE.read_text()).dispatch_inputs == {}


def test_zizmor_finds_nothing_in_it():
    """Strangers can start it: it keeps no token, pins what it uses, and shows them no secret."""
    zizmor = Path(sys.executable).with_name("zizmor")
    command = (zizmor, "--offline", "--no-config", "--persona", "auditor", "--no-progress", FILE)
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step["run"])
def test_every_command_in_it_is_one(step):
    """What it runs is understood, options and all, and nothing of GitHub's is put into a shell's line."""
    assert "${{" not in step["run"]
    program, name, *words = shlex.split(re.sub(r"\$\w+", "releases.workflows", step["run"]))
    if program != "perdure":
        assert (program, name) == ("python", "-m")
        return
    group = get_command(app).commands[name].load()
    context = group.make_context(name, words)
    if sub_commands := getattr(group, "commands", None):
        protected = [*context._protected_args, *context.args]
        context = sub_commands[protected[0]].make_context(protected[0], protected[1:])
    assert context.command.callback is not None
