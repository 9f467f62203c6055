"""``perdure web``: the gateway through which people decide, and the receiver of GitHub's webhooks."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli._app import PerdureCommand, help_when_alone, new_app
from perdure.cli._options import Address, Namespace

app = new_app()
key_app = new_app()
app.add_typer(key_app, name="key", help="Make the key that the gateway signs with.")


@app.callback(invoke_without_command=True)
def web(
    context: typer.Context,
    *,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", min=0, max=65535, help="Its port; 8400 otherwise, 0 takes a free one."),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on; this machine alone otherwise.")
    ] = "127.0.0.1",
    address: Address = None,
    namespace: Namespace = None,
) -> None:
    """Serve the API through which people list, show and decide approvals, and take GitHub's webhooks.

    It knows a person by their GitHub token and signs what they decide with the key of [approvals]. Workers
    that know its public key believe nobody else. The API describes itself at /openapi.json.

    With secrets in [webhooks] it takes GitHub's webhooks at /webhooks/github, at the port of [webhooks] or at
    its own, and has the actions look that they are about.
    """
    if context.invoked_subcommand is not None:
        return
    import asyncio

    from perdure.cli import _web

    raise typer.Exit(asyncio.run(_web.web(host, port, address=address, namespace=namespace)))


@key_app.callback(invoke_without_command=True)
def key(context: typer.Context) -> None:
    """Make the key that the gateway signs with."""
    help_when_alone(context)


@key_app.command("new", cls=PerdureCommand, epilog="\b\nExample:\n  perdure web key new --out approvals.pem")
def new(
    *,
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the private key is written; never over another.")
    ] = Path("approvals.pem"),
) -> int:
    """Make a key pair: the private one into a file of yours alone, the public one on stdout."""
    from perdure.cli import _web

    return _web.new_key(out)
