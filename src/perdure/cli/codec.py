"""``perdure codec``: encrypted payloads, for Temporal's own tools."""

from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app

app = new_app()


@app.callback(invoke_without_command=True)
def codec(context: typer.Context) -> None:
    """Open encrypted payloads for Temporal's command and web UI."""
    help_when_alone(context)


@app.command(
    "serve",
    cls=PerdureCommand,
    short_help="Open payloads for Temporal's command and web UI.",
    epilog="\b\nExamples:\n  perdure codec serve\n  temporal workflow show -w ID"
    ' --codec-endpoint http://127.0.0.1:8500 --codec-auth "Bearer TOKEN"',
)
def serve(
    *,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Its port; 8500 otherwise, 0 takes a free one."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on; this machine alone otherwise.")
    ] = "127.0.0.1",
) -> int:
    """Serve Temporal's codec protocol with the keys of [encryption], and say who had what opened.

    It opens payloads for whoever has the token of codec_token, and for the people of codec_people with their
    own GitHub tokens. Pages may ask it only from codec_origins. It never connects to the engine.
    """
    import asyncio

    from perdure.cli import _codec

    return asyncio.run(_codec.serve_codec(host, port))
