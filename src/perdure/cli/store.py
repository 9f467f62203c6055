"""``perdure store``: what is kept beside the engine."""

from datetime import timedelta
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._durations import parse_duration
from perdure.cli._options import Address, JsonLines, Namespace

app = new_app()


@app.callback(invoke_without_command=True)
def store(context: typer.Context) -> None:
    """Clear what is kept beside the engine."""
    help_when_alone(context)


@app.command(
    "prune",
    cls=PerdureCommand,
    short_help="Delete large payloads that no history refers to any more.",
    epilog="\b\nExamples:\n  perdure store prune --dry-run\n  perdure store prune --older-than 30d",
)
def prune(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be deleted, and keep it.")
    ] = False,
    older_than: Annotated[
        timedelta | None,
        typer.Option(
            parser=parse_duration,
            metavar="DURATION",
            help="Keep what was put later than this: 7d otherwise, 1h at least.",
        ),
    ] = None,
    json: JsonLines = False,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Read all histories and schedules of the namespace, and delete payloads that none of them names.

    The engine deletes histories when their retention has passed, and leaves what stands outside. Run it
    where the store is, once a day or less: it reads every history. Reports and diffs stay.
    """
    from perdure.cli import _store

    return _store.prune_store(older_than, dry_run=dry_run, as_json=json, address=address, namespace=namespace)
