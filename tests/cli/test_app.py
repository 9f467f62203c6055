import subprocess
import sys

import pytest
from typer.testing import CliRunner

from perdure import errors
from perdure.cli import app
from perdure.cli._exit_codes import ExitCode, exit_code_of
from perdure.cli._shown import shown

HEAVY = ("temporalio", "httpx2", "pydantic", "rich", "perdure.cli.action", "perdure.engine.connection")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments):
    """Help answers at once because it only knows the commands' names."""
    program = (
        "import sys\n"
        "from perdure.cli import app\n"
        "try:\n"
        f"    app({arguments!r})\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command():
    """A command that is imported lazily is listed all the same."""
    text = CliRunner().invoke(app, ["--help"]).stdout
    for command in ("action", "run", "up", "worker", "demo", "emulator", "doctor"):
        assert f"\n  {command} " in text


def test_the_command_itself_tells_its_version_and_exits_with_0():
    """The installed command runs and leaves in good order."""
    answer = subprocess.run([sys.executable, "-m", "perdure", "--version"], capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.startswith("perdure ")


@pytest.mark.parametrize(
    ("arguments", "message", "where"),
    [
        (["actoin"], "no such command 'actoin'. Did you mean 'action'?", "`perdure --help`"),
        (["action", "run"], "missing argument 'OWNER/REPO'", "`perdure action run --help`"),
        (["action", "run", "a/b", "c.yml", "--reff", "x"], "no such option: --reff", "run --help`"),
        (["action", "run", "a/b", "c.yml", "--run-timeout", "30"], "'30' has no unit", "run --help`"),
        (["action", "run", "a/b", "c.yml", "--retry", "-1"], "'--retry'", "run --help`"),
        (["action", "run", "a/b", "c.yml", "--wait", "no"], "not one of 'watch', 'poll'", "run --help`"),
        (["action", "run", "a/b", "c.yml", "--accept", "failure"], "'neutral', 'skipped'", "run --help`"),
        (["run", "show"], "missing argument 'ID'", "`perdure run show --help`"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_where_to_read(arguments, message, where):
    """Errors are one sentence and a hint on stderr; stdout stays empty for whoever reads it."""
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == ExitCode.USAGE
    assert answer.stdout == ""
    first, blank, hint = answer.stderr.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert blank == ""
    assert hint.startswith("hint: see ")
    assert where in hint


@pytest.mark.parametrize("group", [[], ["action"], ["run"]])
def test_a_group_alone_shows_its_help_as_wrong_usage(group):
    """Whoever forgot the command sees which there are; a script sees that nothing was done."""
    answer = CliRunner().invoke(app, group)
    assert answer.exit_code == ExitCode.USAGE
    assert "Commands:" in answer.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ReservedInputKeyError(), ExitCode.USAGE),
        (errors.SettingsError("x"), ExitCode.USAGE),
        (errors.ActionNotKnownError("x"), ExitCode.USAGE),
        (errors.GitHubActionConclusionError("x", conclusion="failure"), ExitCode.FAILED),
        (errors.DispatchUnresolvedError("x"), ExitCode.FAILED),
        (errors.GitHubUnavailableError("x"), ExitCode.REFUSED),
        (errors.RepositoryNotFoundError("x"), ExitCode.REFUSED),
        (errors.EngineUnreachableError("x"), ExitCode.REFUSED),
        (errors.NoWorkerError("x"), ExitCode.REFUSED),
    ],
)
def test_every_kind_of_error_has_its_exit_status(error, code):
    """Scripts tell a failed action from wrong usage and from an engine out of reach."""
    assert exit_code_of(error) == code


def test_completion_lists_commands_and_options(monkeypatch):
    """Completion knows lazily imported commands, and their options too."""
    for words, expected in (
        ("perdure ", "doctor"),
        ("perdure run ", "watch"),
        ("perdure action run --q", "--queue-timeout"),
    ):
        monkeypatch.setenv("_PERDURE_COMPLETE", "complete_zsh")
        monkeypatch.setenv("_TYPER_COMPLETE_ARGS", words)
        answer = CliRunner().invoke(app, [], prog_name="perdure")
        assert expected in answer.stdout


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2J\x1b[Hgone?", "gone?"),
        ("a\rb\x00c\x9bd", "abcd"),
        ("two\r\nlines\tand tab", "two\nlines\tand tab"),
        ("\x1b]52;c;bGV0\nnext line", "\nnext line"),
    ],
)
def test_text_from_elsewhere_cannot_steer_the_terminal(hostile, harmless):
    """Escape sequences in names and logs are taken out."""
    assert shown(hostile) == harmless
