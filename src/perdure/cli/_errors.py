"""How errors are shown: ``error:``, a blank line, ``hint:``. A traceback only for a mistake of ours."""

import platform
import sys
import traceback

import typer

from perdure import errors
from perdure.cli._exit_codes import ExitCode, exit_code_of
from perdure.cli._shown import shown


def show_error(message: str, *, hint: str | None = None) -> None:
    """Print an error and what to change, on stderr."""
    _label("error", message, typer.colors.RED)
    if hint:
        typer.echo(err=True)
        _label("hint", hint, typer.colors.CYAN)


def show_warning(message: str) -> None:
    """Print something that a person should know although work goes on."""
    _label("warning", message, typer.colors.YELLOW)


def say(message: str = "") -> None:
    """Print for people, on stderr: stdout is for data."""
    typer.echo(shown(message), err=True)


def show_expected(error: errors.PerdureError) -> ExitCode:
    """Show an error that Perdure raised on purpose, and return the exit status it means."""
    message = str(error)
    if isinstance(error, errors.ActionError):
        # The lines below the first name the action and its run, which were printed as its outcome.
        message = message.partition("\n")[0]
    show_error(message, hint=error.hint)
    return exit_code_of(error)


def show_usage_error(error: typer.TyperException) -> ExitCode:
    """Show what typer found wrong with the options, and where to read about them."""
    # pydantic, which converts options for typer, puts its own words before what a parser said.
    message = error.format_message().replace("Value error, ", "").strip().removesuffix(".")
    command = getattr(getattr(error, "ctx", None), "command_path", "perdure")
    show_error(message[:1].lower() + message[1:], hint=f"see `{command} --help`")
    return ExitCode.USAGE


def show_unexpected(error: Exception) -> ExitCode:
    """Show a mistake of ours with everything that a report of it needs."""
    from importlib.metadata import version

    # Imported late: help and completion need no settings.
    from perdure.config import redacted

    sys.stderr.write(redacted("".join(traceback.format_exception(error))))
    show_error(
        redacted(f"this is a mistake in Perdure: {type(error).__name__}: {error}"),
        hint="nothing that was started is lost: `perdure run list` shows it. Please report the lines above"
        f" with the command you typed: perdure {version('perdure')}, Python {platform.python_version()},"
        f" {platform.system()}",
    )
    return ExitCode.INTERNAL


def _label(label: str, message: str, colour: str) -> None:
    # typer.echo takes the colour out again where stderr is no terminal, or where NO_COLOR is set.
    typer.echo(f"{typer.style(label, fg=colour, bold=True)}: {shown(message)}", err=True)
