"""``perdure key``: what payloads are encrypted with."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import JsonLines

app = new_app()

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Where the key is written, never over another; ID.key otherwise."
    ),
]
Keyring = Annotated[
    str | None,
    typer.Option("--keyring", metavar="SERVICE", help="Put it into the operating system's keyring instead."),
]
_ID_HELP = "The key's id, which stands in histories; today's date otherwise."


@app.callback(invoke_without_command=True)
def key(context: typer.Context) -> None:
    """Make, change and list the keys that payloads are encrypted with."""
    help_when_alone(context)


@app.command(
    "new",
    cls=PerdureCommand,
    short_help="Make a key, and print how settings name it.",
    epilog="\b\nExamples:\n  perdure key new\n  perdure key new acme-2026 --keyring perdure",
)
def new(
    key_id: Annotated[str | None, typer.Argument(metavar="[ID]", help=_ID_HELP, show_default=False)] = None,
    *,
    out: Out = None,
    keyring: Keyring = None,
) -> int:
    """Make a key where only you can read it, and print the lines that settings name it with.

    No settings are changed: give the key to every machine that has to read, then make it active with
    `perdure key rotate ID`. Whoever loses a key loses everything that was encrypted with it.
    """
    from perdure.cli import _key

    return _key.new(key_id, out=out, keyring=keyring)


@app.command(
    "rotate",
    cls=PerdureCommand,
    short_help="Have new payloads encrypted with another key.",
    epilog="\b\nExamples:\n  perdure key rotate\n  perdure key rotate 2026-11-22",
)
def rotate(
    key_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]", help="A key that settings name already, or a new one's id.", show_default=False
        ),
    ] = None,
    *,
    out: Out = None,
    keyring: Keyring = None,
) -> int:
    """Make a key active in the settings file, and a new one where none is named. Old keys stay, and read.

    Whatever runs takes the change when it is started again. Until every worker and every client knows the
    new key, those that do not wait or say which key they miss: nothing is lost.
    """
    from perdure.cli import _key

    return _key.rotate(key_id, out=out, keyring=keyring)


@app.command("list", cls=PerdureCommand, short_help="List the keys that settings name, never their values.")
def list_keys(*, json: JsonLines = False) -> int:
    """List the keys that settings name: their ids, which one writes, where they are. Never their values.

    Keys are the same on two machines where their fingerprints are.
    """
    from perdure.cli import _key

    return _key.list_keys(as_json=json)
