"""``perdure check determinism`` as people and their tools use it."""

import json
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from perdure.cli import app

WORKFLOW = """\
import time

from temporalio import workflow


@workflow.defn
class Greeting:
    @workflow.run
    async def run(self) -> float:
        return started()


def started() -> float:
    return time.time(){comment}
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with one workflow, which is where the command runs."""
    monkeypatch.chdir(tmp_path)
    write("")
    return tmp_path


def write(comment):
    Path("greeting.py").write_text(WORKFLOW.format(comment=comment))


def invoke(*arguments):
    return CliRunner().invoke(app, ["check", "determinism", *arguments])


def test_a_finding_is_printed_with_the_way_to_it(project):
    """What, where, how a workflow gets there, and what to write instead; the summary is no part of it."""
    answer = invoke()
    assert answer.exit_code == 1
    assert answer.stdout == (
        "greeting.py:14:12: clock: started calls time.time(), and Greeting.run gets there\n"
        "    Greeting.run  greeting.py:10\n"
        "    started       greeting.py:14\n"
        "    instead: workflow.now() or workflow.time(), which are the time of the history\n\n"
    )
    assert answer.stderr.startswith("1 finding in 1 workflow, which reach")


def test_a_reason_lets_a_line_through(project):
    """The exit status is then 0, and nothing is printed on stdout."""
    write("  # deterministic: only for a log line")
    answer = invoke("greeting.py")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert answer.stderr.startswith("nothing found in 1 workflow")


def test_an_exemption_needs_a_reason(project):
    """Without one the line is still reported, and so is the comment."""
    write("  # deterministic")
    assert [finding["rule"] for finding in findings()] == ["exemption", "clock"]


def findings(*arguments):
    return json.loads(invoke("--json", *arguments).stdout)["findings"]


def test_json_carries_everything(project):
    """A program needs no text to be parsed."""
    (finding,) = findings("greeting.py")
    assert (finding["rule"], finding["path"], finding["line"]) == ("clock", "greeting.py", 14)
    assert finding["chain"][0] == {"function": "Greeting.run", "path": "greeting.py", "line": 10}
    assert (finding["level"], finding["workflow"]) == ("error", "Greeting.run")


def test_sarif_carries_the_way_as_a_code_flow(project):
    """Code scanning shows each step of it."""
    (run,) = json.loads(invoke("--sarif").stdout)["runs"]
    (result,) = run["results"]
    steps = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in steps] == ["Greeting.run", "started"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "clock"
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 14, "startColumn": 12}


def test_a_file_that_is_no_python_fails_the_check(project):
    """It is named, and the others are checked all the same."""
    Path("broken.py").write_text("from temporalio import workflow\n@workflow.defn\nclass (")
    answer = invoke()
    assert answer.exit_code == 1
    assert "broken.py:3 is not readable as Python" in answer.stderr
    assert "greeting.py:14:12: clock" in answer.stdout


def test_files_without_workflows_are_said_to_have_none(tmp_path, monkeypatch):
    """Nobody takes a wrong folder for a clean one."""
    monkeypatch.chdir(tmp_path)
    answer = invoke(str(tmp_path))
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert answer.stderr.startswith("no workflows")


def test_a_rule_explains_itself():
    """Why, what instead, and how to let a line through."""
    answer = invoke("--explain", "unordered")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("unordered (error): the order of a set decides\n")
    assert "Instead: sorted()" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["nowhere"], "there is no nowhere", "name files and folders"),
        (["--json", "--sarif"], "--json and --sarif exclude each other", ""),
        (["--explain", "clocks"], "no rule 'clocks'", "did you mean 'clock'?"),
        (["--config", "nowhere.toml"], "nowhere.toml cannot be read", ""),
    ],
)
def test_wrong_usage_exits_with_2(project, arguments, message, hint):
    """One sentence, and what to do about it."""
    answer = invoke(*arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert f"error: {message}" in answer.stderr
    assert hint in answer.stderr


def configure(text):
    Path("pyproject.toml").write_text(f"[tool.perdure.determinism]\n{text}\n")


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ('allow = ["time.time"]', []),
        ('allow = ["greeting.started"]', []),
        ('skip = ["clock"]', []),
        ('exclude = ["greeting.py"]', []),
        ('deny = ["time"]', ["declared"]),
        ('deny = ["time"]\nallow = ["time.time"]', []),
        ("follow-unrestricted = true", ["clock"]),
    ],
)
def test_a_project_declares_what_it_knows_better(project, text, rules):
    """Names hold for all below them, and the longest one wins."""
    configure(text)
    assert [finding["rule"] for finding in findings()] == rules


def test_a_library_names_what_workflows_elsewhere_call(project):
    """What no workflow here calls is checked all the same, and a name that is not there is refused."""
    Path("offered.py").write_text("import random\n\n\ndef pick() -> float:\n    return random.random()\n")
    configure('skip = ["clock"]\nroots = ["offered.pick"]')
    assert [finding["message"] for finding in findings()] == ["pick calls random.random()"]
    configure('roots = ["offered.peck"]')
    answer = invoke()
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "there is no function or class offered.peck" in answer.stderr


def test_code_that_is_said_to_be_unrestricted_is_followed_on_demand(project):
    """By default ``sandbox_unrestricted`` says that somebody has thought about it."""
    text = Path("greeting.py").read_text()
    block = "with workflow.unsafe.sandbox_unrestricted():\n        return time.time()"
    Path("greeting.py").write_text(text.replace("return time.time()", block))
    assert findings() == []
    configure("follow-unrestricted = true")
    assert len(findings()) == 1


def test_failures_that_a_worker_registers_are_known(project):
    """An exception of that type, or of one below it, fails the workflow as it should."""
    text = Path("greeting.py").read_text().replace("return time.time()", 'raise Closed("x")')
    errors = "class Refused(Exception): ...\n\n\nclass Closed(Refused): ...\n\n\n"
    Path("greeting.py").write_text(text.replace("@workflow.defn", f"{errors}@workflow.defn"))
    assert [finding["rule"] for finding in findings()] == ["endless-retry"]
    configure('failures = ["greeting.Refused"]')
    assert findings() == []
    configure("")
    Path("work.py").write_text(
        "from temporalio.worker import Worker\n\nfrom greeting import Refused\n\n"
        "def work(client):\n    return Worker(client, workflow_failure_exception_types=[Refused])\n"
    )
    assert findings() == []


def test_the_hook_runs_this_command():
    """The entry of ``.pre-commit-hooks.yaml`` is a command that there is."""
    (hook,) = YAML(typ="safe").load(Path(__file__).parents[2] / ".pre-commit-hooks.yaml")
    command, *arguments = shlex.split(hook["entry"])
    assert (command, hook["pass_filenames"]) == ("perdure", False)
    assert CliRunner().invoke(app, [*arguments, "--help"]).exit_code == 0


def test_interceptors_are_workflow_code(project):
    """What a worker puts around each workflow runs in it, and again in a replay."""
    Path("around.py").write_text(
        "import uuid\n\nfrom temporalio.worker import WorkflowInboundInterceptor\n\n\n"
        "class Around(WorkflowInboundInterceptor):\n"
        "    async def execute_workflow(self, input: object) -> object:\n"
        "        return uuid.uuid4()\n"
    )
    (finding,) = findings("around.py")
    assert (finding["rule"], finding["workflow"]) == ("uuid", "Around.execute_workflow")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('alow = ["x"]', "'alow' is not known\n\nhint: did you mean 'allow'?"),
        ('allow = "x"', "allow takes a list of strings"),
        ('skip = ["clocks"]', "no rule 'clocks'"),
        ('follow-unrestricted = "x"', "follow-unrestricted takes true or false"),
        ("allow = [", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_refused(project, text, message):
    """A name that is mistyped must not pass for one that exempts nothing."""
    configure(text)
    answer = invoke()
    assert answer.exit_code == 2
    assert message in answer.stderr


def test_a_file_of_its_own_is_taken_instead(project):
    """``perdure-check.toml`` beats a ``pyproject.toml`` beside it, and needs no table."""
    configure("")
    Path("perdure-check.toml").write_text('skip = ["clock"]\n')
    assert findings() == []
    assert len(findings("--config", "pyproject.toml")) == 1


def test_a_result_is_taken_again_until_something_changes(project):
    """The second run reads what the first has kept, a change of any file it depends on is noticed."""
    first = findings()
    (kept,) = Path(".perdure/determinism").glob("*.json")
    text = kept.read_text()
    kept.write_text(text.replace("time.time()", "what was kept"))
    assert "what was kept" in findings()[0]["message"]
    write("  # deterministic: only for a log line")
    assert findings() == []
    write("")
    assert findings() == first


def test_a_result_that_cannot_be_read_is_made_anew(project):
    """A file that was cut short does no harm."""
    first = findings()
    (kept,) = Path(".perdure/determinism").glob("*.json")
    kept.write_text("{")
    assert findings() == first


def test_a_mistake_inside_of_a_package_is_reported_where_the_project_calls_it(project, monkeypatch):
    """The package cannot be mended here; the call can."""
    package = project / "site-packages" / "acme_rates"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("from .wires import ask\n")
    (package / "wires.py").write_text(
        "import socket\n\ndef ask():\n    return socket.create_connection(())\n"
    )
    monkeypatch.syspath_prepend(str(package.parent))
    text = Path("greeting.py").read_text().replace("import time", "import acme_rates")
    Path("greeting.py").write_text(text.replace("time.time()", "acme_rates.ask()"))
    (finding,) = findings("greeting.py")
    assert (finding["rule"], finding["path"], finding["line"]) == ("network", "greeting.py", 14)
    assert finding["chain"][-1] == {
        "function": "acme_rates.wires.ask",
        "path": "acme_rates/wires.py",
        "line": 4,
    }
