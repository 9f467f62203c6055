import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from perdure.cli import app

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "actions.md"
FENCES = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = [line for fence in FENCES for line in fence.splitlines()]


def parse(arguments):
    """Parse as the command line does, without running anything."""
    context = get_command(app).make_context("perdure", arguments)
    while context._protected_args:
        words = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)
    return context


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_of_the_guide_is_one(line):
    """What the guide says to type is understood, options and all."""
    program, *arguments = shlex.split(line)
    assert program == "perdure"
    assert parse(arguments).command.callback is not None
