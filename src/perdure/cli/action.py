"""``perdure action``: run one Actions workflow durably."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._durations import parse_duration
from perdure.cli._fields import Fields, RawFields, read_fields
from perdure.cli._options import Address, Json, Namespace, Timeout
from perdure.model.actions import OnAmbiguity, RetryBy, WaitBy

app = new_app()

_EXAMPLES = """\b
Examples:
  perdure action run acme/library release.yml --ref main -f version=1.2.3
  perdure action run acme/library release.yml --id release-1.2.3 --retry 3
  perdure action run acme/library notes.yml -F text=@CHANGES.md --detach
  cat notes.md | perdure action run acme/library notes.yml -F text=@- --json
"""


class Accepted(StrEnum):
    """A conclusion that may be let pass."""

    NEUTRAL = "neutral"
    SKIPPED = "skipped"


@app.callback(invoke_without_command=True)
def action(context: typer.Context) -> None:
    """Run one GitHub Actions workflow durably."""
    help_when_alone(context)


@app.command("run", cls=PerdureCommand, epilog=_EXAMPLES)
def run_action(  # noqa: PLR0913 - one parameter for each option
    repository: Annotated[str, typer.Argument(metavar="OWNER/REPO", help="The repository.")],
    workflow_file: Annotated[
        str,
        typer.Argument(
            metavar="WORKFLOW.yml", help="A file in .github/workflows of the repository's default branch."
        ),
    ],
    *,
    ref: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Branch or tag to run on; the default branch otherwise."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="KEY",
            help="A name of your own for this action. The same KEY again attaches to what is there"
            " and never starts it twice: use it wherever a job may be retried.",
        ),
    ] = None,
    raw_field: RawFields = None,
    field: Fields = None,
    retry: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Attempts in all, the first included; 0 is without limit. Permanent errors are never"
            " tried again.",
        ),
    ] = 1,
    retry_by: Annotated[
        RetryBy,
        typer.Option(help="Try again by re-running the failed jobs, or by dispatching a new run."),
    ] = RetryBy.RERUN_FAILED,
    on_ambiguity: Annotated[
        OnAmbiguity,
        typer.Option(
            help="What to do when GitHub's answer is lost and no run shows up: dispatch again, hold and ask"
            " a person (perdure run resolve), or fail."
        ),
    ] = OnAmbiguity.REDISPATCH,
    accept: Annotated[
        list[Accepted] | None,
        typer.Option(
            metavar="neutral|skipped", help="A conclusion that passes besides success; may be repeated."
        ),
    ] = None,
    expect_sha: Annotated[
        str | None,
        typer.Option(metavar="SHA", help="The commit that the run must be on; otherwise it is cancelled."),
    ] = None,
    queue_timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Longest wait for a runner, such as 30m; without limit otherwise.",
        ),
    ] = None,
    run_timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Longest time from then to the end, such as 6h; without limit otherwise.",
        ),
    ] = None,
    cancel_timeout: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="How long GitHub has to end the run once it is cancelled; 10m otherwise.",
        ),
    ] = None,
    wait: Annotated[
        WaitBy,
        typer.Option(help="Learn of the run from its repository's one watcher, or poll it alone."),
    ] = WaitBy.WATCH,
    poll_interval: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Between two looks where --wait is poll; 15s otherwise.",
        ),
    ] = None,
    detach: Annotated[
        bool,
        typer.Option("--detach", "-d", help="Print the action's id as soon as it is started, and leave."),
    ] = False,
    timeout: Timeout = None,
    as_json: Json = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Dispatch an Actions workflow once, follow its run to the end, and print how it ended.

    A worker follows it, not this command: Ctrl-C leaves it running, and so does a reboot. Needs a running
    engine and a worker: `perdure up` starts both.
    """
    from perdure.cli import _action_run

    options = {
        "repository": repository,
        "workflow_file": workflow_file,
        "ref": ref,
        "key": key,
        "inputs": read_fields(raw_field, field),
        "retry": {"attempts": retry, "by": retry_by},
        "on_ambiguity": on_ambiguity,
        "accept": frozenset(accept or ()),
        "expect_sha": expect_sha.lower() if expect_sha else None,
        "queue_timeout": queue_timeout,
        "run_timeout": run_timeout,
        "cancel_timeout": cancel_timeout,
        "wait": wait,
        "poll_interval": poll_interval,
    }
    waiting = _action_run.Waiting(detach=detach, timeout=timeout, as_json=as_json)
    return _action_run.run(options, waiting, address=address, namespace=namespace)
