import shutil
import sys
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from docs.commands import mentioned, typed
from docs.pages import ROOT
from perdure.cli import app

COMMANDS = list(typed())
MENTIONED = [(where, words[1:]) for where, words in mentioned()]
OWN = [(where, words[1:]) for where, words in COMMANDS if Path(words[0]).name == "perdure"]
OTHERS = [(where, words) for where, words in COMMANDS if Path(words[0]).name != "perdure"]
# What a machine with make and git has, and what the environment brings.
PROGRAMS = {"cd", "export", "unset", "kill", "mkdir", "mv", "chmod", "cat", "curl", "git", "make", "openssl"}
PACKAGED = {"gh", "temporal", "python", "pytest", "ruff"}


def parse(arguments):
    """Parse as the command line does, without running anything."""
    context = get_command(app).make_context("perdure", arguments)
    while context._protected_args:
        words = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)
    return context


@pytest.mark.parametrize(("where", "arguments"), OWN, ids=[where for where, _ in OWN])
def test_every_command_of_the_pages_is_one(where, arguments):
    """What a page says to type is understood, options and all."""
    assert parse(arguments).command.callback is not None, where


@pytest.mark.parametrize(("where", "arguments"), MENTIONED, ids=[where for where, _ in MENTIONED])
def test_every_command_in_a_sentence_is_one(where, arguments):
    """It may lack its arguments there, and nothing else."""
    try:
        parse(arguments)
    except typer.TyperException as error:
        assert type(error).__name__ == "MissingParameter", f"{where}: {error}"  # noqa: PT017


@pytest.mark.parametrize(("where", "words"), OTHERS, ids=[where for where, _ in OTHERS])
def test_every_other_program_is_there(where, words):
    """A page calls for nothing that a reader of it would not have, and names files that exist."""
    program = Path(words[0]).name
    assert program in PROGRAMS | PACKAGED, where
    if program in PACKAGED:
        assert shutil.which(program, path=str(Path(sys.executable).parent)), where
    if program == "python":
        assert (ROOT / words[1]).is_file(), where
