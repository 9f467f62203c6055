"""``perdure worker``: do the engine's work."""

from typing import Annotated

import typer

from perdure.cli._options import Address, Namespace


def command(
    *,
    queues: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,...",
            help="Task queues to take work from; all of Perdure's otherwise: perdure, perdure-dispatch,"
            " perdure-watch.",
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
) -> int:
    """Take work from any Temporal server, until it is stopped.

    Run as many as you like, on as many machines: the server shares the work out, and keeps the limits for
    all of them together. Ctrl-C or SIGTERM lets what is running finish first; a second Ctrl-C ends at once,
    and another worker takes over.
    """
    import asyncio

    from perdure.cli import _worker

    wanted = tuple(name.strip() for name in queues.split(",") if name.strip()) if queues else None
    return asyncio.run(_worker.work(wanted, address=address, namespace=namespace))
