"""``perdure up``: everything on this machine."""

from pathlib import Path
from typing import Annotated

import typer


def command(  # noqa: PLR0913 - one parameter for each option
    *,
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where all data and logs lie; .perdure otherwise.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Temporal's port; 7233 otherwise, 0 takes a free one."
        ),
    ] = None,
    ui_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT", min=0, max=65535, help="Its web UI's port; 8233 otherwise, 0 takes a free one."
        ),
    ] = None,
    emulator_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65535,
            help="The emulated GitHub's port; 8300 otherwise, 0 takes a free one.",
        ),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=0,
            max=65534,
            help="Port of the worker's page for Prometheus, such as 9464; no page otherwise, 0 takes a free"
            " one. Reviews' worker has the next one.",
        ),
    ] = None,
    no_emulator: Annotated[
        bool,
        typer.Option(
            "--no-emulator", help="Do not emulate GitHub where the settings hold no credentials for it."
        ),
    ] = False,
) -> int:
    """Start the engine and a worker on this machine, and keep them running.

    With GitHub credentials in the settings actions run there. Without, GitHub is emulated on this machine,
    with an example repository, and nothing needs an account. Ctrl-C stops everything; the next `perdure up`
    in the same folder goes on with what was running.
    """
    import asyncio

    from perdure.cli import _up

    ports = {"port": port, "ui_port": ui_port, "emulator_port": emulator_port}
    return asyncio.run(_up.up(folder, ports, no_emulator=no_emulator, metrics_port=metrics_port))
