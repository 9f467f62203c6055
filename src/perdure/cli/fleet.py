"""``perdure fleet``: the same work over many repositories, or whatever else there are many of."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Json, JsonLines, Namespace, Timeout

app = new_app()

FleetId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The fleet's id, or its NAME/KEY, that was given with --id."),
]


@app.callback(invoke_without_command=True)
def fleet(context: typer.Context) -> None:
    """Do the same work for every item of a list, however long it is."""
    help_when_alone(context)


@app.command(
    "check",
    cls=PerdureCommand,
    short_help="Find everything that is wrong with fleet files.",
    epilog="\b\nExample:\n  perdure fleet check nightly.yaml",
)
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The fleet files; - is stdin.")],
) -> int:
    """Find everything that is wrong with fleet files and what they refer to, as file:line:column: message.

    Exits with 0 where all are right and with 2 otherwise. Needs neither an engine nor GitHub.
    """
    from perdure.cli import _fleet_files

    return _fleet_files.check(files)


@app.command(
    "run",
    cls=PerdureCommand,
    short_help="Do a fleet file's work for each of its items.",
    epilog="\b\nExamples:\n  perdure fleet run nightly.yaml\n"
    "  perdure fleet run nightly.yaml --id 2026-11-22 --detach",
)
def run_fleet(  # noqa: PLR0913 - one parameter for each option
    file: Annotated[str, typer.Argument(metavar="FILE", help="The fleet file; - is stdin.")],
    *,
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="KEY",
            help="A name of your own for this run of the fleet. The same KEY again attaches to what is"
            " there and never starts it twice.",
        ),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Print the fleet's id as soon as it is started, and leave.")
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Do the work of every item, so many at once as the file says, and print what came of it.

    Exits with 1 where more failed than the file tolerates. Workers carry it out, not this command: Ctrl-C
    leaves it running. Needs a running engine, a worker (`perdure up` starts both), and somebody who polls the
    task queue that the file names: that is looked at before anything is started.
    """
    from perdure.cli import _fleet_run
    from perdure.cli._action_run import Waiting

    waiting = Waiting(detach=detach, timeout=timeout, as_json=as_json)
    return _fleet_run.run(file, key, waiting, address=address, namespace=namespace)


@app.command("list", cls=PerdureCommand)
def list_fleets(
    *,
    limit: Annotated[int, typer.Option("--limit", "-L", min=1, metavar="N", help="At most so many.")] = 20,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """List fleets: the running ones, then the ones that ended last."""
    from perdure.cli import _fleet_show

    return _fleet_show.list_all(limit, as_json=as_json, address=address, namespace=namespace)


@app.command("show", cls=PerdureCommand, epilog="\b\nExample:\n  perdure fleet show nightly/2026-11-22")
def show(
    fleet_id: FleetId, *, as_json: Json = False, address: Address = None, namespace: Namespace = None
) -> int:
    """Show where a fleet stands, or how it ended: how many items are where, and which of them failed."""
    from perdure.cli import _fleet_show

    return _fleet_show.show(fleet_id, as_json=as_json, address=address, namespace=namespace)


@app.command("watch", cls=PerdureCommand, short_help="Follow a fleet to its end.")
def watch(
    fleet_id: FleetId,
    *,
    timeout: Timeout = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Follow a fleet to its end; exits as if it were run. Ctrl-C leaves it running."""
    from perdure.cli import _fleet_run

    return _fleet_run.watch(fleet_id, timeout=timeout, as_json=as_json, address=address, namespace=namespace)


@app.command("pause", cls=PerdureCommand)
def pause(fleet_id: FleetId, *, address: Address = None, namespace: Namespace = None) -> int:
    """Begin no more items; those under way go on."""
    from perdure.cli import _fleet_show

    return _fleet_show.steer(fleet_id, "pause", address=address, namespace=namespace)


@app.command("resume", cls=PerdureCommand)
def resume(fleet_id: FleetId, *, address: Address = None, namespace: Namespace = None) -> int:
    """Go on with a fleet that was paused."""
    from perdure.cli import _fleet_show

    return _fleet_show.steer(fleet_id, "resume", address=address, namespace=namespace)


@app.command("cancel", cls=PerdureCommand)
def cancel(fleet_id: FleetId, *, address: Address = None, namespace: Namespace = None) -> int:
    """Begin no more items, and ask those under way to end; what has ended is kept."""
    from perdure.cli import _fleet_show

    return _fleet_show.steer(fleet_id, "cancel", address=address, namespace=namespace)


@app.command("retry", cls=PerdureCommand, epilog="\b\nExample:\n  perdure fleet retry nightly/2026-11-22")
def retry(  # noqa: PLR0913 - one parameter for each option
    fleet_id: FleetId,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Print the new id as soon as it is started, and leave.")
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Start a new fleet of those items of an ended one that did not succeed."""
    from perdure.cli import _fleet_run
    from perdure.cli._action_run import Waiting

    waiting = Waiting(detach=detach, timeout=timeout, as_json=as_json)
    return _fleet_run.retry(fleet_id, waiting, address=address, namespace=namespace)


@app.command(
    "report",
    cls=PerdureCommand,
    short_help="Print every result of a fleet, or write it as a page.",
    epilog="\b\nExamples:\n  perdure fleet report nightly/2026-11-22\n"
    "  perdure fleet report nightly/2026-11-22 --html report.html",
)
def report(  # noqa: PLR0913 - one parameter for each option
    fleet_id: FleetId,
    *,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write one page with charts; - is stdout.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only what did not succeed.")] = False,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Print how each item ended, how long it took and what it cost, in the order of the list.

    The page needs nothing but a browser: it loads nothing from anywhere.
    """
    from perdure.cli import _fleet_report

    wanted = _fleet_report.Wanted(html=html, failed=failed, as_json=as_json)
    return _fleet_report.report(fleet_id, wanted, address=address, namespace=namespace)
