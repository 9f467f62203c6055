"""``perdure emulator``: GitHub in a process."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TimingName(StrEnum):
    """How long things take."""

    REAL = "real"
    FAST = "fast"


class ProfileName(StrEnum):
    """Which GitHub it is."""

    GITHUB = "github"
    GHES = "ghes-3.19"


def command(  # noqa: PLR0913 - one parameter for each option
    *,
    root: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of git repositories: DIR/OWNER/REPO.")
    ],
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Port; 8300 otherwise, 0 takes a free one."),
    ] = None,
    timing: Annotated[
        TimingName,
        typer.Option(
            help="Whether lists lag and runners are slow, as GitHub's do, or everything is at once."
        ),
    ] = TimingName.FAST,
    profile: Annotated[
        ProfileName, typer.Option(help="github.com, or an older GitHub Enterprise Server.")
    ] = ProfileName.GITHUB,
    network: Annotated[bool, typer.Option("--network", help="Let steps use the network.")] = False,
    state: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Where runs, logs and artifacts are kept; ROOT/.emulator otherwise."
        ),
    ] = None,
    app: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID=FILE",
            help="A GitHub App and its key (PEM, public or private); may be repeated. Without any App every"
            " token is accepted.",
        ),
    ] = None,
    webhook_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where signed webhooks are sent.")
    ] = None,
    webhook_secret: Annotated[
        str | None,
        typer.Option(metavar="REFERENCE", help="Their secret: env:NAME, file:PATH or keyring:SERVICE/NAME."),
    ] = None,
    restart_lost_runs: Annotated[
        bool,
        typer.Option(
            "--restart-lost-runs",
            help="Begin runs anew that a stop of the emulator has cut off, instead of failing them.",
        ),
    ] = False,
    control: Annotated[
        bool, typer.Option("--control", help="Serve /_emulator: faults, requests and runs, for tests.")
    ] = False,
) -> int:
    """Serve a folder of git repositories as GitHub's REST API.

    Dispatched workflow files are executed on this machine: run the files of people you trust only. Runs have
    pages, logs and artifacts, and outlive a restart. Prints the API's address and serves until Ctrl-C.
    """
    from perdure.cli import _emulator

    return _emulator.serve(
        root,
        {
            "timing": timing.value,
            "profile": profile.value,
            "network": network,
            "control": control,
            "restart_lost_runs": restart_lost_runs,
            "state_dir": state,
        },
        port=port,
        apps=app or (),
        webhook=_emulator.read_webhook(webhook_url, webhook_secret),
    )
