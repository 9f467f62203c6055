"""``perdure run``: everything about actions that were started, wherever they were started from."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import ActionId, Address, Json, JsonLines, Namespace, Timeout

app = new_app()


@app.callback(invoke_without_command=True)
def run(context: typer.Context) -> None:
    """List, show, watch, cancel and resolve actions."""
    help_when_alone(context)


@app.command(
    "list", cls=PerdureCommand, epilog="\b\nExample:\n  perdure run list -R acme/library --status failed"
)
def list_runs(  # noqa: PLR0913 - one parameter for each option
    *,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            "-R",
            metavar="OWNER/REPO",
            help="Only of this repository; OWNER/ is all of an owner's.",
        ),
    ] = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status",
            "-s",
            metavar="STATUS",
            help="Only with this status: running, completed, failed, canceled, terminated or timed-out.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-L", min=1, metavar="N", help="At most so many.")] = 20,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """List actions: the running ones, then the ones that ended last."""
    from perdure.cli import _run_list

    wanted = _run_list.Wanted(repository=repository, status=status, limit=limit)
    return _run_list.list_runs(wanted, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "show", cls=PerdureCommand, epilog="\b\nExample:\n  perdure run show release-1.2.3 --exit-status"
)
def show(
    action_id: ActionId,
    *,
    exit_status: Annotated[
        bool,
        typer.Option(
            "--exit-status", help="Exit with 0 where it succeeded, 1 where it failed, 3 where it still runs."
        ),
    ] = False,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Show where an action stands, or how it ended."""
    from perdure.cli import _run_show

    return _run_show.show(
        action_id, exit_status=exit_status, as_json=as_json, address=address, namespace=namespace
    )


@app.command(
    "watch",
    cls=PerdureCommand,
    short_help="Follow an action to its end.",
    epilog="\b\nExample:\n  perdure run watch release-1.2.3 --timeout 30m",
)
def watch(
    action_id: ActionId,
    *,
    timeout: Timeout = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Follow an action to its end; exits as `perdure action run` does. Ctrl-C leaves it running."""
    from perdure.cli import _run_commands

    return _run_commands.watch(
        action_id, timeout=timeout, as_json=as_json, address=address, namespace=namespace
    )


@app.command("cancel", cls=PerdureCommand, short_help="Cancel an action and its run at GitHub.")
def cancel(action_id: ActionId, *, address: Address = None, namespace: Namespace = None) -> int:
    """Ask an action to cancel its run at GitHub and to end; `perdure run watch` shows when it has."""
    from perdure.cli import _run_commands

    return _run_commands.cancel(action_id, address=address, namespace=namespace)


@app.command("logs", cls=PerdureCommand, short_help="Print the logs of an action's run.")
def logs(
    action_id: ActionId,
    *,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="Only this job's log.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only of jobs that failed.")] = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Print the logs of an action's run, read from GitHub with the credentials of the settings."""
    from perdure.cli import _run_logs

    return _run_logs.logs(action_id, job=job, failed=failed, address=address, namespace=namespace)


@app.command(
    "resolve",
    cls=PerdureCommand,
    short_help="Decide on a dispatch that is held.",
    epilog="\b\nExamples:\n  perdure run resolve release-1.2.3 redispatch\n"
    "  perdure run resolve release-1.2.3 adopt:19023456789",
)
def resolve(
    action_id: ActionId,
    decision: Annotated[
        str,
        typer.Argument(
            metavar="DECISION",
            help="redispatch: send it again. fail: end the action. adopt:RUN_ID: GitHub's run with this id"
            " is the one.",
        ),
    ],
    *,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Decide on a dispatch that is held, because GitHub's answer was lost and no run shows up."""
    from perdure.cli import _run_commands

    return _run_commands.resolve(action_id, decision, address=address, namespace=namespace)
