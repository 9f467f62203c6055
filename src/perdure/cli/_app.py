"""The root of the command line.

``perdure --help`` and completion must answer at once, but Temporal's client, pydantic and httpx2 together
take longer to import than all the rest: so the root knows of each command only its name and one line, and
imports the command's module when it is invoked. Typer itself takes about 40 ms, so it stays.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from perdure.cli import _errors
from perdure.cli._exit_codes import ExitCode
from perdure.errors import PerdureError

if TYPE_CHECKING:
    # Only for annotations: typer has no public name for the context of its vendored click.
    from typer._click.core import Context

_COMMANDS = {
    "action": ("perdure.cli.action:app", "Run one GitHub Actions workflow durably."),
    "pipeline": ("perdure.cli.pipeline:app", "Write, check, draw and run pipeline files."),
    "run": ("perdure.cli.run:app", "List, show, watch, cancel and account for what runs."),
    "fleet": ("perdure.cli.fleet:app", "Do the same work for every item of a list, and account for each."),
    "schedule": ("perdure.cli.schedule:app", "List, show and control schedules of pipelines."),
    "review": ("perdure.cli.review:app", "Review pull requests, repositories and folders."),
    "job": ("perdure.cli.job:app", "Bring results of jobs that somebody outside has done."),
    "approval": ("perdure.cli.approval:app", "List, show and decide approvals."),
    "key": ("perdure.cli.key:app", "Make, change and list the keys that payloads are encrypted with."),
    "codec": ("perdure.cli.codec:app", "Open encrypted payloads for Temporal's command and web UI."),
    "store": ("perdure.cli.store:app", "Clear what is kept beside the engine."),
    "workflow-file": (
        "perdure.cli.workflow_file:app",
        "Examine, mend and write GitHub's workflow files.",
    ),
    "web": ("perdure.cli.web:app", "Serve the API through which people decide approvals."),
    "up": ("perdure.cli.up:command", "Start the engine and a worker on this machine, and stay."),
    "worker": ("perdure.cli.worker:command", "Do the engine's work: run it beside any Temporal server."),
    "demo": ("perdure.cli.demo:command", "Show everything at work once, without an account."),
    "emulator": ("perdure.cli.emulator:command", "Serve a folder of git repositories as GitHub does."),
    "replay": ("perdure.cli.replay:app", "Replay histories with changed code, before it is released."),
    "check": ("perdure.cli.check:app", "Check the code of workflows without running it."),
    "versions": ("perdure.cli.versions:command", "Show which old code running workflows still need."),
    "timeouts": ("perdure.cli.timeouts:command", "Propose time-outs of activities from how long they took."),
    "doctor": ("perdure.cli.doctor:command", "Check settings, engine and GitHub, and say how to mend them."),
}


class PerdureCommand(TyperCommand):
    """A command whose usage line shows arguments as manuals do, without typer's braces."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class LazyCommand(TyperCommand):
    """Stands for a command whose module is imported when the command is invoked or completed."""

    def __init__(self, name: str, target: str, short_help: str) -> None:
        super().__init__(name, short_help=short_help)
        self._target = target

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: Context | None = None,
        **extra: Any,  # noqa: ANN401 - as in the overridden method
    ) -> Context:
        """Parse the arguments as the real command does."""
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> TyperCommand | TyperGroup:
        """Import the real command."""
        module_name, _, attribute = self._target.partition(":")
        found = getattr(import_module(module_name), attribute)
        if not isinstance(found, typer.Typer):
            single = new_app()
            single.command(self.name, cls=PerdureCommand)(found)
            found = single
        command = typer.main.get_command(found)
        command.name = self.name
        if not isinstance(command, TyperCommand | TyperGroup):
            msg = f"{self._target} is no command"
            raise TypeError(msg)
        return command


class PerdureGroup(TyperGroup):
    """The root: imports commands lazily, and turns every error into a message and an exit status."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - as in the overridden method
        super().__init__(**attributes)
        for name, (target, short_help) in _COMMANDS.items():
            self.add_command(LazyCommand(name, target, short_help))

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as in the overridden method
        """Run the command line; always ends with SystemExit."""
        options.update(prog_name="perdure", standalone_mode=False)
        try:
            code = super().main(*arguments, **options)
        except PerdureError as error:
            code = _errors.show_expected(error)
        except typer.TyperException as error:
            code = _errors.show_usage_error(error)
        except Exception as error:
            code = _errors.show_unexpected(error)
        raise SystemExit(int(code) if isinstance(code, int) else ExitCode.SUCCESS.value)


def new_app(**options: Any) -> typer.Typer:  # noqa: ANN401 - typer's own options, passed on
    """Return a Typer that shows help and errors as the rest of the command line does."""
    # Plain help: boxes are hard to read, to search and to keep in docs.
    options.setdefault("context_settings", {"help_option_names": ["-h", "--help"], "max_content_width": 100})
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **options)


def help_when_alone(context: typer.Context) -> None:
    """Print a group's help where no command of it was named."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


app = typer.Typer(
    cls=PerdureGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit status:
  0  success, or detached
  1  the action or the pipeline failed, or the review found something
  2  wrong usage: nothing was started
  3  still running: it goes on without this command
  4  the engine or GitHub refused, or is out of reach

\b
First steps:
  perdure demo
  perdure action run OWNER/REPO WORKFLOW.yml --ref main -f key=value
  perdure pipeline run FILE.yaml -f key=value
  perdure review OWNER/REPO#N
""",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"perdure {version('perdure')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Run GitHub Actions, approvals and reviews that must not get lost."""
    help_when_alone(context)
