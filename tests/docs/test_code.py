import ast
import importlib
import json
import re
import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from docs.pages import ROOT, fences
from perdure.config import load_settings
from perdure.emulator.execution import WorkflowFile
from perdure.model.run_github_action import RunGitHubActionInput, RunGitHubActionResult

PYTHON = fences("python")
# A method stands for a class that the page leaves out: all else has to be whole.
PROGRAMS = [fence for fence in PYTHON if not re.search(r"^async def \w+\(self\b", fence.text, re.MULTILINE)]
JOBS = "jobs:\n  shown_elsewhere:\n    runs-on: ubuntu-latest\n    steps:\n      - run: exit\n"


@pytest.mark.parametrize("fence", PYTHON, ids=str)
def test_python_compiles_and_its_imports_resolve(fence):
    """Every name that a page imports is there."""
    for node in ast.walk(compile(fence.text, str(fence), "exec", ast.PyCF_ONLY_AST)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("fence", PROGRAMS, ids=str)
def test_programs_and_workflows_can_be_defined(fence):
    """Decorators and annotations take what stands there, as they would in a reader's own file."""
    module = type(sys)("shown_on_a_page")
    exec(compile(fence.text, str(fence), "exec"), vars(module))


def test_programs_use_nothing_that_they_do_not_have(tmp_path):
    """No name of a program is undefined, and none is imported for nothing."""
    for number, fence in enumerate(PROGRAMS):
        (tmp_path / f"program_{number}.py").write_text(f"# {fence}\n{fence.text}")
    command = (sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F")
    checked = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("fence", fences("toml"), ids=str)
def test_settings_of_the_pages_load(fence, tmp_path):
    """A settings file that is copied from a page is taken."""
    file = tmp_path / "perdure.toml"
    file.write_text(fence.text)
    assert load_settings(file, environ={}).source == str(file)


@pytest.mark.parametrize("fence", fences("yaml", "yml"), ids=str)
def test_workflow_files_of_the_pages_can_be_dispatched(fence):
    """What is no workflow file is YAML at least; a part of one is taken with jobs of its own."""
    content = YAML(typ="safe").load(fence.text)
    if not isinstance(content, dict) or "on" not in content:
        return
    text = fence.text if "jobs" in content else fence.text + JOBS
    assert WorkflowFile.parse(text).dispatch_inputs is not None


@pytest.mark.parametrize("fence", fences("json"), ids=str)
def test_json_of_the_pages_is_what_clients_send_and_get(fence):
    """It parses, and what looks like a call of RunGitHubAction or its result is one."""
    content = json.loads(fence.text)
    if "WorkflowFile" in content:
        RunGitHubActionInput.model_validate(content)
    if "Conclusion" in content:
        RunGitHubActionResult.model_validate(content)


def test_there_is_something_to_check():
    """The pages and their fences are found."""
    assert (ROOT / "README.md").is_file()
    assert len(PROGRAMS) > 4
    assert fences("toml")
    assert fences("json")
