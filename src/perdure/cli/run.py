"""``perdure run``: everything about what was started, wherever it was started from."""

from enum import StrEnum
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._fields import Fields, RawFields, read_fields
from perdure.cli._options import ActionId, Address, Json, JsonLines, Namespace, RunId, Timeout

app = new_app()


class Kind(StrEnum):
    """What may be listed alone."""

    ACTION = "action"
    PIPELINE = "pipeline"
    REVIEW = "review"


@app.callback(invoke_without_command=True)
def run(context: typer.Context) -> None:
    """List, show, watch, cancel and account for actions, pipelines and reviews."""
    help_when_alone(context)


@app.command(
    "list", cls=PerdureCommand, epilog="\b\nExample:\n  perdure run list -R acme/library --status failed"
)
def list_runs(  # noqa: PLR0913 - one parameter for each option
    *,
    kind: Annotated[
        Kind | None, typer.Option("--kind", "-k", help="Only actions, pipelines, or reviews.")
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option(
            "--repository",
            "-R",
            metavar="OWNER/REPO",
            help="Only actions and reviews, and only of this repository; OWNER/ is all of an owner's.",
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
    """List actions, pipelines and reviews: the running ones, then the ones that ended last."""
    from perdure.cli import _run_list

    wanted = _run_list.Wanted(kind=kind, repository=repository, status=status, limit=limit)
    return _run_list.list_runs(wanted, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "show", cls=PerdureCommand, epilog="\b\nExample:\n  perdure run show release-1.2.3 --exit-status"
)
def show(
    run_id: RunId,
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
    """Show where an action or a pipeline stands, or how it ended."""
    from perdure.cli import _run_show

    return _run_show.show(
        run_id, exit_status=exit_status, as_json=as_json, address=address, namespace=namespace
    )


@app.command(
    "watch",
    cls=PerdureCommand,
    short_help="Follow an action or a pipeline to its end.",
    epilog="\b\nExample:\n  perdure run watch release-1.2.3 --timeout 30m",
)
def watch(
    run_id: RunId,
    *,
    timeout: Timeout = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Follow an action or a pipeline to its end; exits as if it were run. Ctrl-C leaves it running.

    A pipeline is drawn with a row for each job: its state, for how long, who is waited for, and where it is
    to be seen.
    """
    from perdure.cli import _run_commands

    return _run_commands.watch(run_id, timeout=timeout, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "cancel",
    cls=PerdureCommand,
    short_help="Cancel an action or a pipeline, and its runs at GitHub.",
    epilog="\b\nExamples:\n  perdure run cancel release-1.2.3\n"
    "  perdure run cancel release/v1.2.3 --no-compensate",
)
def cancel(
    run_id: RunId,
    *,
    compensate: Annotated[
        bool,
        typer.Option(
            "--compensate/--no-compensate",
            help="Whether a pipeline undoes what had succeeded. --no-compensate stops what is being undone.",
        ),
    ] = True,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Ask an action to cancel its run at GitHub and to end; `perdure run watch` shows when it has.

    A pipeline cancels everything that runs, and undoes what had succeeded, unless it was started with
    --no-compensate. Cancelling it again changes nothing: what is being undone goes on to its end.

    Where GitHub does not end a run within 10 minutes, or within what --cancel-timeout or the step's timeout
    says, it ends all the same and says which run may go on.
    """
    from perdure.cli import _run_commands

    return _run_commands.cancel(run_id, compensate=compensate, address=address, namespace=namespace)


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


@app.command(
    "graph",
    cls=PerdureCommand,
    short_help="Draw a pipeline with the states of its steps.",
    epilog="\b\nExample:\n  perdure run graph release/v1.2.3 --svg release.svg",
)
def graph(
    run_id: RunId,
    *,
    svg: Annotated[str | None, typer.Option("--svg", metavar="FILE", help="Write it as SVG too.")] = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Print a pipeline's graph as a Mermaid flowchart, each step in the colour of its state."""
    from perdure.cli import _run_graph

    return _run_graph.graph(run_id, svg_path=svg, address=address, namespace=namespace)


@app.command(
    "audit",
    cls=PerdureCommand,
    short_help="Print the account of a pipeline.",
    epilog="\b\nExample:\n  perdure run audit release/v1.2.3 --json",
)
def audit(
    run_id: RunId, *, as_json: JsonLines = False, address: Address = None, namespace: Namespace = None
) -> int:
    """Print every dispatch, reconciliation, retry, approval and compensation: when, who and why."""
    from perdure.cli import _run_graph

    return _run_graph.audit(run_id, as_json=as_json, address=address, namespace=namespace)


@app.command(
    "retry",
    cls=PerdureCommand,
    epilog="\b\nExamples:\n  perdure run retry release/v1.2.3\n"
    "  perdure run retry release/v1.2.3 --from deploy --file release.yaml",
)
def retry(  # noqa: PLR0913 - one parameter for each option
    run_id: RunId,
    *,
    from_step: Annotated[
        str | None,
        typer.Option("--from", metavar="STEP", help="Do this step again too, and everything after it."),
    ] = None,
    file: Annotated[
        str | None,
        typer.Option("--file", metavar="FILE", help="The pipeline file as it is now; as it was otherwise."),
    ] = None,
    raw_field: RawFields = None,
    field: Fields = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Print the new id as soon as it is started, and leave.")
    ] = False,
    timeout: Timeout = None,
    as_json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Start a pipeline again that has ended, and keep what succeeded.

    A step is done again where it failed, where its inputs have changed, where it was undone, and after any
    such step. Everything else keeps its result.
    """
    from perdure.cli import _run_retry
    from perdure.cli._action_run import Waiting

    return _run_retry.retry(
        run_id,
        _run_retry.Options(from_step=from_step, file=file, inputs=read_fields(raw_field, field)),
        Waiting(detach=detach, timeout=timeout, as_json=as_json),
        address=address,
        namespace=namespace,
    )
