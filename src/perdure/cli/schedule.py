"""``perdure schedule``: pipelines that start by themselves."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, JsonLines, Namespace

app = new_app()

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The schedule's name, such as release/1; or the pipeline's, for all of its schedules.",
    ),
]
Note = Annotated[
    str, typer.Option("--note", "-m", metavar="TEXT", help="Why, for those who look at it later.")
]


@app.callback(invoke_without_command=True)
def schedule(context: typer.Context) -> None:
    """List, show, pause, resume, trigger and delete schedules of pipelines."""
    help_when_alone(context)


@app.command(
    "list",
    cls=PerdureCommand,
    short_help="List schedules: when they start next, and what became of the last start.",
    epilog="\b\nExamples:\n  perdure schedule list\n  perdure schedule list --json | jq .next_at",
)
def list_schedules(
    *, as_json: JsonLines = False, address: Address = None, namespace: Namespace = None
) -> int:
    """List all schedules of pipelines, each with its next start in its own time zone.

    `perdure pipeline schedule` sets them. On a terminal the list is a table; else its columns are separated
    by tabs, so that other programs read them.
    """
    from perdure.cli import _schedule_commands

    return _schedule_commands.list_all(as_json=as_json, address=address, namespace=namespace)


@app.command(
    "show",
    cls=PerdureCommand,
    short_help="Show a schedule, its next starts and its last ones.",
    epilog="\b\nExample:\n  perdure schedule show release/1",
)
def show(
    name: Name, *, as_json: JsonLines = False, address: Address = None, namespace: Namespace = None
) -> int:
    """Show what a schedule starts and when, who set it, its next starts, and what became of the last ones."""
    from perdure.cli import _schedule_commands

    return _schedule_commands.show(name, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "pause",
    cls=PerdureCommand,
    short_help="Let a schedule start nothing until it is resumed.",
    epilog='\b\nExample:\n  perdure schedule pause release --note "freeze until Monday"',
)
def pause(name: Name, *, note: Note = "", address: Address = None, namespace: Namespace = None) -> int:
    """Let a schedule start nothing until it is resumed. What it has started goes on."""
    from perdure.cli import _schedule_commands

    return _schedule_commands.pause(name, note, address=address, namespace=namespace)


@app.command(
    "resume",
    cls=PerdureCommand,
    short_help="Let a schedule that is paused start again.",
    epilog="\b\nExample:\n  perdure schedule resume release",
)
def resume(name: Name, *, note: Note = "", address: Address = None, namespace: Namespace = None) -> int:
    """Let a schedule that is paused start again, from its next time on: nothing is made up for."""
    from perdure.cli import _schedule_commands

    return _schedule_commands.resume(name, note, address=address, namespace=namespace)


@app.command(
    "trigger",
    cls=PerdureCommand,
    short_help="Start now what a schedule starts.",
    epilog="\b\nExample:\n  perdure run watch $(perdure schedule trigger release/1)",
)
def trigger(
    name: Name, *, as_json: JsonLines = False, address: Address = None, namespace: Namespace = None
) -> int:
    """Start now what a schedule starts, and print the pipeline's id. Works on one that is paused too.

    Exits with 1 where nothing was started as the pipeline that was started last still runs.
    """
    from perdure.cli import _schedule_commands

    return _schedule_commands.trigger(name, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "delete",
    cls=PerdureCommand,
    short_help="Delete a schedule; what it started goes on.",
    epilog="\b\nExample:\n  perdure schedule delete release/2",
)
def delete(name: Name, *, address: Address = None, namespace: Namespace = None) -> int:
    """Delete a schedule, or all of a pipeline. What they have started goes on."""
    from perdure.cli import _schedule_commands

    return _schedule_commands.delete(name, address=address, namespace=namespace)
